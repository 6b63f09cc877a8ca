"""HMDB51: names that no shell would take, three lists a class."""

from __future__ import annotations

import pytest
from trees import touch, write

from benchmark.data.adapters import locate, read
from benchmark.data.adapters.hmdb51 import film
from benchmark.data.splits import hold_out
from registries.errors import NotReadyError, UsageError

LISTS = "testTrainMulti_7030_splits"
WAVE = [
    "[Winken]_wave_u_cm_np1_fr_med_0.avi 1 ",
    "Wie_man_winkt!!_wave_u_cm_np1_fr_med_0.avi 1 ",
    "Wie_man_winkt!!_wave_u_cm_np1_fr_med_1.avi 1 ",
    "a;b&c#d_(x)+~@_wave_f_nm_np2_le_bad_10.avi 2 ",
    "unused_wave_f_nm_np1_ri_goo_3.avi 0 ",
]
HAIR = [
    "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 ",
    "Brushing_hair_brush_hair_h_nm_np1_fr_goo_0.avi 2 ",
]


def names(listed: list[str]) -> list[str]:
    return [line.split()[0] for line in listed]


@pytest.fixture(params=["videos/", "", "hmdb51_org/"])
def root(request, tmp_path):
    for fold in (1, 2, 3):
        write(tmp_path, f"{LISTS}/wave_test_split{fold}.txt", *WAVE[: 6 - fold], end="\r\n")
        write(tmp_path, f"{LISTS}/brush_hair_test_split{fold}.txt", *HAIR, end="\r\n")
    for label, listed in (("wave", WAVE), ("brush_hair", HAIR)):
        touch(tmp_path, *(f"{request.param}{label}/{name}" for name in names(listed)))
    touch(tmp_path, f"{request.param}wave/._{names(WAVE)[0]}", f"{request.param}wave/Thumbs.db")
    return tmp_path


def test_official_lists(root):
    found = read("hmdb51", root, fold=1)
    assert found.labels == ("brush_hair", "wave")
    assert found.rows[["id", "label", "split", "group"]].to_numpy().tolist() == [
        ["brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0", 0, "train", "April"],
        ["brush_hair/Brushing_hair_brush_hair_h_nm_np1_fr_goo_0", 0, "test", "Brushing_hair"],
        ["wave/[Winken]_wave_u_cm_np1_fr_med_0", 1, "train", "[Winken]"],
        ["wave/Wie_man_winkt!!_wave_u_cm_np1_fr_med_0", 1, "train", "Wie_man_winkt!!"],
        ["wave/Wie_man_winkt!!_wave_u_cm_np1_fr_med_1", 1, "train", "Wie_man_winkt!!"],
        ["wave/a;b&c#d_(x)+~@_wave_f_nm_np2_le_bad_10", 1, "test", "a;b&c#d_(x)+~@"],
    ]
    assert all((root / path).is_file() for path in found.rows["path"])
    assert (found.kind, found.expected, found.missing) == ("subset", 6, ())
    assert len(read("hmdb51", root, fold=3)) == 5


def test_validation_is_held_out_by_film(root):
    held = hold_out(read("hmdb51", root, lists=LISTS), fraction=0.5).rows
    assert (held[held["split"] != "test"].groupby("group")["split"].nunique() == 1).all()
    assert (held["split"] == "val").any()


def test_missing_files_and_classes(root):
    place = (root / read("hmdb51", root).rows["path"].iat[0]).parent
    for path in list(place.iterdir()):
        path.rename(path.with_suffix(".mp4"))  # a copy that was coded again
    found = read("hmdb51", root)
    assert found.rows["path"].iat[0].endswith("April_09_brush_hair_u_nm_np1_ba_goo_0.mp4")
    (place / "April_09_brush_hair_u_nm_np1_ba_goo_0.mp4").unlink()
    found = read("hmdb51", root)
    assert found.labels == ("wave",)  # brush_hair has nothing to train on
    assert found.missing == ("brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi",)
    assert (len(found), found.expected) == (4, 6)


def test_the_whole_set(tmp_path):
    for label in (f"class{number:02d}" for number in range(51)):
        clips = [f"f{i:03d}_{label}_f_nm_np1_fr_med_0.avi" for i in range(100)]
        rows = [f"{clip} {1 if i < 70 else 2}" for i, clip in enumerate(clips)]
        write(tmp_path, f"{LISTS}/{label}_test_split2.txt", *rows)
        touch(tmp_path, *(f"videos/{label}/{clip}" for clip in clips))
    write(tmp_path, f"{LISTS}/class00_test_split1.txt", *WAVE)  # what tells the dataset
    found = read("hmdb51", tmp_path, fold=2)
    assert (found.kind, len(found), len(found.labels)) == ("full", 5_100, 51)
    assert found.rows["split"].value_counts().to_dict() == {"train": 3_570, "test": 1_530}
    (tmp_path / f"{LISTS}/class07_test_split2.txt").unlink()
    assert read("hmdb51", tmp_path, fold=2).kind == "subset"


def test_bad_input(root):
    with pytest.raises(UsageError, match=r"folds \(1, 2, 3\), not 4"):
        read("hmdb51", root, fold=4)
    with pytest.raises(NotReadyError, match=r"other holds no list <class>_test_split1\.txt"):
        read("hmdb51", root, lists="other")
    write(root, f"{LISTS}/wave_test_split1.txt", "a_wave_f_nm_np1_ri_goo_3.avi 7")
    with pytest.raises(NotReadyError, match=r"wave_test_split1\.txt: 'a_wave.* flag 0, 1 or 2"):
        read("hmdb51", root)


@pytest.mark.parametrize(
    ("stem", "label", "wanted"),
    [
        ("A_Beautiful_Mind_1_smoke_h_nm_np1_fr_goo_8", "smoke", "A_Beautiful_Mind"),
        ("50_FIRST_DATES_wave_u_cm_np1_fr_med_1", "wave", "50_FIRST_DATES"),
        ("21_wave_u_nm_np1_fr_goo_5", "wave", "21"),
        ("sword_fight_sword_sword_f_cm_np2_fr_med_0", "sword", "sword_fight_sword"),
        ("kick_ball_2006_kick_ball_f_cm_np1_fr_med_0", "kick_ball", "kick_ball_2006"),
        ("_wave_u_nm_np1_fr_goo_5", "wave", "_wave_u_nm_np1_fr_goo_5"),  # no film in the name
        ("my_own_clip_12", "wave", "my_own_clip_12"),
        ("Film_run_f_cm_np1_fr_med_0", "wave", "Film_run_f_cm_np1_fr_med_0"),
    ],
)
def test_film(stem, label, wanted):
    assert film(stem, label) == wanted


def test_a_root_with_other_videos_is_not_taken_for_it(tmp_path):
    touch(tmp_path, "videos/a/b.avi")
    write(tmp_path / "HMDB51", f"{LISTS}/wave_test_split1.txt", *WAVE)
    assert locate("hmdb51", tmp_path) == tmp_path / "HMDB51"
