"""Kinetics-Sound: three sets of classes, lists or a copy of Kinetics-400, val for want of test."""

from __future__ import annotations

import json

import pytest
from trees import touch, write

from benchmark.data.adapters import locate, read
from benchmark.data.adapters.kinetics_sound import NO_TEST, class_names
from registries.errors import NotReadyError, UsageError

TRAIN = ["train/-bCdEfGhIjK_000012_000022.mp4,0", "train/AbCdEfGhIjK_000000_000010.mp4,27"]
TRAIN += ["train/BbCdEfGhIjK_000000_000010.mp4,0"]
VAL = ["val/vbCdEfGhIjK_000003_000013.mp4,27"]
TEST = ["test/tbCdEfGhIjK_000003_000013.mp4,0"]


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(params=["{}.csv", "{}_data_path.csv"])
def root(request, tmp_path):
    for split, rows in (("train", TRAIN), ("val", VAL), ("test", TEST)):
        write(tmp_path, request.param.format(split), *rows, end="\r\n")
        touch(tmp_path, *(row.split(",")[0] for row in rows))
    return tmp_path


def test_conventions():
    assert [len(class_names(name)) for name in ("ks32", "ks34", "ks31")] == [32, 34, 31]
    all32 = class_names("ks32")
    assert (all32[0], all32[27], all32[31]) == ("blowing nose", "strumming guitar", "tickling")
    assert set(all32) - set(class_names("ks31")) == {"strumming guitar"}
    assert {"typing", "patting", "fingerpicking"} <= set(class_names("ks34"))


def test_lists_of_indices(root):
    found = read("kinetics_sound", root)
    assert found.labels == ("blowing nose", "strumming guitar")
    assert found.rows[["id", "label", "split", "group"]].to_numpy().tolist() == [
        ["-bCdEfGhIjK_000012_000022", 0, "train", "-bCdEfGhIjK"],
        ["AbCdEfGhIjK_000000_000010", 1, "train", "AbCdEfGhIjK"],
        ["BbCdEfGhIjK_000000_000010", 0, "train", "BbCdEfGhIjK"],
        ["vbCdEfGhIjK_000003_000013", 1, "val", "vbCdEfGhIjK"],
        ["tbCdEfGhIjK_000003_000013", 0, "test", "tbCdEfGhIjK"],
    ]
    assert (found.kind, found.expected, found.missing) == ("subset", 5, ())
    with pytest.raises(NotReadyError, match=r"class '0', which is neither a known name nor"):
        read("kinetics_sound", root, convention="ks31")
    with pytest.raises(UsageError, match=r"unknown convention 'ks33'\. Did you mean 'ks3"):
        read("kinetics_sound", root, convention="ks33")


def test_clips_are_found_in_class_folders_too(root):
    (root / TRAIN[1].split(",")[0]).unlink()
    touch(root, "train/strumming_guitar/AbCdEfGhIjK_000000_000010.avi")
    (root / TRAIN[2].split(",")[0]).unlink()
    found = read("kinetics_sound", root)
    assert found.rows["path"].iat[1] == "train/strumming_guitar/AbCdEfGhIjK_000000_000010.avi"
    assert found.missing == ("train/BbCdEfGhIjK_000000_000010.mp4",)


@pytest.mark.parametrize("left", ["list", "files"])
def test_val_is_tested_for_want_of_test(root, left):
    if left == "files":
        (root / "test" / "tbCdEfGhIjK_000003_000013.mp4").unlink()
    else:
        next(root.glob("test*.csv")).unlink()
    found = read("kinetics_sound", root)
    assert found.split("test").rows["id"].tolist() == ["vbCdEfGhIjK_000003_000013"]
    assert "val" not in set(found.rows["split"])
    assert found.missing[-1] == NO_TEST
    assert found.kind == "subset"


def names(root, *rows: str) -> None:
    write(root, "train.csv", *(f"train/{i:011d}_000000_000010.mp4,{n}" for i, n in enumerate(rows)))
    touch(root, *(f"train/{i:011d}_000000_000010.mp4" for i in range(len(rows))))


