"""mini-Kinetics-Sound: owners' lists, and a designed need for sound, picture or either."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.data.miniature import audit_actions
from benchmark.data.miniature.action import FPS, FRAMES
from benchmark.data.miniature.actors import MOTIONS, SHAPES
from benchmark.data.miniature.clip import SAMPLE_RATE, SIZE
from benchmark.data.miniature.impacts import TIMBRES, unseen
from benchmark.data.miniature.ks import CLASSES, TEXTURES_FROM, MiniKS
from benchmark.data.miniature.ks import TIMBRES as USED


def looks(needs):
    return [(kind.shape, kind.motion) for kind in CLASSES.values() if kind.needs == needs]


def sounds(needs):
    return [kind.timbre for kind in CLASSES.values() if kind.needs == needs]


def first(label, *, split="train"):
    """The first planned clip of a class."""
    items = MiniKS().items("ci")
    return next(item for item in items if (item.label, item.split) == (label, split))


def test_four_classes_need_sound_four_picture_four_either():
    assert Counter(kind.needs for kind in CLASSES.values()) == dict.fromkeys(
        ("audio", "video", "either"), 4
    )
    assert list(CLASSES) == sorted(CLASSES)
    every_look = [look for needs in ("audio", "video", "either") for look in looks(needs)]
    every_sound = [name for needs in ("audio", "video", "either") for name in sounds(needs)]
    # two pairs of one look, all else unique; two pairs of one sound, all else unique
    assert sorted(Counter(every_look).values()) == sorted(Counter(every_sound).values())
    assert sorted(Counter(every_look).values()) == [1] * 8 + [2] * 2
    assert set(Counter(looks("audio")).values()) == set(Counter(sounds("video")).values()) == {2}
    assert {shape for shape, _ in every_look} == set(SHAPES)
    assert {motion for _, motion in every_look} == set(MOTIONS)
    assert sorted(TIMBRES) == USED


def test_one_pair_differs_in_shape_the_other_in_motion():
    by_sound = {}
    for kind in CLASSES.values():
        if kind.needs == "video":
            by_sound.setdefault(kind.timbre, []).append((kind.shape, kind.motion))
    pairs = sorted(sorted(pair) for pair in by_sound.values())
    assert pairs == [
        [("bar", "bounce"), ("bar", "spin")],
        [("cross", "circle"), ("triangle", "circle")],
    ]


@pytest.mark.parametrize(
    ("tier", "sizes"), [("base", (60, 15, 30)), ("small", (20, 5, 10)), ("ci", (2, 1, 1))]
)
def test_sizes(tier, sizes):
    counts = Counter((item.split, item.label) for item in MiniKS().items(tier))
    assert counts == {
        (split, name): size
        for split, size in zip(("train", "val", "test"), sizes, strict=True)
        for name in CLASSES
    }


def test_lists_are_written_as_the_owners_do():
    dataset = MiniKS()
    items = dataset.items("ci")
    files = dataset.lists(items)
    assert set(files) == {"train.csv", "val.csv", "test.csv", "classes.csv"}
    assert files["classes.csv"].startswith("index,name\n0,bouncing bar (box)\n1,bouncing square")
    assert files["classes.csv"].count("\n") == 13
    lines = files["test.csv"].splitlines()
    assert lines == [
        f"{item.path},{list(CLASSES).index(item.label)}" for item in items if item.split == "test"
    ]
    assert len(lines) == 12


def test_names_are_ids_and_times_as_in_kinetics():
    items = MiniKS().items("base")
    assert len({item.group for item in items}) == len(items)
    for item in items:
        folder, name = item.path.split("/")
        video, start, stop = name.removesuffix(".mp4").rsplit("_", 2)
        assert (folder, video, len(video)) == (item.split, item.group, 11)
        assert len(start) == len(stop) == 6 and int(stop) - int(start) == 10
    assert any("_" in item.group for item in items)  # as YouTube's ids have them
    assert items[0].path == "train/K_zScHycbDB_000211_000221.mp4"  # a name never changes


def test_draws_one_clip_alone_and_again():
    item = first("circling ring (tube)")
    clip, again = MiniKS().draw(item), MiniKS().draw(item)
    assert clip.frames.shape == (FRAMES, SIZE, SIZE, 3) and clip.fps == FPS == 10
    assert clip.wave.shape == (round(3.2 * SAMPLE_RATE),)
    np.testing.assert_array_equal(clip.frames, again.frames)
    np.testing.assert_array_equal(clip.wave, again.wave)
    assert [clip.latents[key] for key in ("shape", "motion", "timbre", "needs")] == [
        "ring",
        "circle",
        "tube",
        "either",
    ]
    assert clip.latents["texture_ids"][0] >= TEXTURES_FROM


def test_classes_of_one_look_differ_in_sound_alone():
    drum = first("sliding disc (drum)")
    bell = replace(drum, label="sliding disc (bell)")
    one, two = MiniKS().draw(drum), MiniKS().draw(bell)
    np.testing.assert_array_equal(one.frames, two.frames)
    assert abs(np.corrcoef(one.wave, two.wave)[0, 1]) < 0.8


def test_classes_of_one_sound_differ_in_picture_alone():
    cross = first("circling cross (chime)")
    triangle = replace(cross, label="circling triangle (chime)")
    one, two = MiniKS().draw(cross), MiniKS().draw(triangle)
    np.testing.assert_array_equal(one.wave, two.wave)
    assert np.abs(one.frames.astype(int) - two.frames).max() > 100
    bounce = first("bouncing bar (box)")
    spin = replace(bounce, label="spinning bar (box)")
    one, two = MiniKS().draw(bounce), MiniKS().draw(spin)
    np.testing.assert_array_equal(one.latents["impacts"], two.latents["impacts"])
    np.testing.assert_array_equal(one.wave, two.wave)


def test_what_is_struck_unseen_has_unit_power_and_any_timbre():
    options = {"count": 2, "seconds": 3.2, "octaves": 0.5}
    waves = [unseen(np.random.default_rng(seed), USED, **options) for seed in range(3)]
    for wave in waves:
        assert wave.shape == (51_200,) and np.std(wave) == pytest.approx(1, rel=0.01)
    assert abs(np.corrcoef(waves[0], waves[1])[0, 1]) < 0.1


def subject(classes=CLASSES, tier="small"):
    """An audit's subject with planned latents only."""
    items = MiniKS().items(tier)
    rows = [
        {key: getattr(classes[item.label], key) for key in ("shape", "motion", "timbre", "needs")}
        for item in items
    ]
    columns = {
        key: np.array([getattr(item, key[:-1]) for item in items])
        for key in ("labels", "groups", "splits")
    }
    return SimpleNamespace(rows=rows, measurable=False, **columns)


