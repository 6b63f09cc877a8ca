"""InfoMax: its maps and pairs, its options, its manners in training."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn
from toys import ToyVideo
from world_worker import assert_world_size_does_not_matter, draw_batch

from objectives.infomax import InfoMax
from objectives.parts.infomax import amdim_nce, fenchel_mi, infonce_mi
from objectives.parts.taps import ResidualHead, shrink
from registries.registry import OBJECTIVES
from registries.synthetic import SyntheticVideo  # noqa: F401 - registers synthetic_video

STAGED = {"type": "synthetic_video", "width": 4}
CONFIG = {"type": "infomax", "video": STAGED, "dim": 12}


def build(**options) -> InfoMax:
    torch.manual_seed(0)
    return OBJECTIVES.build({**CONFIG, **options})


def batch(size: int = 4, **options):
    sampling = InfoMax.sampling(clip_len=8, seconds=0.8, **options)
    return draw_batch(sampling, size)


def terms(model, given=None) -> dict[str, float]:
    inputs, samples = given or batch()
    return {k: float(v.detach()) for k, v in copy.deepcopy(model).loss(inputs, samples).items()}


def embed(model, video) -> dict[str, torch.Tensor]:
    """Cells by the formulas: maps of the stages, pooled to the last one's grid, then the heads."""
    inner, last = model.encoder.intermediates(video, ("layer3", "layer4"))
    rows = {"global": last.mean(dim=(2, 3, 4))[:, :, None], "layer3": inner.flatten(2)}
    rows["layer4"] = last.flatten(2)
    return {name: head(rows[name]).transpose(1, 2) for name, head in model.heads.items()}


def test_losses_equal_the_formulas():
    model = build(pairs=[["global", "layer3"], ["global", "layer4"]])
    inputs, samples = batch()
    one, two = (embed(model, inputs[name]) for name in ("first", "second"))
    want, squared = {}, 0.0
    for tap in ("layer3", "layer4"):
        ways = [amdim_nce(a["global"][:, 0], b[tap]) for a, b in ((one, two), (two, one))]
        want[f"loss_global_{tap}"] = float(sum(nce for nce, _ in ways).detach()) / 2
        squared += float(sum(square for _, square in ways).detach()) / 2
    want["loss_regulariser"] = 0.05 * squared
    got = terms(model, (inputs, samples))
    assert {key: got[key] for key in got if "loss" in key} == pytest.approx(want, rel=1e-5)
    assert got["infomax_chance"] == 0.25


@pytest.mark.parametrize("bound", ["infonce", "jsd"])
def test_other_bounds_are_those_of_dim(bound):
    model = build(bound=bound, pairs=[["global", "layer4"]])
    inputs, samples = batch()
    one, two = (embed(model, inputs[name]) for name in ("first", "second"))
    loss = {"infonce": infonce_mi, "jsd": fenchel_mi}[bound]
    ways = [loss(b["layer4"], a["global"]) for a, b in ((one, two), (two, one))]
    got = terms(model, (inputs, samples))
    assert got["loss_global_layer4"] == pytest.approx(float(sum(ways).detach()) / 2, rel=1e-5)
    assert "loss_regulariser" not in got


def test_a_map_as_source_gives_one_cell_of_the_same_clip():
    model = build(pairs=[["layer4", "layer4"]])
    inputs, samples = batch()
    cells = embed(model, inputs["first"])["layer4"].detach()
    drawn = model._source(cells, samples, 0)
    same = (cells == drawn[:, None]).all(dim=2)  # (B, L)
    assert same.sum(dim=1).tolist() == [1] * 4
    chosen = []
    for _ in range(60):
        model.draws.advance()
        drawn = model._source(cells, samples, 0)
        chosen.append((cells == drawn[:, None]).all(dim=2).int().argmax(dim=1))
    counts = torch.bincount(torch.cat(chosen), minlength=cells.shape[1])
    assert int((counts > 0).sum()) > 0.9 * cells.shape[1]  # every cell has its turn


def test_default_pairs_and_zero_embeddings_give_the_uniform_value():
    model = build(norm=False)
    assert model.pairs == (("global", "layer3"), ("global", "layer4"), ("layer4", "layer4"))
    for head in model.heads.values():
        nn.init.zeros_(head.shortcut.weight)
    got, cells = terms(model), 8 * 2 * 3
    for source, target in model.pairs:
        want = math.log(1 + 3 * cells)
        assert got[f"loss_{source}_{target}"] == pytest.approx(want, rel=1e-6)
    assert got["loss_regulariser"] == 0.0


@pytest.mark.parametrize(
    ("pool", "cells"),
    [
        ("last", {"layer2": 8 * 2 * 3, "layer4": 8 * 2 * 3}),
        ((2, 1, 9), {"layer2": 2 * 1 * 6, "layer4": 2 * 1 * 3}),
        (None, {"layer2": 8 * 4 * 6, "layer4": 8 * 2 * 3}),
    ],
)
def test_maps_are_pooled_to_a_grid(pool, cells):
    model = build(pool=pool, taps=("layer2", "layer4"))
    found = model._embed(batch()[0]["first"])
    assert {name: found[name].shape[1] for name in cells} == cells


