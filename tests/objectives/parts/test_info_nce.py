"""InfoNCE against a queue: a plain double loop, closed forms, invariances."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from objectives.parts.info_nce import queue_info_nce, queue_scores, ranked_first


def unit(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, dtype=torch.float64, generator=rng), dim=-1)


def loss(query: Tensor, keys: Tensor, queue: Tensor, temperature: float = 0.2, **kept) -> Tensor:
    return queue_info_nce(*queue_scores(query, keys, queue, temperature=temperature, **kept))


def reference(query: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> float:
    total = 0.0
    for i in range(len(query)):
        below = sum(math.exp(float(query[i] @ n) / temperature) for n in queue)
        for p in range(keys.shape[1]):
            hit = math.exp(float(query[i] @ keys[i, p]) / temperature)
            total -= math.log(hit / (hit + below))
    return total / (len(query) * keys.shape[1])


@pytest.mark.parametrize(("batch", "positives", "length"), [(1, 1, 1), (3, 1, 5), (2, 3, 7)])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_equals_double_loop(batch, positives, length, temperature):
    data = unit(batch, 4), unit(batch, positives, 4, seed=1), unit(length, 4, seed=2)
    want = reference(*data, temperature)
    assert float(loss(*data, temperature)) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("length", [1, 6])
def test_equal_scores_give_log_of_their_number(length):
    got = loss(torch.zeros(2, 4), torch.zeros(2, 3, 4), torch.zeros(length, 4))
    assert float(got) == pytest.approx(math.log(1 + length), rel=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.2, 0.07])
def test_orthogonal_queue_gives_the_closed_form(temperature):
    basis = torch.eye(8, dtype=torch.float64)
    got = loss(basis[:2], basis[:2, None], basis[2:7], temperature)
    assert float(got) == pytest.approx(math.log(1 + 5 * math.exp(-1 / temperature)), rel=1e-12)


def test_several_positives_are_the_mean_of_single_ones():
    query, keys, queue = unit(3, 4), unit(3, 4, 4, seed=1), unit(6, 4, seed=2)
    single = [loss(query, keys[:, p : p + 1], queue) for p in range(4)]
    torch.testing.assert_close(loss(query, keys, queue), torch.stack(single).mean())


def test_exchanged_keys_are_worse():
    keys, queue = unit(5, 2, 16, seed=1), unit(9, 16, seed=2)
    query = F.normalize(keys.mean(dim=1), dim=1)
    assert loss(query, keys.roll(1, dims=0), queue) > loss(query, keys, queue) + 1.0


def test_order_of_samples_positives_and_queue_is_nothing():
    query, keys, queue = unit(4, 5), unit(4, 3, 5, seed=1), unit(6, 5, seed=2)
    want, order = loss(query, keys, queue), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(loss(query[order], keys[order], queue), want)
    torch.testing.assert_close(loss(query, keys.flip(1), queue.flip(0)), want)


def test_left_out_entries_are_as_if_not_there():
    query, keys, queue = unit(2, 4), unit(2, 1, 4, seed=1), unit(5, 4, seed=2)
    leave_out = torch.tensor([[True, False, False, True, False], [False] * 5])
    kept = [loss(query[:1], keys[:1], queue[[1, 2, 4]]), loss(query[1:], keys[1:], queue)]
    got = loss(query, keys, queue, leave_out=leave_out)
    torch.testing.assert_close(got, torch.stack(kept).mean())


def test_with_everything_left_out_there_is_nothing_to_learn():
    query = unit(2, 4).requires_grad_()
    everything = torch.ones(2, 5, dtype=torch.bool)
    got = loss(query, unit(2, 1, 4, seed=1), unit(5, 4, seed=2), leave_out=everything)
    got.backward()
    assert float(got) == 0.0
    assert torch.equal(query.grad, torch.zeros_like(query))


def test_gradient_reaches_the_query_alone():
    query, keys, queue = (
        unit(*shape, seed=seed).requires_grad_()
        for seed, shape in enumerate([(2, 4), (2, 3, 4), (5, 4)])
    )
    loss(query, keys, queue).backward()
    assert query.grad.abs().min() > 0
    assert keys.grad is None and queue.grad is None


def test_gradient_equals_finite_differences():
    keys, queue = unit(2, 3, 4, seed=1), unit(5, 4, seed=2)
    leave_out = torch.tensor([[True, *[False] * 4], [False] * 5])
    torch.autograd.gradcheck(
        lambda q: loss(q, keys, queue, leave_out=leave_out), unit(2, 4).requires_grad_()
    )


def test_small_losses_keep_their_digits():
    query = torch.eye(4)[:1]
    got = loss(query, query[:, None], -query, temperature=0.1)
    assert float(got) == pytest.approx(math.exp(-20), rel=1e-5)  # log(1 + x) = x


def test_bfloat16_autocast_changes_nothing():
    data = [x.float() for x in (unit(3, 8), unit(3, 2, 8, seed=1), unit(7, 8, seed=2))]
    want = loss(*data)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = loss(*data)
    assert got.dtype == torch.float32
    assert torch.equal(got, want)


def test_ranked_first_counts_positives_above_all_negatives():
    positive = torch.tensor([[3.0, 1.0], [0.0, -5.0]])
    negative = torch.tensor([[2.0, -1.0], [0.5, -4.0]])
    assert float(ranked_first(positive, negative)) == 0.25
