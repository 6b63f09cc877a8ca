"""Each adapter on a tiny copy of its owners' layout; no media are decoded here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.adapters import ADAPTERS, locate, read
from benchmark.data.adapters.lrw import word_interval
from registries.errors import NotReadyError, UsageError


def touch(root: Path, *paths: str, content: bytes = b"media") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def write(root: Path, path: str, text: str) -> None:
    touch(root, path, content=text.encode())


@pytest.mark.parametrize("folder", ["lipread_mp4", "lrw_mp4"])
def test_lrw(tmp_path, folder):
    touch(
        tmp_path,
        f"{folder}/ZERO/train/ZERO_00001.mp4",
        f"{folder}/ABOUT/train/ABOUT_00002.mp4",
        f"{folder}/ABOUT/train/ABOUT_00001.mp4",
        f"{folder}/ABOUT/test/ABOUT_00001.mp4",
    )
    found = read("lrw", tmp_path)
    assert found.labels == ("ABOUT", "ZERO")
    assert found.rows["id"].tolist() == [
        "ABOUT/train/ABOUT_00001",
        "ABOUT/train/ABOUT_00002",
        "ABOUT/test/ABOUT_00001",
        "ZERO/train/ZERO_00001",
    ]
    assert found.rows["label"].tolist() == [0, 0, 0, 1]
    assert (found.kind, found.expected, found.rows["bytes"].iat[0]) == ("subset", 538_766, 5)


def test_lrw_word_interval(tmp_path):
    write(tmp_path, "a.txt", "Disk reference: 1\r\nDuration: 0.42 seconds\r\nmore")
    assert word_interval(tmp_path / "a.txt") == pytest.approx((0.58 - 0.21, 0.58 + 0.21))
    write(tmp_path, "b.txt", "Length: 0.42")
    with pytest.raises(NotReadyError, match=r"b\.txt"):
        word_interval(tmp_path / "b.txt")


UCF = "UCF-101/{0}/v_{0}_g{1:02d}_c{2:02d}.avi"


def ucf(root: Path, *, crlf: bool = True) -> None:
    names = ["HammerThrow", "HandstandPushups", "Absent"]  # the owners' order, not the alphabet's
    write(
        root,
        "ucfTrainTestlist/classInd.txt",
        "".join(f"{i + 1} {n}\r\n" for i, n in enumerate(names)),
    )
    train = [
        "HammerThrow/v_HammerThrow_g08_c01.avi 1",
        "HandstandPushups/v_HandStandPushups_g08_c01.avi 2",
    ]
    train += ["Absent/v_Absent_g08_c01.avi 3"]
    test = [
        "HammerThrow/v_HammerThrow_g01_c01.avi",
        "HandstandPushups/v_HandStandPushups_g01_c02.avi",
    ]
    for fold in (1, 2, 3):
        one, two = (train, test) if fold == 1 else (train[:2], test)
        write(root, f"ucfTrainTestlist/trainlist{fold:02d}.txt", "\r\n".join(one) + "\r\n")
        write(root, f"ucfTrainTestlist/testlist{fold:02d}.txt", "\r\n".join(two) + "\r\n")
    touch(
        root,
        "UCF-101/HammerThrow/v_HammerThrow_g08_c01.avi",
        "UCF-101/HammerThrow/v_HammerThrow_g01_c01.mp4",
        "UCF-101/HandstandPushups/v_HandStandPushups_g08_c01.avi",
        "UCF-101/HandstandPushups/v_HandstandPushups_g01_c02.avi",  # the other spelling
    )


def test_ucf101(tmp_path):
    ucf(tmp_path)
    found = read("ucf101", tmp_path, fold=1)
    assert found.labels == ("HammerThrow", "HandstandPushups")
    assert found.missing == ("Absent/v_Absent_g08_c01.avi",)
    assert (found.kind, found.expected) == ("subset", 5)
    assert found.rows[["label", "split", "group"]].to_numpy().tolist() == [
        [0, "train", "v_HammerThrow_g08"],
        [1, "train", "v_HandStandPushups_g08"],
        [0, "test", "v_HammerThrow_g01"],
        [1, "test", "v_HandStandPushups_g01"],
    ]
    assert found.rows["path"].iat[2].endswith(".mp4")
    assert read("ucf101", tmp_path, fold=2).missing == ()
    with pytest.raises(UsageError, match="folds"):
        read("ucf101", tmp_path, fold=4)
    with pytest.raises(
        UsageError, match=r"unknown option of dataset ucf101 'folds'\. Did you mean 'fold'"
    ):
        read("ucf101", tmp_path, folds=1)
    with pytest.raises(NotReadyError, match=r"other/classInd\.txt is missing"):
        read("ucf101", tmp_path, lists="other")


def dfdc(root: Path) -> None:
    parts = {
        "dfdc_train_part_00": {
            "real_a": "",
            "fake_a1": "real_a",
            "fake_a2": "real_a",
            "real_b": "",
        },
        "dfdc_train_part_03/dfdc_train_part_3": {"real_c": "", "fake_c": "real_c"},
    }
    for folder, clips in parts.items():
        facts = {
            f"{name}.mp4": {"label": "FAKE", "split": "train", "original": f"{original}.mp4"}
            if original
            else {"label": "REAL", "split": "train"}
            for name, original in clips.items()
        }
        write(root, f"{folder}/metadata.json", json.dumps(facts))
        touch(root, *(f"{folder}/{name}.mp4" for name in clips))


def test_dfdc_without_lists_keeps_fakes_with_their_original(tmp_path):
    dfdc(tmp_path)
    found = read("dfdc", tmp_path)
    assert found.labels == ("real", "fake")
    assert len(found) == 6
    assert (found.rows.groupby("group")["split"].nunique() == 1).all()
    assert found.rows.set_index("id")["group"]["fake_a2"] == "real_a"
    assert found.rows.set_index("id")["label"][["real_c", "fake_c"]].tolist() == [0, 1]
    assert read("dfdc", tmp_path).hash == found.hash


def test_dfdc_lists_add_originals(tmp_path):
    dfdc(tmp_path)
    write(tmp_path, "chugh_train.txt", "fake_a1.dfdc_train_part_00\nfake_a2.dfdc_train_part_00\n")
    write(tmp_path, "my_test.txt", "fake_c.dfdc_train_part_03\r\ngone.dfdc_train_part_03\r\n")
    found = read("dfdc", tmp_path, test_list="my_test.txt")
    splits = found.rows.set_index("id")["split"].to_dict()
    assert splits == {
        "fake_a1": "train",
        "real_a": "train",
        "fake_a2": "train",
        "fake_c": "test",
        "real_c": "test",
    }
    assert (found.missing, found.expected, found.kind) == (
        ("gone.dfdc_train_part_03",),
        6,
        "subset",
    )


def test_dfdc_refuses_a_face_on_both_sides(tmp_path):
    dfdc(tmp_path)
    write(tmp_path, "chugh_train.txt", "fake_a1.dfdc_train_part_00\n")
    write(tmp_path, "chugh_test.txt", "fake_a2.dfdc_train_part_00\n")
    with pytest.raises(NotReadyError, match=r"real_a\.mp4 belongs to train and"):
        read("dfdc", tmp_path)
    with pytest.raises(NotReadyError, match=r"absent\.txt is missing"):
        read("dfdc", tmp_path, train_list="absent.txt")


def test_kav_keeps_the_order_of_the_list(tmp_path):
    touch(tmp_path, "clips/b.mp4", "clips/a.mp4")
    rows = [
        "source,path,start,end,sha1",
        "k,clips/b.mp4,0.5,3.7,1",
        "k,clips/a.mp4,0,,2",
        "k,clips/c.mp4,0,1,3",
    ]
    write(tmp_path, "kav_manifest.csv", "\n".join(rows))
    found = read("kav", tmp_path)
    assert found.rows["path"].tolist() == ["clips/b.mp4", "clips/a.mp4"]
    assert found.rows["stop"].iat[0] == 3.7
    assert np.isnan(found.rows["stop"].iat[1])
    assert (found.missing, found.expected) == (("clips/c.mp4",), 3)


def test_grid_and_folder(tmp_path):
    touch(tmp_path, "video/s1/a.mp4", "video/s2/b.mp4", "notes.txt", "video/s1/c.part")
    assert sorted(read("grid", tmp_path).rows["id"]) == ["s1/a", "s2/b"]
    found = read("folder", tmp_path)
    assert sorted(found.rows["path"]) == ["video/s1/a.mp4", "video/s2/b.mp4"]
    assert set(found.rows["split"]) == {"train"}


def test_a_miniature_is_marked_as_such(tmp_path):
    touch(tmp_path, "lrw_mp4/AB/train/AB_00001.mp4", "lrw_mp4/AB/test/AB_00001.mp4")
    touch(tmp_path, "landmarks/lrw_mp4/AB/train/AB_00001.npy")
    card = {"kind": "miniature", "name": "mini-lrw", "version": 3, "tier": "ci"}
    write(tmp_path, "card.json", json.dumps(card))
    index = ["path,split,label,group,bytes,sha256,frames,seconds"]
    index += [f"lrw_mp4/AB/{s}/AB_00001.mp4,{s},AB,sp{s},5,ab{s},32,1.6" for s in ("train", "test")]
    write(tmp_path, "index.csv", "\n".join(index))
    found = read("lrw", tmp_path)
    assert (found.name, found.kind, found.version, found.expected) == (
        "mini-lrw",
        "miniature",
        "3-ci",
        2,
    )
    assert found.rows["sha256"].tolist() == ["abtrain", "abtest"]
    assert found.rows["group"].tolist() == ["sptrain", "sptest"]
    assert found.rows["landmarks"].tolist() == ["landmarks/lrw_mp4/AB/train/AB_00001.npy", ""]


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_absent_data_says_what_to_do(tmp_path, name):
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotReadyError) as found:
            locate(name, root)
        text = str(found.value)
        assert str(root) in text
        assert "Expected: " in text
        assert "From: " in text
        assert f"bench data verify {name} --root {root}" in text


def test_usual_folder_names_inside_the_root(tmp_path):
    touch(tmp_path / "LRW", "lipread_mp4/AB/train/AB_00001.mp4")
    assert locate("lrw", tmp_path) == tmp_path / "LRW"
    assert locate("lrw", tmp_path / "LRW") == tmp_path / "LRW"
    with pytest.raises(UsageError, match=r"unknown dataset 'lrv'\. Did you mean 'lrw'"):
        locate("lrv", tmp_path)
    (tmp_path / "LRW" / "lipread_mp4" / "AB" / "train" / "AB_00001.mp4").unlink()
    with pytest.raises(NotReadyError, match="holds none of its samples"):
        read("lrw", tmp_path)


def test_real_copies(real_data):
    four = read("ucf101", real_data, lists="ucfTrainTestlist_4classes")
    assert four.rows["split"].value_counts().to_dict() == {"train": 382, "test": 140}
    official = read("ucf101", real_data)
    assert (official.expected, official.labels) == (13_320, four.labels)
    assert len(read("grid", real_data)) == 1000
