"""VGGSound: lists without header, clips by name."""

from __future__ import annotations

import pytest
from trees import touch, write

from benchmark.data.adapters import read
from registries.errors import NotReadyError

ROWS = ['-bCdEfGhIjK,30,"bird chirping, tweeting",train', "AbCdEfGhI_K,0,zebra braying,test"]
ROWS += ["gone_______,7,zebra braying,train"]


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "vggsound.csv", *ROWS, end="\r\n")
    touch(tmp_path, "video/-bCdEfGhIjK_000030.mp4", "test/b/AbCdEfGhI_K_000000.mkv")
    touch(tmp_path, "video/unlisted____000001.mp4", "video/gone________000007.part")
    return tmp_path


def test_clips_by_name(root):
    found = read("vggsound", root)
    assert found.labels == ("bird chirping, tweeting", "zebra braying")
    assert found.rows[["id", "path", "label", "split", "group"]].to_numpy().tolist() == [
        ["-bCdEfGhIjK_000030", "video/-bCdEfGhIjK_000030.mp4", 0, "train", "-bCdEfGhIjK"],
        ["AbCdEfGhI_K_000000", "test/b/AbCdEfGhI_K_000000.mkv", 1, "test", "AbCdEfGhI_K"],
    ]
    assert found.missing == ("gone________000007.mp4",)
    assert (found.kind, found.expected) == ("subset", 199_176)


def test_further_lists(root):
    (root / "data").mkdir()
    (root / "vggsound.csv").rename(root / "data" / "vggsound.csv")
    more = ["AbCdEfGhI_K_000000.mp4,zebra braying", "new________x_000002.mp4,airplane"]
    write(root, "data/test.csv", *more)
    write(
        root,
        "data/stat.csv",
        "zebra braying,9,animals",
        "airplane,3,vehicle",
        '"bird chirping, tweeting",5,animals',
        "owl hooting,2,animals",
    )
    found = read("vggsound", root)
    assert found.labels == ("airplane", "bird chirping, tweeting", "owl hooting", "zebra braying")
    assert found.rows["label"].tolist() == [1, 3]
    assert found.missing == ("gone________000007.mp4", "new________x_000002.mp4")
    write(root, "data/test.csv", "AbCdEfGhI_K_000000.mp4,airplane")
    with pytest.raises(NotReadyError, match=r"test\.csv says 'airplane', test, of AbCdEfGhI_K"):
        read("vggsound", root)
    write(root, "data/test.csv", "new________x_000002.mp4,unheard of")
    with pytest.raises(NotReadyError, match=r"stat\.csv lacks the listed class 'unheard of'"):
        read("vggsound", root)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("AbCdEfGhIjK,1,a", r"row 1 has 3 columns, not 4"),
        ("AbCdEfGhIjK,1,a,val", r"has the split 'val', not train or test"),
        ("youtube_id,start,label,test", r"'start' is not a time in seconds"),
    ],
)
def test_another_list_is_refused(root, row, words):
    write(root, "vggsound.csv", row)
    with pytest.raises(NotReadyError, match=words):
        read("vggsound", root)


def test_real_clips(real_data):
    found = read("vggsound", real_data)
    assert found.rows["split"].value_counts().to_dict() == {"test": 13, "train": 2}
    assert len(found.labels) == 309
    assert len(found) + len(found.missing) == 15_446 + 2
    label = found.rows.set_index("id")["label"]["0B4dYTMsgHA_000130"]
    assert found.labels[label] == "child speech, kid speaking"
