"""Quarter turns: exact, alike for all frames, refused where they would give themselves away."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from objectives.parts.rotation import all_turns, rotate


def clips(batch=4) -> torch.Tensor:
    return torch.randn(batch, 3, 2, 5, 5, generator=torch.Generator().manual_seed(0))


def test_each_clip_is_turned_by_its_own_label():
    turns = torch.tensor([2, 0, 3, 1])
    for clip, k, got in zip(clips(), turns.tolist(), rotate(clips(), turns), strict=True):
        assert np.array_equal(got.numpy(), np.rot90(clip.numpy(), k, axes=(2, 3)))


def test_a_known_frame_turns_counter_clockwise():
    frame = torch.tensor([[1, 2], [3, 4]]).view(1, 1, 1, 2, 2)
    assert rotate(frame, torch.tensor([1])).flatten().tolist() == [2, 4, 1, 3]


@pytest.mark.parametrize("turn", range(4))
def test_four_times_the_same_turn_is_none(turn):
    found, turns = clips(), torch.full((4,), turn)
    for _ in range(4):
        found = rotate(found, turns)
    assert torch.equal(found, clips())


def test_the_order_of_frames_stays():
    marked = torch.arange(4.0).view(1, 1, 4, 1, 1).expand(1, 3, 4, 5, 5)
    assert torch.equal(rotate(marked, torch.tensor([3])), marked)


def test_all_turns_are_balanced():
    assert all_turns(3, torch.device("cpu")).tolist() == [0, 1, 2, 3] * 3


def test_frames_that_are_not_square_are_refused():
    with pytest.raises(ValueError, match=r"24 x 16.*squares"):
        rotate(torch.zeros(1, 3, 2, 16, 24), torch.zeros(1, dtype=torch.int64))
