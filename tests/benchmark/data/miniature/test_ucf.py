"""mini-UCF: owners' lists, balanced groups, motions that are what their class says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from benchmark.data.miniature.action import MIDDLE
from benchmark.data.miniature.actors import (
    MOTIONS,
    PERIOD,
    SHAPES,
    Actor,
    boxes,
    draw_actor,
    follow,
)
from benchmark.data.miniature.clip import SAMPLE_RATE, SIZE
from benchmark.data.miniature.impacts import TIMBRES, strikes
from benchmark.data.miniature.sprite import outline
from benchmark.data.miniature.ucf import CLASSES, MiniUCF

TIMES = (np.arange(64) + 0.5) / 20


def actor(**changes):
    settings = {
        "shape": "square",
        "motion": "slide",
        "texture": 5,
        "radius": 16.0,
        "x": 56.0,
        "y": 56.0,
        "period": 1.6,
        "phase": 0.25,
        "direction": 1,
        "amplitude": 20.0,
        "angle": 0.0,
    }
    return Actor(**(settings | changes))


def lists(tier):
    dataset = MiniUCF()
    return dataset.lists(dataset.items(tier))


def test_eighteen_classes_three_per_shape_and_per_motion():
    assert len(CLASSES) == 18 and list(CLASSES) == sorted(CLASSES)
    assert set(Counter(shape for shape, _ in CLASSES.values()).values()) == {3}
    assert set(Counter(motion for _, motion in CLASSES.values()).values()) == {3}
    for shape, motion in CLASSES.values():
        assert (SHAPES.index(shape) + MOTIONS.index(motion)) % 2 == 0


@pytest.mark.parametrize(
    ("tier", "train", "test"), [("base", 120, 25), ("small", 33, 7), ("ci", 4, 1)]
)
def test_counts_per_class_in_every_fold(tier, train, test):
    for fold in ("01", "02", "03"):
        for name, count in (("train", train), ("test", test)):
            lines = lists(tier)[f"ucfTrainTestlist/{name}list{fold}.txt"].splitlines()
            counts = Counter(line.split("/")[0] for line in lines)
            assert set(counts) == set(CLASSES) and set(counts.values()) == {count}


def test_lists_are_written_as_the_owners_do():
    files = lists("small")
    assert set(files) == {"ucfTrainTestlist/classInd.txt"} | {
        f"ucfTrainTestlist/{name}list0{fold}.txt"
        for name in ("train", "test")
        for fold in (1, 2, 3)
    }
    assert files["ucfTrainTestlist/classInd.txt"].startswith("1 BarBounce\r\n2 BarSpin\r\n")
    assert "BarSpin/v_BarSpin_g08_c01.mp4 2\r\n" in files["ucfTrainTestlist/trainlist01.txt"]
    tested = files["ucfTrainTestlist/testlist02.txt"].split("\r\n")[:-1]
    assert {int(path.split("_g")[1][:2]) for path in tested} == set(range(8, 15))
    assert all(path.endswith(".mp4") for path in tested)


def test_half_of_each_class_has_the_class_scene_in_train_and_test():
    dataset = MiniUCF()
    items = dataset.items("base")
    for groups in (range(1, 8), range(8, 26)):
        share = np.mean([dataset._biased(item) for item in items if item.plan["group"] in groups])
        assert share == pytest.approx(0.5, abs=0.01)


def test_draws_one_clip_alone_and_again():
    dataset = MiniUCF()
    item = dataset.items("ci")[7]
    first, again = dataset.draw(item), MiniUCF().draw(item)
    assert first.frames.shape == (32, SIZE, SIZE, 3) and first.wave.shape == (51_200,)
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.wave, again.wave)
    assert first.latents["shape"] + first.latents["motion"] == item.label.lower()


def test_siblings_share_the_scene_but_not_the_object():
    dataset = MiniUCF()
    items = [item for item in dataset.items("base") if item.group == "BarSpin_g22"][:2]
    one, two = (dataset.draw(item) for item in items)
    assert one.latents["source"] == two.latents["source"]
    assert not set(one.latents["texture_ids"]) & set(two.latents["texture_ids"])
    assert one.latents["actor"]["phase"] != two.latents["actor"]["phase"]


def test_every_shape_has_the_area_of_its_disc():
    for shape in SHAPES:
        x, y = outline(shape).T
        area = 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
        if shape == "ring":
            area *= 1 - 0.55**2
        assert area == pytest.approx(np.pi, rel=0.01), shape


def test_programmes_move_what_they_say():
    tracks = {motion: follow(actor(motion=motion), TIMES) for motion in MOTIONS}
    moved = {
        motion: (t.x.std(), t.y.std(), t.angle.std(), t.scale.std()) for motion, t in tracks.items()
    }
    assert moved["slide"][0] > 8 and moved["slide"][1:] == (0, 0, 0)
    assert moved["bounce"][1] > 8 and moved["bounce"][0] == 0
    assert moved["circle"][0] == pytest.approx(moved["circle"][1], rel=0.01)
    assert moved["swing"][0] > 6 and moved["swing"][2] > 0.3
    assert moved["pulse"][3] > 0.2 and moved["pulse"][:3] == (0, 0, 0)
    assert np.ptp(tracks["spin"].angle) == pytest.approx(2 * np.pi * (TIMES[-1] - TIMES[0]) / 1.6)
    assert PERIOD == (1.25, 2.2)  # below the Nyquist rate of 2.5 fps: 0.8 Hz < 1.25 Hz


@pytest.mark.parametrize("direction", [1, -1])
def test_impacts_are_where_the_motion_turns(direction):
    slide = follow(actor(phase=0.1, direction=direction), np.linspace(0, 3.2, 3201)[:-1])
    turns = np.flatnonzero(np.diff(np.sign(np.diff(slide.x)))) + 1
    np.testing.assert_allclose(slide.impacts, turns / 1000, atol=0.0015)
    fine = np.linspace(0, 3.2, 3201)[:-1]
    bounce = follow(actor(motion="bounce", phase=0.1, direction=direction), fine)
    lowest = np.flatnonzero((bounce.y > np.roll(bounce.y, 1)) & (bounce.y >= np.roll(bounce.y, -1)))
    np.testing.assert_allclose(bounce.impacts, lowest[(lowest > 1)] / 1000, atol=0.0015)


def test_boxes_enclose_what_is_drawn():
    for shape in SHAPES:
        thing = actor(shape=shape, motion="spin", radius=15.0)
        track = follow(thing, TIMES[:4])
        camera = np.array([[3.0, -2.0]] * 4)
        frames = np.full((4, SIZE, SIZE, 3), -1000.0, np.float32)
        draw_actor(frames, thing, track, camera=camera)
        rows, columns = np.nonzero(frames[2, ..., 0] > -500)
        x0, y0, x1, y1 = boxes(thing, track, camera)[2]
        np.testing.assert_allclose(
            (columns.min(), rows.min(), columns.max(), rows.max()), (x0, y0, x1, y1), atol=1.6
        )


def test_strikes_sound_at_their_times_and_by_their_shape():
    times = np.array([0.5, 1.7, 2.4])
    centres = {}
    for shape in TIMBRES:
        wave = strikes(times, shape, np.random.default_rng(0), seconds=3.2)
        assert wave.shape == (51_200,)
        for when in times:
            start = round(when * SAMPLE_RATE)
            after, before = wave[start : start + 160], wave[start - 160 : start]
            assert np.abs(after).max() > 5 * np.abs(before).max()
        power = np.abs(np.fft.rfft(wave)) ** 2
        centres[shape] = (power * np.fft.rfftfreq(51_200, 1 / SAMPLE_RATE)).sum() / power.sum()
    assert centres["disc"] < centres["ring"] < centres["bar"] < centres["triangle"]


def test_scenes_are_faded_towards_grey():
    item = MiniUCF().items("ci")[0]

    class Plain(MiniUCF):
        difficulty = {**MiniUCF.difficulty, "scene_contrast": 1.0}  # noqa: RUF012

    pale, full = (kind()._scene(item, 7) for kind in (MiniUCF, Plain))
    kept = MiniUCF.difficulty["scene_contrast"]
    np.testing.assert_allclose(pale - MIDDLE, kept * (full - MIDDLE), atol=1e-3)
