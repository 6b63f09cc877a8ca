"""Negative cosine and its pairs: plain loops, limits, where the gradient stops."""

from __future__ import annotations

import math

import pytest
import torch

from objectives.parts.cosine import FAMILIES, PAIRS, crisscross, negative_cosine, symmetric_cosine

VIEWS = ("video_1", "video_2", "audio_1", "audio_2")


def rows(seed, *, batch=5, dim=7, **options):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(batch, dim, generator=rng, dtype=torch.float64, **options)


def both(**options):
    predicted = {view: rows(k, **options) for k, view in enumerate(VIEWS)}
    return predicted, {view: rows(k + 10, **options) for k, view in enumerate(VIEWS)}


def loop(p, z):
    """-cos of each row by hand, mean."""
    total = 0.0
    for a, b in zip(p.tolist(), z.tolist(), strict=True):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        total -= dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))
    return total / len(p)


def total(predicted, projected, families=FAMILIES):
    return float(sum(crisscross(predicted, projected, families=families).values()))


def test_negative_cosine_equals_a_loop():
    p, z = rows(0), rows(1)
    assert float(negative_cosine(p, z)) == pytest.approx(loop(p, z), rel=1e-12)
    want = (loop(p, rows(3)) + loop(rows(2), z)) / 2
    assert float(symmetric_cosine(p, z, rows(2), rows(3))) == pytest.approx(want, rel=1e-12)


def test_limits():
    p = rows(0)
    assert float(negative_cosine(p, 3 * p)) == pytest.approx(-1)
    assert float(negative_cosine(p, -p)) == pytest.approx(1)
    one, other = torch.eye(4, dtype=torch.float64)[:2], torch.eye(4, dtype=torch.float64)[2:]
    assert float(negative_cosine(one, other)) == 0
    same = dict.fromkeys(VIEWS, p)
    assert total(same, same) == pytest.approx(-1)
    assert float(negative_cosine(torch.zeros(2, 3), torch.ones(2, 3))) == 0  # no NaN


def test_scale_does_not_matter_and_shuffling_does():
    p, z = rows(0), rows(1)
    value = float(negative_cosine(p, z))
    assert float(negative_cosine(100 * p, 1e-3 * z)) == pytest.approx(value, rel=1e-9)
    order = torch.tensor([3, 0, 4, 1, 2])
    assert float(negative_cosine(p[order], z[order])) == pytest.approx(value, rel=1e-12)
    assert float(negative_cosine(p, p[order])) > float(negative_cosine(p, p)) + 0.1


@pytest.mark.parametrize(
    "families",
    [FAMILIES, ("intra",), ("sync",), ("async",), ("intra", "sync"), ("async", "sync")],
)
def test_the_total_is_the_mean_over_active_pairs(families):
    predicted, projected = both()
    pairs = [pair for family in families for pair in PAIRS[family]]
    want = [
        (loop(predicted[x], projected[y]) + loop(predicted[y], projected[x])) / 2 for x, y in pairs
    ]
    assert total(predicted, projected, families) == pytest.approx(sum(want) / len(want), rel=1e-9)
    assert set(crisscross(predicted, projected, families=families)) == set(families)


def test_six_pairs_none_twice_each_view_in_three():
    pairs = [frozenset(pair) for family in PAIRS.values() for pair in family]
    assert len(pairs) == len(set(pairs)) == 6
    assert all(sum(view in pair for pair in pairs) == 3 for view in VIEWS)


def swapped(views, one, two):
    return {**views, one: views[two], two: views[one]}


def test_swapping_sounds_swaps_sync_and_async_and_swapping_both_changes_nothing():
    predicted, projected = both()
    before = crisscross(predicted, projected)
    sounds = [swapped(views, "audio_1", "audio_2") for views in (predicted, projected)]
    after = crisscross(*sounds)
    assert float(after["sync"]) == pytest.approx(float(before["async"]))
    assert float(after["async"]) == pytest.approx(float(before["sync"]))
    assert float(after["intra"]) == pytest.approx(float(before["intra"]))
    times = [swapped(views, "video_1", "video_2") for views in sounds]
    assert total(*times) == pytest.approx(total(predicted, projected), rel=1e-12)


def test_the_gradient_stops_at_the_target():
    predicted, projected = both(requires_grad=True)
    sum(crisscross(predicted, projected).values()).backward()
    assert all(z.grad is None for z in projected.values())
    assert all(p.grad.abs().max() > 0 for p in predicted.values())


def test_without_the_stop_the_gradient_is_another():
    weight = torch.nn.Parameter(rows(5, batch=7))
    z = rows(0) @ weight
    value = negative_cosine(torch.tanh(z), z)
    value.backward()
    stopped, weight.grad = weight.grad, None
    z = rows(0) @ weight
    free = -torch.cosine_similarity(torch.tanh(z), z, dim=1).mean()
    free.backward()
    assert float(free.detach()) == pytest.approx(float(value.detach()), rel=1e-9)
    assert (weight.grad - stopped).abs().max() > 0.1 * stopped.abs().max()


def test_half_precision_is_widened():
    p, z = rows(0).bfloat16(), rows(1).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = negative_cosine(p, z)
    assert value.dtype == torch.float32
    assert float(value) == pytest.approx(loop(p.float(), z.float()), rel=1e-5)


@pytest.mark.parametrize("families", [(), ("intra", "cross"), ("sync", "sync"), "sync"])
def test_other_families_are_refused(families):
    with pytest.raises(ValueError, match="families must be some of"):
        crisscross(*both(), families=families)
