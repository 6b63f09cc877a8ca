"""Losses against a plain double loop in float64, their limiting values and their invariances."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from objectives.parts.losses import (
    DENOMINATORS,
    attention_over_cells,
    attention_pool,
    cross_modal_mil_nce,
    glcm_global,
    glcm_local,
    windows,
)


def reference(anchor: Tensor, bag: Tensor, denominator: str, temperature: float) -> float:
    """The formula of the docstring, pair by pair, with plain sums of exponentials."""
    count, size = bag.shape[:2]

    def e(i: int, j: int, k: int) -> float:
        return math.exp(float(anchor[i] @ bag[j, k]) / temperature)

    total = 0.0
    for i in range(count):
        positive = sum(e(i, i, k) for k in range(size))
        below = sum(e(i, j, k) for j, k in itertools.product(range(count), range(size)))
        for j, k in itertools.product(range(count), range(size)):
            if denominator == "official" or (denominator == "symmetric" and j != i):
                below += e(j, i, k)
        total += math.log(below / positive)
    return total / count


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("denominator", DENOMINATORS)
@pytest.mark.parametrize(("count", "size", "dim"), [(2, 1, 3), (3, 4, 5), (5, 2, 8)])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_mil_nce_equals_double_loop(denominator, count, size, dim, temperature):
    anchor, bag = draw(count, dim), draw(count, size, dim, seed=1)
    got = cross_modal_mil_nce(anchor, bag, denominator=denominator, temperature=temperature)
    assert float(got) == pytest.approx(reference(anchor, bag, denominator, temperature), rel=1e-12)


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("size", [1, 3])
def test_equal_similarities(count, size):
    anchor, bag = torch.zeros(count, 4), torch.zeros(count, size, 4)
    got = [float(cross_modal_mil_nce(anchor, bag, denominator=d)) for d in DENOMINATORS]
    want = [math.log(count), math.log(2 * count - 1), math.log(2 * count)]
    assert got == pytest.approx(want, rel=1e-6)


def test_perfect_separation():
    anchor = 8 * torch.eye(4)  # a matched pair scores 64, any other 0
    bag = anchor[:, None].repeat(1, 2, 1)
    got = [float(cross_modal_mil_nce(anchor, bag, denominator=d)) for d in DENOMINATORS]
    assert got == pytest.approx([0.0, 0.0, math.log(2)], abs=1e-5)


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_huge_logits_stay_finite(denominator):
    anchor = (1e3 * draw(4, 8)).float().requires_grad_()
    bag = (1e3 * draw(4, 2, 8, seed=1)).float().requires_grad_()
    value = cross_modal_mil_nce(anchor, bag, denominator=denominator)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(anchor.grad).all() and torch.isfinite(bag.grad).all()


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_autocast_changes_nothing(denominator):
    anchor, bag = draw(4, 64).float(), draw(4, 2, 64, seed=1).float()
    want = cross_modal_mil_nce(anchor, bag, denominator=denominator)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = cross_modal_mil_nce(anchor, bag, denominator=denominator)
    assert got.dtype == torch.float32
    assert torch.equal(got, want)


def test_batch_of_one_raises():
    with pytest.raises(ValueError, match="at least 2"):
        glcm_global(torch.zeros(1, 4), torch.zeros(1, 9, 4))
    with pytest.raises(ValueError, match="one clip"):
        glcm_local(torch.zeros(1, 8, 4), torch.zeros(1, 8, 3, 4))


def test_unknown_denominator_raises():
    with pytest.raises(ValueError, match="both"):
        cross_modal_mil_nce(torch.zeros(2, 4), torch.zeros(2, 1, 4), denominator="both")


@pytest.mark.parametrize(("batch", "steps"), [(2, 3), (3, 8)])
def test_local_limits(batch, steps):
    zeros = torch.zeros(batch, steps, 4), torch.zeros(batch, steps, 3, 4)
    n = batch * steps
    assert float(glcm_local(*zeros, denominator="official")) == pytest.approx(math.log(2 * n))
    assert float(glcm_local(*zeros, denominator="symmetric")) == pytest.approx(math.log(2 * n - 1))


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_local_invariances(denominator):
    steps, slices = draw(3, 4, 6), draw(3, 4, 3, 6, seed=1)

    def loss(steps: Tensor, slices: Tensor) -> float:
        return float(glcm_local(steps, slices, denominator=denominator))

    want = loss(steps, slices)
    order, batch, inside = torch.tensor([2, 0, 3, 1]), torch.tensor([1, 2, 0]), [2, 0, 1]
    assert loss(steps, slices[:, :, inside]) == pytest.approx(want, rel=1e-12)
    assert loss(steps[:, order], slices[:, order]) == pytest.approx(want, rel=1e-12)
    assert loss(steps[batch], slices[batch]) == pytest.approx(want, rel=1e-12)
    assert abs(loss(steps, slices[:, order]) - want) > 1e-3  # synchrony is what it measures


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_global_ignores_the_order_of_cells(denominator):
    audio, cells = draw(3, 6), draw(3, 9, 6, seed=1)
    shuffled = cells[:, torch.randperm(9, generator=torch.Generator().manual_seed(0))]
    want = glcm_global(audio, cells, denominator=denominator)
    assert float(glcm_global(audio, shuffled, denominator=denominator)) == pytest.approx(
        float(want)
    )


def test_shifting_audio_by_one_window_raises_the_local_loss():
    # every step of every clip has its own direction, and its window carries the same one
    steps = 4 * torch.eye(12).reshape(2, 6, 12)
    slices = steps[:, :, None].repeat(1, 1, 3, 1)
    matched = float(glcm_local(steps, slices))
    shifted = float(glcm_local(steps, slices.roll(1, dims=1)))
    # 11 negatives in each direction; a matched pair scores 16, any other 0
    assert matched == pytest.approx(math.log1p(22 * math.exp(-16)), abs=1e-6)
    # the positive now scores 0, while one negative in each direction scores 16
    assert shifted == pytest.approx(math.log(2 * math.exp(16) + 21), rel=1e-5)


def test_attention_sums_to_one_and_zero_query_averages():
    cells, maps = draw(2, 9, 5), draw(2, 4, 9, 3, seed=1)
    attention = attention_over_cells(draw(2, 5, seed=2), cells)
    assert torch.allclose(attention.sum(dim=1), torch.ones(2, dtype=torch.float64))
    even = attention_over_cells(torch.zeros(2, 5, dtype=torch.float64), cells)
    assert torch.allclose(attention_pool(even, maps), maps.mean(dim=2))


def test_attention_equals_the_formula():
    query = torch.tensor([[1.0, 0.0]])
    cells = torch.tensor([[[0.0, 3.0], [math.log(3.0), 0.0]]])
    assert attention_over_cells(query, cells)[0].tolist() == pytest.approx([0.25, 0.75])


def test_windows_cut_each_clip_alone():
    audio = torch.arange(14.0).reshape(2, 7, 1)
    assert windows(audio, 3)[..., 0].tolist() == [
        [[0, 1], [2, 3], [4, 5]],
        [[7, 8], [9, 10], [11, 12]],
    ]
    with pytest.raises(ValueError, match="7 audio steps"):
        windows(audio, 8)
