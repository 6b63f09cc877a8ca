"""Kinetics: lists old and new, class folders as copies spell them, silent clips."""

from __future__ import annotations

import numpy as np
import pytest
from coded_media import noise, write_video
from trees import touch, write

from benchmark.data.adapters import locate, read
from benchmark.data.adapters.kinetics import key
from registries.errors import NotReadyError, UsageError

HEAD = "label,youtube_id,time_start,time_end,split"
TRAIN = [
    "playing kazoo,-bCdEfGhIjK,12,22,train",
    '"petting animal (not cat)",AbCdEfGhIjK,0,10,train',
    "massaging person's head,_bCdEfGhIjK,7,17,train",
    "playing kazoo,gone_______,1,11,train",
]
VAL = ["playing kazoo,vbCdEfGhIjK,3,13,val"]


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))


def lists(root, *, old: bool = False, end: str = "\r\n") -> None:
    for split, rows in (("train", TRAIN), ("val", VAL)):
        added = [f"{row},0" for row in rows] if old else rows
        write(
            root,
            f"annotations/{split}.csv",
            HEAD + (",is_cc" if old else ""),
            *added,
            end=end,
        )


SPELT = {
    "spaces": ("playing kazoo", "petting animal (not cat)", "massaging person's head"),
    "mmaction": ("playing_kazoo", "petting_animal_(not_cat)", "massaging_person's_head"),
    "torchvision": ("playing_kazoo", "petting_animal_not_cat", "massaging_persons_head"),
    "flat": ("", "", ""),
}


def videos(root, spelt: str) -> None:
    kazoo, petting, massage = SPELT[spelt]
    touch(root, f"train/{kazoo}/-bCdEfGhIjK_000012_000022.mp4")
    touch(root, f"train/{petting}/AbCdEfGhIjK_000000_000010.mkv")
    touch(root, f"train/{massage}/_bCdEfGhIjK_000007_000017.mp4")
    touch(root, f"val/{kazoo}/vbCdEfGhIjK_000003_000013.mp4")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("spelt", sorted(SPELT))
def test_lists(tmp_path, spelt, old):
    lists(tmp_path, old=old)
    videos(tmp_path, spelt)
    found = read("kinetics400", tmp_path)
    assert found.labels == (
        "massaging person's head",
        "petting animal (not cat)",
        "playing kazoo",
    )
    facts = found.rows.set_index("id")[["label", "split", "group"]].T.to_dict("list")
    assert facts == {
        "-bCdEfGhIjK_000012_000022": [2, "train", "-bCdEfGhIjK"],
        "AbCdEfGhIjK_000000_000010": [1, "train", "AbCdEfGhIjK"],
        "_bCdEfGhIjK_000007_000017": [0, "train", "_bCdEfGhIjK"],
        "vbCdEfGhIjK_000003_000013": [2, "test", "vbCdEfGhIjK"],
    }
    assert found.missing == ("gone________000001_000011.mp4",)
    assert (found.kind, found.expected, found.name) == ("subset", 5, "kinetics400")
    assert set(read("kinetics700", tmp_path, tested="test").rows["split"]) == {"train", "val"}


@pytest.mark.parametrize("spelt", ["spaces", "mmaction", "torchvision"])
def test_without_lists_folders_tell_the_class(tmp_path, spelt):
    videos(tmp_path, spelt)
    touch(tmp_path, "train/notes/readme.mp4", "other/x/abCdEfGhIjK_000000_000010.mp4")
    found = read("kinetics400", tmp_path)
    assert [key(name) for name in found.labels] == [
        "massaging persons head",
        "petting animal not cat",
        "playing kazoo",
    ]
    assert not any("_" in name for name in found.labels)
    assert found.rows["split"].value_counts().to_dict() == {"train": 3, "test": 1}
    assert (found.kind, found.missing) == ("subset", ())


def test_test_parts_without_labels(tmp_path):
    lists(tmp_path)
    videos(tmp_path, "mmaction")
    listed = ["tbCdEfGhIjK,1,11,test", "ubCdEfGhIjK,1,11,test"]
    write(tmp_path, "annotations/test.csv", "youtube_id,time_start,time_end,split", *listed)
    gone = ("gone________000001_000011.mp4",)
    assert read("kinetics400", tmp_path, tested="test").missing == gone  # no test clip is here
    touch(tmp_path, "test/tbCdEfGhIjK_000001_000011.mp4")
    flat = read("kinetics400", tmp_path, tested="test")
    assert "test" not in set(flat.rows["split"])  # here, but of no known class
    (tmp_path / "test" / "tbCdEfGhIjK_000001_000011.mp4").unlink()
    touch(tmp_path, "test/playing_kazoo/tbCdEfGhIjK_000001_000011.mp4")
    found = read("kinetics400", tmp_path, tested="test").split("test")
    assert found.rows["id"].tolist() == ["tbCdEfGhIjK_000001_000011"]
    assert found.labels[found.rows["label"].iat[0]] == "playing kazoo"
    assert read("kinetics400", tmp_path).split("test").rows["id"].tolist() == [
        "vbCdEfGhIjK_000003_000013"
    ]