def test_lists_of_names(tmp_path):
    names(tmp_path, "fingerpicking", "typing", "blowing_out_candles", "strumming guitar")
    found = read("kinetics_sound", tmp_path)
    assert found.labels == ("blowing out candles", "strumming guitar")
    assert found.rows["label"].tolist() == [1, 0, 1]  # typing is in ks34 alone
    assert read("kinetics_sound", tmp_path, convention="ks31").labels == ("blowing out candles",)
    original = read("kinetics_sound", tmp_path, convention="ks34")
    assert original.labels == ("blowing out", "fingerpicking", "typing")
    names(tmp_path, "fingerpicking", "yodelling")
    with pytest.raises(NotReadyError, match=r"train\.csv: .* of class 'yodelling', which is nei"):
        read("kinetics_sound", tmp_path)


def test_classes_of_ones_own(tmp_path):
    names(tmp_path, "1", "0", "gong")
    write(tmp_path, "classes.csv", "index,name", "0,drum", "1,gong", "2,harp")
    found = read("kinetics_sound", tmp_path, convention="ks31")
    assert (found.labels, found.rows["label"].tolist()) == (("drum", "gong"), [1, 0, 1])
    write(tmp_path, "classes.csv", "index,name", "1,drum", "2,gong")
    with pytest.raises(NotReadyError, match=r"classes\.csv: the indices are 1, 2\.\.\., not 0, 1"):
        read("kinetics_sound", tmp_path)


def test_a_miniature_is_known_to_sound(root, monkeypatch):
    card = {"kind": "miniature", "name": "mini-ks", "version": 1, "tier": "ci"}
    write(root, "card.json", json.dumps(card))
    rows = [f"{row.split(',')[0]},g,ab" for row in (*TRAIN, *VAL, *TEST)]
    write(root, "index.csv", "path,group,sha256", *rows)
    monkeypatch.setattr("benchmark.data.adapters.kinetics.headers", None)  # no header is read
    found = read("kinetics_sound", root)
    assert (found.kind, found.expected, found.rows["has_audio"].all()) == ("miniature", 5, True)


def kinetics(root) -> None:
    head = "label,youtube_id,time_start,time_end,split"
    train = ["mowing lawn,-bCdEfGhIjK,12,22,train", "playing kazoo,kbCdEfGhIjK,0,10,train"]
    train += ["strumming guitar,sbCdEfGhIjK,0,10,train", "tickling,gone_______,0,10,train"]
    write(root, "train.csv", head, *train)
    write(root, "annotations/val.csv", head, "mowing lawn,vbCdEfGhIjK,0,10,val")
    touch(root, "train/mowing_lawn/-bCdEfGhIjK_000012_000022.mp4")
    touch(root, "train/playing_kazoo/kbCdEfGhIjK_000000_000010.mp4")
    touch(root, "train/strumming_guitar/sbCdEfGhIjK_000000_000010.mp4")
    touch(root, "val/mowing_lawn/vbCdEfGhIjK_000000_000010.mp4")


def test_from_a_copy_of_kinetics(tmp_path):
    kinetics(tmp_path / "k400")
    assert locate("kinetics_sound", tmp_path) == tmp_path / "k400"
    found = read("kinetics_sound", tmp_path)
    assert found.labels == ("mowing lawn", "strumming guitar")
    assert found.rows[["id", "label", "split"]].to_numpy().tolist() == [
        ["-bCdEfGhIjK_000012_000022", 0, "train"],
        ["sbCdEfGhIjK_000000_000010", 1, "train"],
        ["vbCdEfGhIjK_000000_000010", 0, "test"],
    ]
    assert found.missing == ("gone________000000_000010.mp4", NO_TEST)
    assert found.expected == 4
    assert read("kinetics_sound", tmp_path, convention="ks31").labels == ("mowing lawn",)
    with pytest.raises(UsageError, match="ks34 cannot be taken from Kinetics-400"):
        read("kinetics_sound", tmp_path, convention="ks34")
    touch(tmp_path / "k400", "test/mowing lawn/tbCdEfGhIjK_000000_000010.mp4")
    found = read("kinetics_sound", tmp_path)  # a test clip whose folder says its class
    assert found.rows["split"].tolist() == ["train", "train", "val", "test"]
    assert NO_TEST not in found.missing
