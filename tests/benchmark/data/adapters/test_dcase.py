"""DCASE 2013 scenes: nested and flat folders."""

from __future__ import annotations

import pytest
from trees import touch

from benchmark.data.adapters import read
from registries.errors import NotReadyError

SCENES = ("bus", "busystreet", "office", "openairmarket", "park")
SCENES += ("quietstreet", "restaurant", "supermarket", "tube", "tubestation")
LAYOUTS = [
    ("set1/scenes_stereo/scenes_stereo", "set1/scenes_stereo_testset/scenes_stereo_testset"),
    ("set1/scenes_stereo", "set1/scenes_stereo_testset"),
    ("scenes_stereo/scenes_stereo", "scenes_stereo_testset"),
    ("scenes_stereo", "scenes_stereo_testset/scenes_stereo_testset"),
]


@pytest.mark.parametrize(("train", "test"), LAYOUTS)
def test_layouts(tmp_path, train, test):
    touch(tmp_path, f"{train}/bus01.wav", f"{train}/bus02.WAV", f"{train}/busystreet10.wav")
    touch(tmp_path, f"{test}/bus01.wav", f"{test}/tube01.wav", f"{train}/._bus01.wav")
    touch(tmp_path, f"{train}/readme.txt")
    found = read("dcase", tmp_path)
    assert found.labels == ("bus", "busystreet")
    assert found.rows[["id", "path", "label", "split", "group"]].to_numpy().tolist() == [
        ["train/bus01", f"{train}/bus01.wav", 0, "train", ""],
        ["train/bus02", f"{train}/bus02.WAV", 0, "train", ""],
        ["train/busystreet10", f"{train}/busystreet10.wav", 1, "train", ""],
        ["test/bus01", f"{test}/bus01.wav", 0, "test", ""],
    ]
    assert (found.kind, found.expected) == ("subset", 200)


def test_the_whole_set(tmp_path):
    for folder in LAYOUTS[0]:
        for scene in SCENES:
            touch(tmp_path, *(f"{folder}/{scene}{number:02d}.wav" for number in range(1, 11)))
    found = read("dcase", tmp_path)
    assert (found.kind, found.labels, len(found)) == ("full", SCENES, 200)
    assert found.rows.groupby(["split", "label"]).size().tolist() == [10] * 20
    (tmp_path / LAYOUTS[0][1] / "bus07.wav").unlink()
    assert read("dcase", tmp_path).kind == "subset"


def test_what_is_wrong_is_said(tmp_path):
    touch(tmp_path, "scenes_stereo/bus01.wav")
    with pytest.raises(NotReadyError, match="the folder scenes_stereo_testset is missing"):
        read("dcase", tmp_path)
    touch(tmp_path, "scenes_stereo_testset/bus.wav")
    with pytest.raises(NotReadyError, match=r"bus\.wav is not named <scene><two digits>"):
        read("dcase", tmp_path)