def test_shrinking_averages_neighbouring_cells():
    found = torch.randn(2, 3, 4, 4, 6)
    want = found.unflatten(2, (2, 2)).unflatten(4, (2, 2)).unflatten(6, (3, 2)).mean(dim=(3, 5, 7))
    assert torch.allclose(shrink(found, (2, 2, 3)), want.flatten(2), atol=1e-6)


def test_head_starts_as_the_identity():
    head = ResidualHead(5, 8, norm=False)
    cells = torch.randn(2, 5, 7)
    got = head(cells)
    assert torch.equal(got[:, :5], cells)
    assert torch.equal(got[:, 5:], torch.zeros(2, 3, 7))


def test_output_alone_needs_no_stages():
    model = build(video={"type": "toy_video"}, taps=())
    assert model.pairs == (("global", "last"), ("last", "last"))
    got = terms(model)
    assert set(got) >= {"loss_global_last", "loss_last_last", "loss_regulariser"}


def test_a_backbone_without_stages_says_what_to_do():
    with pytest.raises(ValueError, match=r"ToyVideo has no named stages.*taps=\(\)"):
        build(video={"type": "toy_video"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bound": "X2"}, "jsd"),
        ({"pool": (2, 2)}, "three sizes"),
        ({"taps": ("layer9", "layer4")}, "layer3"),
        ({"taps": ("layer4", "layer3")}, "ending with the last"),
        ({"pairs": [["global", "layer1"]]}, "out of"),
        ({"pairs": []}, "out of"),
        ({"speeds": ((1,),)}, "first and of the second"),
    ],
)
def test_impossible_options_raise(options, words):
    with pytest.raises(ValueError, match=words):
        build(**options)


def test_swapping_the_views_changes_nothing_but_the_drawn_cell():
    model = build(pairs=[["global", "layer3"], ["global", "global"]])
    inputs, samples = batch()
    swapped = {"first": inputs["second"], "second": inputs["first"]}
    here, there = terms(model, (inputs, samples)), terms(model, (swapped, samples))
    for key in (key for key in here if "loss" in key):
        assert there[key] == pytest.approx(here[key], rel=1e-5)


def test_second_clip_of_another_video_is_another_loss():
    model, (inputs, samples) = build(), batch()
    mixed = {**inputs, "second": inputs["second"].roll(1, dims=0)}
    here, there = terms(model, (inputs, samples)), terms(model, (mixed, samples))
    assert abs(here["loss_global_layer4"] - there["loss_global_layer4"]) > 1e-3


def test_every_parameter_gets_a_gradient_after_the_first_step():
    model = build()
    inputs, samples = batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        sum(v for k, v in model.loss(inputs, samples).items() if "loss" in k).backward()
        optimizer.step()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_views_share_a_start_or_not_and_have_their_own_speed_and_augmentation():
    rng = np.random.default_rng(0)
    together = InfoMax.sampling(clip_len=16, seconds=1.6)
    assert together.min_duration == pytest.approx(3.2)
    assert {view.augment for view in together.views.values()} == {"a", "b"}
    for _ in range(20):
        times = together.draw(9.0, rng)
        assert torch.equal(times["first"].start, times["second"].start)
        assert (int(times["first"].speed), int(times["second"].speed)) == (1, 2)
    apart = InfoMax.sampling(clip_len=16, seconds=1.6, together=False)
    starts = {float(apart.draw(3.2, rng)["first"].start) for _ in range(20)}
    assert len(starts) == 20  # although the second fills the video
    faster = InfoMax.sampling(speeds=((1, 4), (2,)))
    assert {int(faster.draw(20.0, rng)["first"].speed) for _ in range(40)} == {1, 4}


def test_state_dict_round_trip_repeats_the_drawn_cells():
    model, other = build(), build()
    inputs, samples = batch()
    for _ in range(3):
        model.loss(inputs, samples)
    other.load_state_dict(model.state_dict())
    for _ in range(2):
        here, there = model.loss(inputs, samples), other.loss(inputs, samples)
        assert {k: float(v.detach()) for k, v in here.items()} == {
            k: float(v.detach()) for k, v in there.items()
        }


@pytest.mark.parametrize("bound", ["amdim", "jsd"])
def test_stock_train_step_finds_the_other_clip(bound):
    model = build(bound=bound)
    inputs, samples = batch()
    inputs["second"] = inputs["first"] + 0.1 * inputs["second"]
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    data = {"inputs": inputs, "data_samples": samples}
    logs = [
        {key: float(value.detach()) for key, value in model.train_step(data, wrapper).items()}
        for _ in range(80)
    ]
    assert logs[-1]["loss"] < 0.5 * logs[0]["loss"]
    assert sum(log["infomax_accuracy"] for log in logs[-10:]) / 10 > 0.9
    assert [rows.shape for rows in model.embeddings.values()] == [(4, 12)] * 2


@pytest.mark.parametrize("norm", [True, False])
def test_world_size_does_not_matter(norm, tmp_path):
    config = {"type": "infomax", "video": {"type": "toy_video"}, "taps": [], "dim": 12}
    assert_world_size_does_not_matter({**config, "norm": norm, "gather": True}, tmp_path)


def test_only_the_trunk_is_handed_down():
    model = build()
    handed = model.encoders()
    assert list(handed) == ["video"] and handed["video"] is model.encoder
    assert isinstance(build(video={"type": "toy_video"}, taps=()).encoders()["video"], ToyVideo)
