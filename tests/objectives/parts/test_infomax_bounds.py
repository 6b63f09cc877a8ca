"""DIM's and AMDIM's bounds against plain loops in float64, and their limiting values."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from objectives.parts.infomax import (
    MEASURES,
    amdim_nce,
    fenchel_mi,
    infonce_mi,
    location_log_odds,
    scaled_scores,
    tanh_clip,
)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def softplus(x: float) -> float:
    return math.log1p(math.exp(-abs(x))) + max(x, 0.0)


JOINT = {
    "jsd": lambda u: math.log(2) - softplus(-u),
    "gan": lambda u: -softplus(-u),
    "kl": lambda u: u,
    "rkl": lambda u: -math.exp(-u),
    "h2": lambda u: 1 - math.exp(-u),
    "w1": lambda u: u,
}
PRODUCT = {
    "jsd": lambda u: softplus(u) - math.log(2),
    "gan": softplus,
    "kl": lambda u: math.exp(u - 1),
    "rkl": lambda u: u - 1,
    "h2": lambda u: math.exp(u) - 1,
    "w1": lambda u: u,
}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(("clips", "cells", "summaries"), [(2, 1, 1), (3, 4, 2), (4, 2, 3)])
def test_divergences_equal_double_loops(measure, clips, cells, summaries):
    local, summary = draw(clips, cells, 5), draw(clips, summaries, 5, seed=1)
    positive, negative = [], []
    for i, j, a, b in itertools.product(range(clips), range(clips), range(cells), range(summaries)):
        u = float(summary[i, b] @ local[j, a])
        (positive if i == j else negative).append(
            JOINT[measure](u) if i == j else PRODUCT[measure](u)
        )
    want = sum(negative) / len(negative) - sum(positive) / len(positive)
    assert float(fenchel_mi(local, summary, measure=measure)) == pytest.approx(want, rel=1e-12)


def test_gan_is_jsd_and_twice_log_two():
    local, summary = draw(4, 3, 5), draw(4, 2, 5, seed=1)
    gan, jsd = (fenchel_mi(local, summary, measure=name) for name in ("gan", "jsd"))
    assert float(gan - jsd) == pytest.approx(2 * math.log(2), rel=1e-12)


@pytest.mark.parametrize("own", [None, -10.0, 0.5])
def test_infonce_equals_double_loop(own):
    local, summary = draw(3, 4, 5), draw(3, 2, 5, seed=1)
    total = []
    for i, a, b in itertools.product(range(3), range(4), range(2)):
        u = [[float(summary[i, b] @ local[j, k]) for k in range(4)] for j in range(3)]
        below = sum(math.exp(x) for j in range(3) if j != i for x in u[j])
        below += 0.0 if own is None else 4 * math.exp(own)
        total.append(math.log(math.exp(u[i][a]) + below) - u[i][a])
    got = infonce_mi(local, summary, own_logit=own)
    assert float(got) == pytest.approx(sum(total) / len(total), rel=1e-12)


@pytest.mark.parametrize("clip", [3.0, 20.0])
@pytest.mark.parametrize(("clips", "cells"), [(2, 1), (3, 4), (5, 2)])
def test_amdim_equals_double_loop(clips, cells, clip):
    source, target = 4 * draw(clips, 6), draw(clips, cells, 6, seed=1)
    raw = [
        [
            [float(source[i] @ target[j, a]) / math.sqrt(6) for a in range(cells)]
            for j in range(clips)
        ]
        for i in range(clips)
    ]
    total = 0.0
    for i, a in itertools.product(range(clips), range(cells)):
        c = [[clip * math.tanh(x / clip) for x in row] for row in raw[i]]
        others = sum(math.exp(x) for j in range(clips) if j != i for x in c[j])
        total += math.log(math.exp(c[i][a]) + others) - c[i][a]
    nce, squared = amdim_nce(source, target, clip=clip)
    assert float(nce) == pytest.approx(total / clips / cells, rel=1e-12)
    flat = [x * x for plane in raw for row in plane for x in row]
    assert float(squared) == pytest.approx(sum(flat) / len(flat), rel=1e-12)


@pytest.mark.parametrize(("clips", "cells"), [(2, 1), (3, 5), (7, 4)])
def test_equal_scores_give_the_uniform_value(clips, cells):
    source, target = torch.zeros(clips, 4), torch.zeros(clips, cells, 4)
    want = pytest.approx(math.log(1 + (clips - 1) * cells), rel=1e-6)
    assert float(amdim_nce(source, target)[0]) == want
    assert float(infonce_mi(target, source[:, None])) == want
    assert float(fenchel_mi(target, source[:, None])) == pytest.approx(0.0, abs=1e-7)


def test_one_clip_has_amdim_loss_zero_and_a_finite_gradient():
    source, target = draw(1, 4).requires_grad_(), draw(1, 3, 4, seed=1)
    nce, _ = amdim_nce(source, target)
    assert float(nce) == 0.0
    nce.backward()
    assert torch.equal(source.grad, torch.zeros_like(source))


@pytest.mark.parametrize("bound", [fenchel_mi, infonce_mi])
def test_one_clip_is_refused_by_the_bounds_of_dim(bound):
    with pytest.raises(ValueError, match="at least 2"):
        bound(draw(1, 3, 4), draw(1, 1, 4))


def test_other_cells_of_the_own_map_are_neither_positive_nor_negative():
    score = draw(3, 3, 4)
    before = location_log_odds(score)
    score[1, 1, 2] += 5.0
    after = location_log_odds(score)
    changed = (before != after).nonzero().tolist()
    assert changed == [[1, 2]]


def test_order_of_cells_and_of_clips_does_not_matter():
    source, target = draw(4, 6), draw(4, 5, 6, seed=1)
    want = float(amdim_nce(source, target)[0])
    cells, clips = torch.tensor([3, 0, 4, 1, 2]), torch.tensor([2, 0, 3, 1])
    assert float(amdim_nce(source, target[:, cells])[0]) == pytest.approx(want, rel=1e-12)
    assert float(amdim_nce(source[clips], target[clips])[0]) == pytest.approx(want, rel=1e-12)


def test_shuffled_pairs_are_worse():
    source = 3 * torch.eye(4, 6)
    target = source[:, None].expand(-1, 5, -1)
    wrong = target.roll(1, dims=0)
    assert float(amdim_nce(source, target)[0]) < 0.3 * float(amdim_nce(source, wrong)[0])
    for measure in MEASURES:
        right = fenchel_mi(target, source[:, None], measure=measure)
        assert float(right) < float(fenchel_mi(wrong, source[:, None], measure=measure)) - 1


def test_clipped_scores_stay_inside_and_small_ones_as_they_are():
    x = torch.tensor([-1e4, -20.0, 0.0, 1e-3, 50.0], dtype=torch.float64)
    got = tanh_clip(x, 20.0)
    assert float(got.abs().max()) <= 20.0
    assert float(got[1]) == pytest.approx(-20 * math.tanh(1), rel=1e-12)
    assert float(got[3]) == pytest.approx(1e-3, rel=1e-6)


def test_scores_are_computed_in_float32_under_autocast():
    source, target = draw(3, 6).float(), draw(3, 2, 6, seed=1).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = scaled_scores(source.bfloat16(), target.bfloat16())
    want = scaled_scores(source.bfloat16().float(), target.bfloat16().float())
    assert got.dtype == torch.float32
    assert torch.equal(got, want)


def test_unknown_measure_is_refused():
    with pytest.raises(ValueError, match="jsd"):
        fenchel_mi(draw(2, 3, 4), draw(2, 1, 4), measure="X2")
