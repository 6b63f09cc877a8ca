"""mini-HMDB: owners' lists and names, films on one side of a split, small objects that wander."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.data.miniature import audit_actions
from benchmark.data.miniature.action import CELLS
from benchmark.data.miniature.clip import SAMPLE_RATE, SIZE
from benchmark.data.miniature.hmdb import CLASSES, TEXTURES_FROM, MiniHMDB
from benchmark.data.miniature.ucf import CLASSES as UCF_CLASSES
from benchmark.data.miniature.ucf import MiniUCF


def lists(tier):
    dataset = MiniHMDB()
    return dataset.lists(dataset.items(tier))


def sides(tier):
    """Films of each flag in each split: {(split, flag): films}."""
    films = {item.path.split("/")[-1]: item.group for item in MiniHMDB().items(tier)}
    found = {}
    for path, text in lists(tier).items():
        for line in text.splitlines():
            name, flag = line.split()
            found.setdefault((path[-5], flag), set()).add(films[name])
    return found


@pytest.fixture(scope="module")
def drawn():
    """Some clips with both distractors' chances: (item, clip)."""
    dataset = MiniHMDB()
    return [(item, dataset.draw(item)) for item in dataset.items("base")[7::180]]


@pytest.mark.parametrize(
    ("tier", "train", "test", "unused"),
    [("base", 60, 20, 20), ("small", 15, 5, 5), ("ci", 3, 1, 1)],
)
def test_counts_per_class_in_every_split(tier, train, test, unused):
    files = lists(tier)
    assert len(files) == 3 * 18
    for name in CLASSES:
        for split in (1, 2, 3):
            text = files[f"testTrainMulti_7030_splits/{name}_test_split{split}.txt"]
            flags = Counter(line.split()[1] for line in text.splitlines())
            assert flags == {"1": train, "2": test, "0": unused}


def test_classes_are_those_of_mini_ucf_named_as_the_owners_do():
    assert list(CLASSES) == sorted(CLASSES) and set(CLASSES.values()) == set(CELLS)
    assert sorted(CLASSES.values()) == sorted(UCF_CLASSES.values())
    assert list(CLASSES)[:2] == ["bar_bounce", "bar_spin"]


def test_lines_and_names_are_written_as_the_owners_do():
    text = lists("ci")["testTrainMulti_7030_splits/bar_spin_test_split1.txt"]
    assert text.splitlines()[0] == "Cut#0100_bar_spin_f_cm_np1_fr_med_0.mp4 2"
    assert text.endswith(" 1\n") and "\r" not in text
    items = MiniHMDB().items("ci")
    assert items[5].path == "videos/bar_spin/Cut#0100_bar_spin_f_cm_np1_fr_med_0.mp4"
    names = "".join(item.path.split("/")[-1] for item in items)
    assert set("!#&()+;@[]~") <= set(names) and " " not in names


def test_a_film_lies_on_one_side_and_every_block_but_two_is_tested_once():
    found = sides("base")
    for split in "123":
        one, two, three = (found[split, flag] for flag in "120")
        assert len(one | two | three) == len(one) + len(two) + len(three) == 18 * 25
    tested = [found[split, "2"] for split in "123"]
    assert len(set().union(*tested)) == 3 * 18 * 5  # no film is tested twice
    assert set().union(*(found[split, "1"] for split in "123")) == {
        item.group for item in MiniHMDB().items("base")
    }


def test_draws_one_clip_alone_and_again():
    item = MiniHMDB().items("ci")[7]
    first, again = MiniHMDB().draw(item), MiniHMDB().draw(item)
    assert first.frames.shape == (32, SIZE, SIZE, 3) and first.fps == 10
    assert first.wave.shape == (round(3.2 * SAMPLE_RATE),)
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.wave, again.wave)
    assert f"{first.latents['shape']}_{first.latents['motion']}" == item.label


def test_clips_of_a_film_share_the_scene_and_the_camera_but_not_the_object():
    items = [item for item in MiniHMDB().items("base") if item.group == "Cut#0100"]
    assert [item.plan["take"] for item in items] == [0, 1, 2, 3]
    one, two = (MiniHMDB().draw(item).latents for item in items[:2])
    assert one["source"] == two["source"]
    assert not set(one["texture_ids"]) & set(two["texture_ids"])
    assert one["actor"]["phase"] != two["actor"]["phase"]
    # what differs between the two paths is the jitter, of which 9.3 pixels are the most
    assert 0 < np.abs(one["camera_path"] - two["camera_path"]).max() < 2 * 28 / 3


def test_objects_are_small_and_larger_than_any_distractor(drawn):
    actors = [clip.latents["actor"]["radius"] for _, clip in drawn]
    others = [other["radius"] for _, clip in drawn for other in clip.latents["distractors"]]
    assert min(actors) >= 9 and max(actors) <= 15 and min(others) >= 4 and max(others) <= 6.4
    assert {len(clip.latents["distractors"]) for _, clip in drawn} == {0, 1, 2}


def test_the_camera_wanders_three_times_as_far_as_that_of_mini_ucf(drawn):
    assert MiniHMDB.difficulty["drift"] == 3 * MiniUCF.difficulty["drift"]
    # slow path without the jitter, which a mean over ten frames takes out
    slow = [np.array(clip.latents["camera_path"]) for _, clip in drawn]
    slow = [np.apply_along_axis(np.convolve, 0, p, np.ones(10) / 10, "valid") for p in slow]
    assert max(np.ptp(path, axis=0).max() for path in slow) > 2 * MiniUCF.difficulty["drift"]


def test_textures_are_those_of_no_other_set_or_film(drawn):
    used = [number for _, clip in drawn for number in clip.latents["texture_ids"]]
    assert len(set(used)) == len(used) == 3 * len(drawn)
    assert min(used) >= TEXTURES_FROM and max(used) < 400_000  # where mini-Kinetics-Sound begins


def subject(**changes):
    """An audit's subject with planned latents only."""
    items = MiniHMDB().items("small")
    rows = [
        {
            "shape": item.plan["shape"],
            "motion": item.plan["motion"],
            "texture_ids": [TEXTURES_FROM + number],
            "flags": [2 if item.plan["block"] == split else 1 for split in range(3)],
        }
        | changes
        for number, item in enumerate(items)
    ]
    labels, groups = (np.array([getattr(i, key) for i in items]) for key in ("label", "group"))
    return SimpleNamespace(rows=rows, labels=labels, groups=groups, measurable=True)


def test_shape_or_motion_alone_leave_three_classes():
    found = subject()
    for key in ("shape", "motion"):
        keys = [row[key] for row in found.rows]
        value = audit_actions._best_rule(keys, found.labels, audit_actions._hmdb_sides(found))
        assert value == pytest.approx(1 / 3)


def test_the_audit_finds_a_shared_texture():
    sides = audit_actions._hmdb_sides
    clean = audit_actions.overlap(subject(), sides=sides, first=TEXTURES_FROM)
    assert [result.passed for result in clean] == [True, True]
    shared = audit_actions.overlap(subject(texture_ids=[7]), sides=sides, first=TEXTURES_FROM)
    assert [result.value for result in shared] == [3, 450]  # once in each split; every clip's


def test_motion_is_measured_against_the_scene():
    still = np.zeros(32)
    wander = np.column_stack([np.linspace(0, 30, 32), still])
    row = {"track": {"x": wander[:, 0], "y": still, "angle": still, "scale": still + 1}}
    assert audit_actions._motion_features(row)[0] > 8
    assert audit_actions._motion_features(row | {"camera_path": wander})[0] == 0
