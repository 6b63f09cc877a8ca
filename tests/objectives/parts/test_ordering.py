"""Order of spans, choice among a queue's entries and its loss, against plain loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from objectives.parts.info_nce import queue_info_nce, queue_scores
from objectives.parts.ordering import (
    AFTER,
    BEFORE,
    OVERLAP,
    Chosen,
    Spans,
    audible,
    choose,
    masked_cross_entropy,
    order_labels,
    recognised,
    supplemented_nce,
    swapped,
)
from objectives.parts.queue import NOBODY
from objectives.parts.supplemented import SupplementedContrast
from objectives.parts.time_views import ordered_pair, spans, whole
from registries.sampling import ClipTimes


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def unit(*shape: int, seed: int = 0) -> Tensor:
    return F.normalize(draw(*shape, seed=seed), dim=-1)


def pick(similarity: Tensor, *, own=None, empty=None, seed: int = 0, **options) -> Chosen:
    own = torch.zeros_like(similarity, dtype=torch.bool) if own is None else own
    empty = torch.zeros(similarity.shape[1], dtype=torch.bool) if empty is None else empty
    noise = torch.rand(similarity.shape, generator=torch.Generator().manual_seed(seed))
    defaults = {"extra": 0, "drop": 0.0, "count": similarity.shape[1], "hardness": 0.0}
    return choose(similarity, own=own, empty=empty, noise=noise, **{**defaults, **options})


def slots(chosen: Chosen, row: int) -> tuple[set[int], set[int]]:
    """Positives and negatives of one query that count."""
    return tuple(
        {int(i) for i, ok in zip(found[row], valid[row], strict=True) if ok}
        for found, valid in (chosen[:2], chosen[2:])
    )


@pytest.mark.parametrize(
    ("first", "second", "want"),
    [
        ((0.0, 1.0), (2.0, 3.0), BEFORE),
        ((2.0, 3.0), (0.0, 1.0), AFTER),
        ((0.0, 1.0), (1.0, 2.0), BEFORE),  # touching spans are ordered
        ((0.1, 0.1 + 0.2), (0.3, 0.5), BEFORE),  # also where float sums miss by a little
        ((1.0, 2.0), (0.0, 1.0), AFTER),
        ((0.0, 1.0), (0.9, 2.0), OVERLAP),
        ((0.0, 3.0), (1.0, 2.0), OVERLAP),
        ((1.0, 2.0), (1.0, 2.0), OVERLAP),
    ],
)
def test_labels_of_spans(first, second, want):
    one, two = (
        Spans(*(torch.tensor([t], dtype=torch.float64) for t in s)) for s in (first, second)
    )
    assert order_labels(one, two).tolist() == [want]
    assert order_labels(two, one).tolist() == [{BEFORE: AFTER, AFTER: BEFORE}.get(want, want)]


def test_positives_and_negatives_are_disjoint_and_free_of_the_own_sample():
    similarity = draw(6, 40)
    sources = torch.arange(40) % 8
    own = torch.arange(6)[:, None] == sources
    empty = torch.arange(40) >= 36
    chosen = pick(similarity, own=own, empty=empty, extra=4, drop=0.1, count=20, hardness=2.0)
    for row in range(6):
        positives, negatives = slots(chosen, row)
        allowed = [i for i in range(40) if not own[row, i]]
        ranked = sorted(allowed, key=lambda i: -float(similarity[row, i]))
        assert positives == set([i for i in ranked if i < 36][:4])
        assert len(negatives) == 20
        assert not negatives & (
            positives | set(ranked[:4]) | set(own[row].nonzero()[:, 0].tolist())
        )


def test_all_entries_but_the_excluded_ones_where_the_queue_is_small():
    similarity, own = draw(2, 6), torch.zeros(2, 6, dtype=torch.bool)
    own[0, 3] = True
    chosen = pick(similarity, own=own, extra=1, count=6)
    for row in range(2):
        positives, negatives = slots(chosen, row)
        assert positives | negatives == set(range(6)) - ({3} if row == 0 else set())
    few = pick(similarity, own=own, extra=1, count=5)  # fewer are left than asked for
    assert len(slots(few, 0)[1]) == 4 and len(slots(few, 1)[1]) == 5


def test_an_empty_queue_has_no_positives():
    chosen = pick(draw(3, 8), empty=torch.ones(8, dtype=torch.bool), extra=2)
    assert all(slots(chosen, row) == (set(), set(range(8))) for row in range(3))


@pytest.mark.parametrize("hardness", [0.0, 3.0])
def test_negatives_are_drawn_with_the_declared_chances(hardness):
    similarity = torch.tensor([[0.9, 0.2, -0.4, 0.0, -0.9]]).expand(20_000, -1)
    chosen = pick(similarity, count=1, hardness=hardness)
    share = torch.bincount(chosen.negatives[:, 0], minlength=5) / 20_000
    want = torch.softmax(hardness * similarity[0], dim=0)
    assert share.tolist() == pytest.approx(want.tolist(), abs=0.012)
    two = pick(similarity, count=2, hardness=hardness).negatives
    assert bool((two[:, 0] != two[:, 1]).all())  # without replacement


@pytest.mark.parametrize("weight", [0.0, 0.5])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_supplemented_loss_equals_plain_loop(weight, temperature):
    query, key, queue = unit(4, 5), unit(4, 5, seed=1), unit(12, 5, seed=2)
    own = draw(4, 12, seed=3) > 1
    empty = torch.arange(12) > 8
    chosen = pick(query @ queue.t(), own=own, empty=empty, extra=3, drop=0.1, count=6, hardness=1.0)
    total = 0.0
    for i in range(4):
        positives, negatives = slots(chosen, i)
        below = sum(math.exp(float(query[i] @ queue[n]) / temperature) for n in negatives)

        def term(score: float, below: float = below) -> float:
            return math.log(math.exp(score / temperature) + below) - score / temperature

        total += term(float(query[i] @ key[i]))
        if positives:
            extra = [term(float(query[i] @ queue[p])) for p in positives]
            total += weight * sum(extra) / len(extra)
    loss, positive, negative = supplemented_nce(
        query, key, queue, chosen, weight=weight, temperature=temperature
    )
    assert float(loss) == pytest.approx(total / 4, rel=1e-10)
    assert positive.shape == (4, 1) and negative.shape == (4, 6)


def test_everything_off_is_info_nce():
    query, key, queue = unit(4, 5), unit(4, 5, seed=1), unit(9, 5, seed=2)
    loss, *_ = supplemented_nce(
        query, key, queue, pick(query @ queue.t()), weight=0.5, temperature=0.1
    )
    want = queue_info_nce(*queue_scores(query, key[:, None], queue, temperature=0.1))
    assert float(loss) == pytest.approx(float(want), rel=1e-12)


def test_equal_scores_give_the_uniform_value():
    flat = torch.ones(3, 1), torch.ones(3, 1), torch.ones(10, 1)
    chosen = pick(torch.ones(3, 10), extra=2, count=5)
    loss, *_ = supplemented_nce(*flat, chosen, weight=0.5, temperature=0.1)
    assert float(loss) == pytest.approx(1.5 * math.log(6), rel=1e-6)


def test_only_the_query_gets_a_gradient_and_wrong_keys_are_worse():
    query, queue = unit(4, 8).requires_grad_(), unit(9, 8, seed=2).requires_grad_()
    key = query.detach().clone().requires_grad_()
    chosen = pick((query @ queue.t()).detach(), extra=2)
    loss, *_ = supplemented_nce(query, key, queue, chosen, weight=0.5, temperature=0.1)
    loss.backward()
    assert key.grad is None and queue.grad is None and query.grad.abs().max() > 0
    wrong, *_ = supplemented_nce(query, key.roll(1, 0), queue, chosen, weight=0.5, temperature=0.1)
    assert float(wrong.detach()) > float(loss.detach()) + 1


def test_masked_cross_entropy_and_its_uniform_values():
    scores, labels = draw(5, 3), torch.tensor([0, 2, 1, 1, 0])
    valid = torch.tensor([True, False, True, True, False])
    want = sum(
        math.log(sum(math.exp(float(x)) for x in scores[i])) - float(scores[i, labels[i]])
        for i in (0, 2, 3)
    )
    assert float(masked_cross_entropy(scores, labels, valid)) == pytest.approx(want / 5, rel=1e-12)
    for classes in (2, 3, 4):
        got = masked_cross_entropy(
            torch.zeros(6, classes), torch.zeros(6).long(), torch.ones(6) > 0
        )
        assert float(got) == pytest.approx(math.log(classes), rel=1e-6)


def test_accuracy_and_chance_count_valid_rows():
    scores = F.one_hot(torch.tensor([0, 1, 2, 1]), 3).float()
    labels, valid = torch.tensor([0, 1, 1, 2]), torch.tensor([True, True, True, False])
    accuracy, chance = recognised(scores, labels, valid)
    assert (float(accuracy), float(chance)) == pytest.approx((2 / 3, 2 / 3))
    assert [float(x) for x in recognised(scores, labels, valid & False)] == [0.0, 0.0]


def test_silence_is_what_does_not_deviate():
    audio = torch.stack([torch.full((4, 5), -1.45), draw(4, 5).float()])
    assert audible(audio, 1e-3).tolist() == [False, True]
    assert audible(audio, None).tolist() == [True, True]


def test_swapping_exchanges_halves_and_twice_is_nothing():
    rows = torch.arange(6)
    assert swapped(rows).tolist() == [3, 4, 5, 0, 1, 2]
    assert torch.equal(swapped(swapped(rows)), rows)


def contrast(**options) -> SupplementedContrast:
    torch.manual_seed(0)
    defaults = {"temperature": 0.1, "extra": 2, "drop": 0.1, "negatives": 4, "hardness": 1.0}
    return SupplementedContrast(10, 6, **{**defaults, **options})


def test_queue_keeps_sources_and_the_own_ones_are_left_out():
    part, index = contrast(extra=10, negatives=10, drop=0.0), torch.tensor([3, 5])
    keys = unit(4, 6).float()
    part.enqueue(keys, index)
    assert part.queue.sources.tolist() == [3, 5, 3, 5, *[NOBODY] * 6]
    got = part(keys, keys, index, weight=1.0)
    queue, total = part.queue.entries, 0.0
    for row, (_, source) in enumerate(itertools.product(range(2), (3, 5))):
        other = [i for i in range(4) if part.queue.sources[i] != source]  # of the other sample
        score = keys[row] @ queue.t() / 0.1
        below = float(score[4:].exp().sum())
        terms = [math.log(1 + below / math.exp(float(s))) for s in score[other]]
        total += math.log(1 + below / math.exp(10.0)) + sum(terms) / len(terms)
    assert float(got["loss"]) == pytest.approx(total / 4, rel=1e-4)
    assert float(got["chance"]) == pytest.approx(1 / 11)


def test_choice_follows_the_sample_not_its_place():
    keys, index, order = unit(4, 6).float(), torch.tensor([3, 5]), torch.tensor([1, 0, 3, 2])
    one, two = contrast(), contrast()
    here = one(keys, keys, index, weight=0.5)["loss"]
    there = two(keys[order], keys[order], index[order[:2]], weight=0.5)["loss"]
    assert float(here) == pytest.approx(float(there), rel=1e-6)
    assert float(one(keys, keys, index, weight=0.5)["loss"]) != pytest.approx(float(here), rel=1e-6)


def times_of(sampling, duration: float, count: int, seed: int = 0) -> dict[str, ClipTimes]:
    rng = np.random.default_rng(seed)
    drawn = [sampling.draw(duration, rng) for _ in range(count)]
    return {
        name: ClipTimes(*(torch.stack(c) for c in zip(*(d[name] for d in drawn), strict=True)))
        for name in sampling.views
    }


def test_spans_are_the_seconds_that_the_views_cover():
    sampling = ordered_pair(frames=8, seconds=0.4, speeds=(1, 2, 4), reverse=0.5)
    times = times_of(sampling, 5.0, 50)
    found = spans(times, torch.device("cpu"))
    for modality in ("video", "audio"):
        for half, place in enumerate(("first", "second")):
            time = times[f"{modality}_{place}"]
            rows = slice(50 * half, 50 * half + 50)
            assert torch.equal(found[modality].start[rows], time.start[:, 0])
            length = found[modality].stop[rows] - time.start[:, 0]
            assert torch.allclose(length, 0.4 * time.speed[:, 0].double())
    assert float(found["video"].stop.max()) <= 5.0 + 1e-9


@pytest.mark.parametrize("duration", [3.2, 10.0])
def test_every_order_is_frequent(duration):
    sampling = ordered_pair(frames=8, seconds=0.4, speeds=(1, 2), reverse=0.5)
    found = spans(times_of(sampling, duration, 2000), torch.device("cpu"))
    for one, two in (("video", "video"), ("audio", "audio"), ("video", "audio")):
        labels = order_labels(found[one], Spans(*map(swapped, found[two])))
        share = torch.bincount(labels, minlength=3) / len(labels)
        assert float(share.min()) > 0.1


def test_starts_are_uniform_and_speeds_and_directions_of_the_modalities_independent():
    sampling = ordered_pair(frames=8, seconds=0.4, speeds=(1, 2), reverse=0.5)
    assert sampling.min_duration == pytest.approx(0.8)  # shorter videos are left out
    times = times_of(sampling, 3.2, 2000)
    for place in ("first", "second"):
        start = times[f"video_{place}"].start[:, 0]
        quarters = torch.histc(start, bins=4, min=0.0, max=2.4) / 2000
        assert quarters.tolist() == pytest.approx([0.25] * 4, abs=0.04)
    rows = torch.stack(
        [getattr(t, f)[:, 0].double() for t in times.values() for f in ("speed", "reversed")]
    )
    apart = torch.corrcoef(rows) - torch.eye(8)
    assert float(apart.abs().max()) < 0.1


@pytest.mark.parametrize("backwards", [False, True])
def test_halves_make_the_clip_that_one_view_would_have_been(backwards):
    frames = torch.arange(8.0)  # what the source shows, one frame a moment
    halves = frames.reshape(1, 2, 4)
    halves = halves.flip(2) if backwards else halves  # as the harness cuts each clip of a view
    halves = halves[:, :, None, :, None, None].expand(1, 2, 3, 4, 2, 2)
    flags = torch.full((1, 2), backwards)
    clip = whole(halves, ClipTimes(torch.zeros(1, 2), torch.ones(1, 2), flags))
    assert clip.shape == (1, 3, 8, 2, 2)
    want = frames.flip(0) if backwards else frames
    assert torch.equal(clip[0, 0, :, 0, 0], want)
