"""The two sounds of a clip by their times, and who lends whom a negative."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from objectives.parts.draws import Draws
from objectives.parts.sync_pairs import SyncHead, choose_negatives, pooled, two_sounds

SECONDS = 1.6


def starts(gap: float, *, duration: float, count: int = 300) -> np.ndarray:
    """(count, 3): starts of the clip, its sound, and the hard negative."""
    sampling, rng = two_sounds(clip_len=16, seconds=SECONDS, gap=gap), np.random.default_rng(0)
    drawn = [sampling.draw(duration, rng) for _ in range(count)]
    names = ("video", "audio", "audio_hard")
    return np.array([[float(times[name].start) for name in names] for times in drawn])


@pytest.mark.parametrize(("gap", "duration"), [(0.5, 6.0), (0.0, 4.0), (-0.8, 3.2), (-1.1, 3.2)])
def test_every_hard_negative_keeps_the_gap(gap, duration):
    video, audio, hard = starts(gap, duration=duration).T
    assert np.array_equal(video, audio)
    silence_between = np.maximum(hard - (audio + SECONDS), audio - (hard + SECONDS))
    assert silence_between.min() >= gap - 1e-9
    assert min(audio.min(), hard.min()) >= 0
    assert max(audio.max(), hard.max()) + SECONDS <= duration + 1e-9
    assert 0.2 < (hard > audio).mean() < 0.8  # before and after


def test_starts_may_be_anywhere_where_the_gap_allows_overlap():
    audio = starts(-0.8, duration=3.2)[:, 1]
    counts, _ = np.histogram(audio, bins=4, range=(0, 1.6))
    assert counts.min() > 40  # of 75


def test_the_positive_is_no_hard_negative():
    with pytest.raises(ValueError, match=r"gap of -1\.6.*above -1\.6"):
        two_sounds(clip_len=16, seconds=1.6, gap=-1.6)
    assert two_sounds(clip_len=16, seconds=1.6, gap=-1.1).min_duration == pytest.approx(2.1)


def sounds(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(batch, 4, 6, generator=rng), torch.randn(batch, 4, 6, generator=rng)


def choose(index, *, hard=0.0, masked=True, easy="now", audio=None, other=None):
    torch.manual_seed(0)
    near, far = sounds(len(index))
    near, far = near if audio is None else audio, far if other is None else other
    return choose_negatives(near, far, index, draws=Draws(), hard=hard, masked=masked, easy=easy)


def test_easy_negatives_come_from_other_videos_in_one_circle():
    index = torch.tensor([5, 9, 2, 7, 11, 3, 8, 1])
    source, _, valid, _ = choose(index)
    assert sorted(source.tolist()) == list(range(8))
    assert (index[source] != index).all()
    assert valid.all()
    at, seen = 0, set()
    while at not in seen:
        seen.add(at)
        at = int(source[at])
    assert len(seen) == 8


def test_a_quarter_is_hard_and_chance_says_which():
    own = []
    for step in range(40):
        draws = Draws()
        draws.salt.zero_()
        draws.step.fill_(step)
        near, far = sounds(8)
        found = choose_negatives(near, far, torch.arange(8), draws=draws, hard=0.25, masked=True)
        own.append(found.hard)
    share = torch.stack(own).float()
    assert (share.sum(dim=1) == 2).all()
    assert (share.mean(dim=0) > 0).all()  # every place in the batch has its turn


def test_the_place_in_the_batch_does_not_matter():
    index, order = torch.tensor([5, 9, 2, 7]), torch.tensor([2, 0, 3, 1])
    here, there = choose(index, hard=0.25).source, choose(index[order], hard=0.25).source
    assert torch.equal(index[here][order], index[order][there])


def test_another_clip_of_the_same_video_is_no_negative():
    source, hard, valid, _ = choose(torch.tensor([4, 4]))
    assert source.tolist() == [1, 0]
    assert not hard.any()
    assert not valid.any()
    assert choose(torch.tensor([4, 4]), hard=1.0).valid.all()


def test_silence_is_left_out_where_masked():
    near, far = sounds(4)
    near[1], far[3] = 0.0, 0.0
    index = torch.arange(4)
    for easy, silent in (("apart", 3), ("now", 1)):
        source, _, valid, _ = choose(index, audio=near, other=far, easy=easy)
        unfair = {1, source.tolist().index(silent)}
        assert {i for i in range(4) if not valid[i]} == unfair
    assert choose(index, audio=near, other=far, masked=False).valid.all()


def test_easy_negatives_are_positives_of_others_or_their_hard_sounds():
    near, far = sounds(4)
    for easy, lent in (("now", near), ("apart", far)):
        found = choose(torch.arange(4), hard=0.5, easy=easy)
        got = found.pick(near, far)
        assert found.hard.sum() == 2
        for place, source in enumerate(found.source.tolist()):
            assert torch.equal(got[place], far[place] if source == place else lent[source])


def test_head_is_a_linear_map_of_means():
    head = SyncHead(5, 3, 2)
    maps = [torch.randn(2, 4, 3, 2, 2), torch.randn(2, 1, 6, 4, 4)]
    means = torch.cat([maps[0].mean(dim=(2, 3, 4)), maps[1].mean(dim=(2, 3, 4))], dim=1)
    want = means @ head.ref.weight.T + head.ref.bias
    assert torch.allclose(head.see(maps), want, atol=1e-6)
    sound = torch.randn(2, 3, 7)
    want = sound.mean(dim=2) @ head.query.weight.T + head.query.bias
    assert torch.allclose(head.hear([sound]), want, atol=1e-6)


def test_segments_tell_early_from_late():
    early = torch.zeros(1, 2, 8, 2, 3)
    early[0, 1, :2] = 6.0
    late = early.flip(2)
    assert pooled([early], 4).tolist() == [[0, 0, 0, 0, 6, 0, 0, 0]]
    assert pooled([late], 4).tolist() == [[0, 0, 0, 0, 0, 0, 0, 6]]
    torch.testing.assert_close(pooled([early]), pooled([late]))
    with pytest.raises(ValueError, match="segments must be 1 or more, got 0"):
        SyncHead(2, 2, 2, segments=0)
