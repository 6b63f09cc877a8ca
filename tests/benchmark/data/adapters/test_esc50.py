"""ESC-50 and ESC-10: folds, formats of the files, the owners' own list."""

from __future__ import annotations

import pytest
from trees import touch, write

from benchmark.data.adapters import read
from benchmark.data.splits import hold_out
from registries.errors import NotReadyError, UsageError

HEAD = "filename,fold,target,category,esc10,src_file,take"
ROWS = [
    "1-100000-A-7.wav,1,7,rooster,False,100000,A",
    "1-100001-A-0.wav,1,0,dog,True,100001,A",
    "2-100002-A-0.wav,2,0,dog,True,100002,A",
    "2-100002-B-0.wav,2,0,dog,True,100002,B",
    "3-100003-A-7.wav,3,7,rooster,False,100003,A",
    "3-100004-A-9.wav,3,9,crow,False,100004,A",
]


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "meta/esc50.csv", HEAD, *ROWS, end="\r\n")
    touch(tmp_path, *(f"audio/{row.split(',')[0]}" for row in ROWS))
    return tmp_path


def test_folds(root):
    found = read("esc50", root, fold=3)
    assert found.labels == ("dog", "rooster")  # by target; crow has nothing to train on
    assert found.rows[["id", "label", "split", "group"]].to_numpy().tolist() == [
        ["1-100000-A-7", 1, "train", "100000"],
        ["1-100001-A-0", 0, "train", "100001"],
        ["2-100002-A-0", 0, "train", "100002"],
        ["2-100002-B-0", 0, "train", "100002"],
        ["3-100003-A-7", 1, "test", "100003"],
    ]
    assert (found.kind, found.expected, found.missing) == ("subset", 6, ())
    assert found.rows["has_audio"].all()
    assert read("esc50", root).labels == ("dog", "rooster", "crow")
    with pytest.raises(UsageError, match=r"folds \(1, 2, 3, 4, 5\), not 6"):
        read("esc50", root, fold=6)


def test_esc10_keeps_its_own_clips(root):
    found = read("esc50", root, fold=1, esc10=True)
    assert found.labels == ("dog",)
    assert found.rows["split"].tolist() == ["test", "train", "train"]
    assert found.expected == 3


def test_files_in_other_formats(root):
    for name, suffix in (("1-100001-A-0", ".ogg"), ("2-100002-A-0", ".flac")):
        (root / f"audio/{name}.wav").rename(root / f"audio/{name}{suffix}")
    touch(root, "audio/2-100002-A-0.ogg")  # the lossless copy is preferred
    (root / "audio/3-100003-A-7.wav").unlink()
    found = read("esc50", root, fold=2)
    assert found.rows["path"].tolist()[1:3] == ["audio/1-100001-A-0.ogg", "audio/2-100002-A-0.flac"]
    assert found.missing == ("audio/3-100003-A-7.wav",)


def test_damaged_lists(root):
    write(root, "meta/esc50.csv", HEAD, *ROWS, "1-9-A-7.wav,1,7,hen,False,9,A")
    with pytest.raises(NotReadyError, match="row 7 calls target 7 'hen', an earlier one 'rooster'"):
        read("esc50", root)
    write(root, "meta/esc50.csv", HEAD, "a.wav,one,7,hen,False,9,A")
    with pytest.raises(NotReadyError, match=r"esc50\.csv: row 1 is damaged"):
        read("esc50", root)
    write(root, "meta/esc50.csv", "filename,fold,target,category", "a.wav,1,7,hen")
    with pytest.raises(NotReadyError, match=r"lacks the columns \['esc10', 'src_file'\]"):
        read("esc50", root)


@pytest.mark.parametrize("fold", [1, 2, 3, 4, 5])
def test_real_esc10(real_data, fold):
    found = read("esc50", real_data, fold=fold, esc10=True)
    assert (found.kind, len(found), len(found.labels)) == ("full", 400, 10)
    assert found.rows["split"].value_counts().to_dict() == {"train": 320, "test": 80}
    assert found.split("test").rows["label"].value_counts().tolist() == [8] * 10
    sides = found.rows.groupby("group")["split"].nunique()
    assert (sides == 1).all()
    held = hold_out(found).rows
    assert (held.groupby("group")["split"].nunique() == 1).all()
    assert held[held["split"] == "val"]["label"].nunique() == 10


def test_real_esc50_is_known_to_be_a_part(real_data):
    found = read("esc50", real_data, fold=1)
    assert (found.kind, found.expected, len(found) + len(found.missing)) == ("subset", 2000, 2000)
    assert found.labels[:3] == ("dog", "rooster", "pig")
    assert len(found.labels) == 50
