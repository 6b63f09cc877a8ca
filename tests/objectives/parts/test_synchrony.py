"""Synchrony's functions against plain loops, closed forms, and the tables of the sources."""

from __future__ import annotations

import math

import pytest
import torch

from objectives.parts.synchrony import (
    audible,
    avs_pattern,
    distance,
    half_unit,
    hard_fraction,
    margin_loss,
    negative_source,
    order_accuracy,
)


def triplets(batch=5, dim=4, *, seed=0) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, dim, generator=rng, dtype=torch.float64) for _ in range(3)]


def by_loop(anchor, positive, negative, valid, margin) -> float:
    """The mean over 2N labelled pairs, written out."""
    terms = []
    for a, p, n, use in zip(anchor, positive, negative, valid, strict=True):
        if use:
            near = math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, p, strict=True)))
            far = math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, n, strict=True)))
            terms += [near**2, max(margin - far, 0.0) ** 2]
    return sum(terms) / len(terms)


@pytest.mark.parametrize("margin", [0.99, 2.0, 5.0])
@pytest.mark.parametrize("valid", [[1, 1, 1, 1, 1], [1, 0, 0, 1, 1], [0, 0, 1, 0, 0]])
def test_margin_loss_equals_a_loop(margin, valid):
    rows, mask = triplets(), torch.tensor(valid, dtype=torch.bool)
    got = margin_loss(*rows, valid=mask, margin=margin)
    assert got.dtype == torch.float64
    assert float(got) == pytest.approx(by_loop(*rows, valid, margin), rel=1e-12)


def test_margin_loss_at_its_limits():
    rows = triplets()
    assert float(margin_loss(rows[0], rows[0], rows[0])) == pytest.approx(0.99**2 / 2, rel=1e-12)
    assert float(margin_loss(rows[0], rows[0], rows[0] + 1.0)) == 0.0
    nobody = torch.zeros(5, dtype=torch.bool)
    assert float(margin_loss(*rows, valid=nobody)) == 0.0


def test_gradients_are_finite_at_zero_and_absent_beyond_the_margin():
    leaves = [row.requires_grad_() for row in triplets()]
    margin_loss(leaves[0], leaves[0].detach(), leaves[0].detach().clone()).backward()
    assert torch.equal(leaves[0].grad, torch.zeros_like(leaves[0]))
    far = (leaves[1].detach() + 10).requires_grad_()
    margin_loss(leaves[1], leaves[1].detach() + 0.1, far).backward()
    assert not far.grad.any()
    assert leaves[1].grad.any()


def test_gradient_equals_finite_differences():
    rows = [row.requires_grad_() for row in triplets(batch=3)]
    valid = torch.tensor([True, True, False])
    assert torch.autograd.gradcheck(
        lambda a, p, n: margin_loss(half_unit(a), half_unit(p), half_unit(n), valid=valid), rows
    )
    rows[0].grad = None
    margin_loss(*rows, valid=valid, margin=9.0).backward()
    assert not rows[0].grad[2].any()


def test_swapping_positive_and_negative_is_worse():
    anchor = half_unit(triplets()[0])
    right, wrong = margin_loss(anchor, anchor, -anchor), margin_loss(anchor, -anchor, anchor)
    assert float(right) == 0.0  # opposite halves lie 1 apart, beyond the margin
    assert float(wrong) == pytest.approx((1 + 0.99**2) / 2, rel=1e-12)


def test_half_units_have_distances_from_zero_to_one():
    one = half_unit(torch.tensor([[3.0, 4.0]]))
    assert torch.allclose(one, torch.tensor([[0.3, 0.4]]))
    assert float(distance(one, -one)) == pytest.approx(1.0)
    assert float(distance(one, one)) == 0.0


def test_order_accuracy_counts_ties_as_guesses():
    anchor = torch.zeros(4, 1)
    near = torch.tensor([[1.0], [1.0], [3.0], [2.0]])
    far = torch.tensor([[2.0], [2.0], [1.0], [2.0]])
    assert float(order_accuracy(anchor, near, far)) == pytest.approx(2.5 / 4)
    valid = torch.tensor([False, False, True, True])
    assert float(order_accuracy(anchor, near, far, valid=valid)) == pytest.approx(0.25)
    assert float(order_accuracy(anchor, near, far, valid=valid & ~valid)) == 0.5


@pytest.mark.parametrize(("progress", "want"), [(0, 0), (0.49999, 0), (0.5, 0.25), (1.0, 0.25)])
def test_hard_fraction_is_a_step(progress, want):
    assert hard_fraction(progress, switch=0.5, fraction=0.25) == want


@pytest.mark.parametrize(
    ("batch", "hard", "want"),
    [
        (8, 0.0, [1, 2, 3, 4, 5, 6, 7, 0]),
        (8, 0.25, [1, 2, 3, 4, 5, 0, 6, 7]),
        (5, 0.25, [1, 2, 0, 3, 4]),
        (10, 0.9, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (10, 0.8, [1, 0, 2, 3, 4, 5, 6, 7, 8, 9]),
        (3, 1.0, [0, 1, 2]),
        (1, 0.0, [0]),
    ],
)
def test_negative_source_is_a_cycle_among_the_first(batch, hard, want):
    assert negative_source(batch, hard).tolist() == want


def test_negative_source_follows_the_order():
    order = torch.tensor([4, 2, 0, 3, 1])  # 4 -> 2 -> 0 -> 4 in a circle; 3 and 1 are hard
    assert negative_source(5, 0.4, order=order).tolist() == [4, 1, 0, 3, 2]
    assert negative_source(5, 0.0, order=order).tolist() == [3, 4, 0, 1, 2]


def test_audible_leaves_out_silence_and_doubles():
    torch.manual_seed(0)
    loud, other = torch.randn(5, 8, 6), torch.randn(5, 8, 6)
    loud[1] = 0.05 * loud[1]  # variance 0.0025
    other[2] = 3.0  # silence is constant, not zero
    other[3] = 2 * loud[3]
    assert audible(loud, other).tolist() == [True, False, False, False, True]
    assert not audible(torch.zeros(2, 3, 4), torch.zeros(2, 3, 4)).any()


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_pattern_asks_before_the_first_fusion_only(kept):
    got = avs_pattern(torch.tensor(kept), avs=(True,) * 3, fused=(True, True, False))
    assert got.tolist() == [1, 1 - kept, 1 - kept]
    got = avs_pattern(torch.tensor(kept), avs=(False, True, True), fused=(False, True, False))
    assert got.tolist() == [0, 1, 1 - kept]
    got = avs_pattern(torch.tensor(kept), avs=(True,) * 3, fused=(False,) * 3)
    assert got.tolist() == [1, 1, 1]


def test_losses_stay_in_float32_under_autocast():
    anchor, positive, negative = (row.float() for row in triplets())
    want = margin_loss(half_unit(anchor), half_unit(positive), half_unit(negative))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rows = [half_unit(x) for x in (anchor, positive, negative)]
        got = margin_loss(*rows)
        low = margin_loss(*(row.bfloat16() for row in rows))
    assert torch.equal(got, want)
    assert low.dtype == torch.float32