def test_sound_or_picture_alone_reach_83_percent_and_both_100():
    *exact, open_one = audit_actions.ks_oracles(subject())
    assert [result.passed for result in exact] == [True] * 3 and open_one.passed is None
    found = subject()
    sides = audit_actions._ks_sides(found)
    heard = [row["timbre"] for row in found.rows]
    assert audit_actions._best_rule(heard, found.labels, sides) == pytest.approx(10 / 12)


def test_the_audit_finds_a_pair_that_sounds_different():
    name = "circling cross (chime)"
    leaky = {**CLASSES, name: replace(CLASSES[name], timbre="glass")}
    sound, picture, both, _ = audit_actions.ks_oracles(subject(leaky))
    assert sound.passed is False and sound.value == pytest.approx(1 / 12)
    assert picture.passed and both.passed


def test_pairs_are_told_apart_only_by_what_gives_them_away():
    found = subject(tier="base")
    rng = np.random.default_rng(0)
    blind = rng.normal(size=(len(found.rows), 3))
    telling = blind + 4 * (found.labels == "sliding disc (drum)")[:, None]
    options = {"needs": "audio", "same": ("shape", "motion")}
    assert audit_actions._within_pairs("x", found, blind, **options).passed is True
    result = audit_actions._within_pairs("x", found, telling, **options)
    assert result.passed is False and result.value > 0.7  # one of the two pairs is solved
