"""Copies of clips: which rows there are, what happens to each, which moments it shows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from coded_media import read_code

from benchmark.data.crops import CropRecipe
from benchmark.data.dataset import ClipDataset
from benchmark.data.distort.copies import (
    BOTH,
    ONLY_SIGHT,
    ONLY_SOUND,
    Copy,
    CopyStore,
    applied,
    distortions,
    with_copies,
)
from benchmark.data.distort.sight import SIGHT
from benchmark.data.distort.sound import SOUND
from benchmark.data.opened import DirectClip, Sample
from benchmark.data.store import FrameStore
from registries.sampling import ClipSampling, View

RATE = 16_000
TIMES = (np.arange(20) + 0.5) / 10  # 0.05, 0.15, ... s


@pytest.fixture
def opened(clip_file, manifest_of):
    """`opened()` -> the clip of `clip_file`, 4 s, frame i shows the code i at i / 25 s."""
    clips = manifest_of(clip_file.parent, [clip_file.name])

    def open_one():
        sample = Sample(clips, 0, crop=CropRecipe(kind="full"), size=56)
        return DirectClip(sample, sample_rate=RATE)

    return open_one


def codes(copy, times=TIMES):
    return np.array(read_code(copy.frames(times)[0]))


def drawn(name, sign, opened):
    """A copy whose clip's id draws this sign of the change in time."""
    for number in range(50):
        copy = Copy(opened(), f"clip{number}", (name,), sample_rate=RATE)
        change = (
            copy._timing.offset if name == "offset" else copy._timing.new / copy._timing.old - 1
        )
        if np.sign(change) == sign:
            return copy
    raise AssertionError("fifty clips of one sign")


def test_names():
    assert distortions("v") == (*SIGHT, "fps", "speed", "offset")
    assert distortions("a") == (*SOUND, "speed", "offset")
    assert distortions("av") == (*SIGHT, "fps", *SOUND, "speed", "offset")


def test_of_both_inputs_both_are_distorted():
    for name in ONLY_SIGHT:
        assert applied("x", name, "v") == (name,)
        with_it = [applied(f"clip{i}", name, "av") for i in range(200)]
        assert {first for first, _ in with_it} == {name}
        assert set(Counter(second for _, second in with_it)) == set(ONLY_SOUND)
    assert {applied(f"clip{i}", "noise", "av")[1] for i in range(200)} == set(ONLY_SIGHT)
    assert [applied("x", name, "av") for name in BOTH] == [(name,) for name in BOTH]


def test_rows_of_copies(manifest_of, tmp_path):
    clips = manifest_of(tmp_path, ["a.mp4", "b.mp4"])
    found = with_copies(clips, ("blur", "grey"))
    assert found.rows[["id", "tag", "group", "path"]].to_numpy().tolist() == [
        ["a.mp4", "", "a.mp4", "a.mp4"],
        ["b.mp4", "", "b.mp4", "b.mp4"],
        ["a.mp4#blur", "blur", "a.mp4", "a.mp4"],
        ["b.mp4#blur", "blur", "b.mp4", "b.mp4"],
        ["a.mp4#grey", "grey", "a.mp4", "a.mp4"],
        ["b.mp4#grey", "grey", "b.mp4", "b.mp4"],
    ]
    assert found.expected == 6
    assert found.hash != with_copies(clips, ("blur", "flip")).hash