def test_a_clip_listed_twice_is_not_trained_on(tmp_path):
    lists(tmp_path)
    videos(tmp_path, "flat")
    touch(tmp_path, "train/gone________000001_000011.mp4")
    write(tmp_path, "annotations/val.csv", HEAD, *VAL, TRAIN[0])
    splits = read("kinetics400", tmp_path).rows.set_index("id")["split"]
    assert splits["-bCdEfGhIjK_000012_000022"] == "test"
    assert splits["gone________000001_000011"] == "train"


def test_mended_clips_come_first(tmp_path):
    lists(tmp_path)
    videos(tmp_path, "mmaction")
    touch(tmp_path, "replacement/replacement_for_corrupted/-bCdEfGhIjK_000012_000022.mp4")
    path = read("kinetics400", tmp_path).rows.set_index("id")["path"]["-bCdEfGhIjK_000012_000022"]
    assert path.startswith("replacement/")


def test_silent_and_short_clips_are_listed_as_missing(tmp_path):
    write(tmp_path, "train.csv", HEAD, *TRAIN[:3])
    write(tmp_path, "validate.csv", HEAD, *VAL)
    long = np.arange(30) / 25
    sound = noise(1.2, 16_000)
    names = ["-bCdEfGhIjK_000012_000022", "AbCdEfGhIjK_000000_000010", "_bCdEfGhIjK_000007_000017"]
    paths = [tmp_path / "train" / f"{name}.mp4" for name in names]
    (tmp_path / "train").mkdir()
    write_video(paths[0], stamps=long, wave=sound)
    write_video(paths[1], stamps=long)
    write_video(paths[2], stamps=np.arange(10) / 25, wave=noise(0.4, 16_000))
    touch(tmp_path, "val/vbCdEfGhIjK_000003_000013.mp4")  # does not open: judged before a run
    found = read("kinetics400", tmp_path)
    assert sorted(found.rows["id"]) == [names[0], "vbCdEfGhIjK_000003_000013"]
    assert found.missing == (
        f"train/{names[1]}.mp4 (no sound)",
        f"train/{names[2]}.mp4 (shorter than 1.1 s)",
    )
    assert len(read("kinetics400", tmp_path, sound=False)) == 4


def test_a_whole_set_has_all_classes_and_files(tmp_path):
    for split, code in (("train", "t"), ("val", "v")):
        ids = [f"{code}{number:010d}" for number in range(400)]
        rows = [f"class {number},{video},0,10,{split}" for number, video in enumerate(ids)]
        write(tmp_path, f"annotations/{split}.csv", HEAD, *rows)
        touch(tmp_path, *(f"{split}/{video}_000000_000010.mp4" for video in ids))
    assert read("kinetics400", tmp_path, sound=False).kind == "full"
    assert read("kinetics700", tmp_path, sound=False).kind == "subset"
    (tmp_path / "val" / "v0000000007_000000_000010.mp4").unlink()
    assert read("kinetics400", tmp_path, sound=False).kind == "subset"


def test_the_first_n_are_a_fair_part(tmp_path):
    write(tmp_path, "val.csv", HEAD, *VAL)
    ids = [f"{number:011d}" for number in range(40)]
    write(tmp_path, "train.csv", HEAD, *(f"c{i // 10},{v},0,10,train" for i, v in enumerate(ids)))
    touch(tmp_path, *(f"train/{video}_000000_000010.mp4" for video in ids))
    rows = read("kinetics700", tmp_path, sound=False).rows
    assert rows["id"].tolist() != sorted(rows["id"])
    assert rows["label"].iloc[:12].nunique() == 4


def test_what_is_wrong_is_said(tmp_path):
    lists(tmp_path)
    videos(tmp_path, "flat")
    with pytest.raises(UsageError, match=r"tested must be one of \('val', 'test'\), not 'vla'"):
        read("kinetics400", tmp_path, tested="vla")
    write(tmp_path, "annotations/train.csv", HEAD, "playing kazoo,AbCdEfGhIjK,soon,22,train")
    with pytest.raises(NotReadyError, match=r"train\.csv: 'soon' is not a time in seconds"):
        read("kinetics400", tmp_path)
    write(tmp_path, "annotations/train.csv", "label,youtube_id,start", "playing kazoo,A,1")
    with pytest.raises(NotReadyError, match=r"lacks the columns \['time_start', 'time_end'\]"):
        read("kinetics400", tmp_path)


def test_usual_folders(tmp_path):
    videos(tmp_path / "k400", "spaces")
    assert locate("kinetics400", tmp_path) == tmp_path / "k400"
    with pytest.raises(NotReadyError, match="bench data verify kinetics700"):
        locate("kinetics700", tmp_path)
