"""Sound around a clip: where it is cut, and that a place in a map no longer tells the moment."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from objectives.parts.context import clip_in_sound, steps_of_clip
from registries.sampling import ClipTimes


def drawn(sampling, *, duration=4.0, count=200):
    rng = np.random.default_rng(0)
    return [sampling.draw(duration, rng) for _ in range(count)]


def test_without_context_both_are_cut_alike():
    sampling = clip_in_sound(clip_len=8, seconds=0.8, context=0.0, steps_per_frame=3)
    audio = sampling.views["audio"]
    assert (audio.clip_len, audio.seconds, sampling.anchors) == (24, 0.8, {})
    assert all(times["video"].start == times["audio"].start for times in drawn(sampling))


def test_clip_lies_anywhere_in_its_sound():
    sampling = clip_in_sound(clip_len=8, seconds=0.8, context=0.6, steps_per_frame=3)
    audio = sampling.views["audio"]
    assert (audio.clip_len, audio.seconds) == (24 + 18, pytest.approx(1.4))
    assert sampling.min_duration == pytest.approx(1.4)
    late = [float(times["video"].start - times["audio"].start) for times in drawn(sampling)]
    assert -1e-9 <= min(late) < 0.05 and 0.55 < max(late) <= 0.6 + 1e-9
    assert np.histogram(late, bins=6, range=(0, 0.6))[0].min() > 15  # of 33 on average
    assert all(0 <= times["audio"].start <= 4.0 - 1.4 + 1e-9 for times in drawn(sampling))


def test_a_video_as_long_as_the_sound_is_long_enough():
    sampling = clip_in_sound(clip_len=8, seconds=0.8, context=0.6, steps_per_frame=3)
    assert len(drawn(sampling, duration=1.4)) == 200


def test_negative_context_is_refused():
    with pytest.raises(ValueError, match=r"context=-0\.1"):
        clip_in_sound(clip_len=8, seconds=0.8, context=-0.1, steps_per_frame=3)


def test_steps_are_those_of_the_clip():
    """A map that holds the middle of each step, in seconds of the source."""
    starts, late = torch.tensor([0.0, 1.0, 0.25]), torch.tensor([0.0, 0.6, 0.26])
    length, step = 42, 1.4 / 42
    heard = starts[:, None, None] + (torch.arange(length) + 0.5) * step
    times = {
        name: ClipTimes(start[:, None].double(), torch.ones(3, 1), torch.zeros(3, 1).bool())
        for name, start in (("audio", starts), ("video", starts + late))
    }
    got = steps_of_clip(heard.expand(3, 2, length), times, context=0.6, kept=24)
    assert got.shape == (3, 2, 24)
    for row in range(3):
        for place in range(24):
            want = starts[row] + late[row] + (place + 0.5) * step
            assert abs(float(got[row, 1, place] - want)) <= step / 2 + 1e-6
    assert got[0, 0, 0] == heard[0, 0, 0] and got[1, 0, -1] == heard[1, 0, -1]


def test_a_coarser_map_is_cut_at_the_same_moment():
    times = {
        name: ClipTimes(
            torch.tensor([[start]]).double(), torch.ones(1, 1), torch.zeros(1, 1).bool()
        )
        for name, start in (("audio", 1.0), ("video", 1.4))
    }
    heard = torch.arange(21.0).view(1, 1, 21)  # two spectrogram steps each
    assert steps_of_clip(heard, times, context=0.6, kept=12)[0, 0].tolist() == list(range(6, 18))