def test_an_undistorted_copy_is_the_clip(opened):
    with Copy(opened(), "x", (), sample_rate=RATE) as copy, opened() as clip:
        assert copy.duration == clip.duration
        np.testing.assert_array_equal(copy.frames(TIMES)[0], clip.frames(TIMES)[0])
        np.testing.assert_array_equal(copy.wave(0.5, 1.0)[0], clip.wave(0.5, 1.0)[0])


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_offset_shows_what_is_a_second_away(opened, sign):
    copy = drawn("offset", sign, opened)
    times = np.array([0.5, 1.5, 2.5, 3.5])
    frames, inside = copy.frames(times)
    assert copy.duration == pytest.approx(4.0, abs=0.05)
    want = np.clip(np.floor((times + sign) * 25), 0, 99)
    assert (np.array(read_code(frames)) == want).all()
    assert inside.tolist() == [bool(0 <= t + sign < 4) for t in times]
    wave, there = copy.wave(2.0, 0.5)
    with opened() as clip:
        np.testing.assert_allclose(wave, clip.wave(2.0 + sign, 0.5)[0])
    assert there.all()
    early, there = copy.wave(0.5, 0.1)
    assert there.all() == (sign > 0) and (early != 0).any() == (sign > 0)


@pytest.mark.parametrize("sign", [-1, 1])
def test_another_speed(opened, sign):
    copy, speed = drawn("speed", sign, opened), 1 + sign / 10
    with opened() as clip:
        assert copy.duration == pytest.approx(clip.duration / speed)
        assert (codes(copy) == np.floor(TIMES * speed * 25 + 1e-6)).all()
        whole, _ = clip.wave(0.0, clip.duration)
    fast, _ = copy.wave(0.0, copy.duration)
    assert len(fast) == pytest.approx(len(whole) / speed, abs=2)
    at = np.arange(4000, 30_000)
    want = np.interp(at * speed, np.arange(len(whole)), whole)
    assert np.corrcoef(fast[at], want)[0, 1] > 0.97  # a linear interpolation dulls high tones


def test_twelve_frames_a_second(opened):
    with Copy(opened(), "x", ("fps",), sample_rate=RATE) as copy:
        times = (np.arange(50) + 0.5) / 25
        shown = codes(copy, times)
        assert len(set(shown.tolist())) == 24  # two seconds
        assert np.abs(shown - times * 25).max() <= 25 / 12
        assert (np.diff(shown) >= 0).all()


def test_all_spans_of_a_sound_come_of_one_distorted_whole(opened):
    for name in ("noise", "band"):
        with Copy(opened(), "x", (name,), sample_rate=RATE) as copy:
            whole, _ = copy.wave(0.0, 4.0)
            np.testing.assert_array_equal(copy.wave(1.5, 0.5)[0], whole[24_000:32_000])
        with Copy(opened(), "x", (name,), sample_rate=RATE) as again:
            np.testing.assert_array_equal(again.wave(0.0, 4.0)[0], whole)
        with Copy(opened(), "y", (name,), sample_rate=RATE) as other:
            assert np.abs(other.wave(0.0, 4.0)[0] - whole).max() > 0.01


@pytest.mark.parametrize("stored", [False, True])
def test_a_dataset_of_copies(clip_file, manifest_of, tmp_path, stored):
    """Copies have the shapes of their clip; decoded clips are stored once for all copies."""
    clips = manifest_of(clip_file.parent, [clip_file.name])
    store = CopyStore(FrameStore(tmp_path) if stored else None, "av")
    names = ("flip", "gain", "offset")
    manifest = with_copies(clips, names)
    assert store.warm(manifest, size=56) == []
    assert len([*tmp_path.rglob("*.clip")]) == stored  # once for all copies
    views = {
        "video": View(modality="video", clip_len=4, seconds=1.6),
        "audio": View(modality="audio", clip_len=48, seconds=1.6),
    }
    data = ClipDataset(manifest, ClipSampling(views), size=56, train=False, seed=0, store=store)
    clip, *copies = [data[index]["inputs"] for index in range(4)]
    for copy in copies:  # of both inputs, both change
        for view in ("video", "audio"):
            assert copy[view].shape == clip[view].shape and copy[view].dtype == clip[view].dtype
            assert not np.array_equal(copy[view], clip[view])
    again = data[2]["inputs"]
    np.testing.assert_array_equal(again["audio"], copies[1]["audio"])
    assert data[1]["data_samples"]["tag"] == "flip"
