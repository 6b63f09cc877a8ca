"""DPC and MemDPC: wiring of tensors to the loss, switches, what a prediction may see."""

from __future__ import annotations

import math

import pytest
import torch
from blocks_toys import BLOCKS, after, build, terms, total, video_of
from mmengine.optim import OptimWrapper
from torch import nn
from world_worker import assert_world_size_does_not_matter

from objectives.parts.predictive import dpc_choice, info_nce
from registries.registry import OBJECTIVES

SEEN = BLOCKS - 2
CELLS = 2 * 3
MEMDPC = {"memory": 9, "both_ways": True}


def dpc(**options):
    return build("dpc", **options)


def test_zero_predictions_give_the_uniform_value():
    model = dpc()
    nn.init.zeros_(model.phi[2].weight)
    got = terms(model, video_of())
    rows = 3 * 2 * CELLS
    assert got["loss_prediction"] == pytest.approx(math.log(rows), rel=1e-6)
    assert got["prediction_chance"] == pytest.approx(1 / rows)
    assert got["prediction_accuracy"] == pytest.approx(1 / rows)  # ties go to the first column
    assert got["prediction_top5"] == pytest.approx(5 / rows)
    assert got["prediction_same_video_chance"] == pytest.approx(3 / rows)
    assert got["prediction_same_video_accuracy"] == pytest.approx(3 / rows)


def rolled_out(model, maps, way):
    """Predicted maps (B, 2, D, h, w), written out for two steps."""
    net, state = model.summaries[way], None
    for n in range(SEEN):
        state = net(maps[:, n].clamp(min=0), state)
    first = model.read(state)
    second = model.read(net(first.clamp(min=0), state))
    return torch.stack([first, second], dim=1)


@pytest.mark.parametrize("options", [{}, {"memory": 9}, MEMDPC, {"score": "cosine"}])
def test_losses_equal_the_formulas(options):
    model, video = dpc(**options), video_of()
    model.project.bias.data -= 0.2  # both signs in F
    scored = {"score": options.get("score", "dot")}
    with torch.no_grad():
        maps = torch.stack(
            [model.project(model.video(video[:, n])[0].mean(dim=2)) for n in range(BLOCKS)], 1
        )
        assert maps.min() < 0 < maps.max()
        found = rolled_out(model, maps, "prediction")
        want = {"loss_prediction": info_nce(dpc_choice(found, maps[:, SEEN:], **scored))}
        if "both_ways" in options:
            back = maps[:, list(reversed(range(BLOCKS)))]
            found = rolled_out(model, back, "backward")
            targets = torch.stack([maps[:, 1], maps[:, 0]], dim=1)
            want["loss_backward"] = info_nce(dpc_choice(found, targets))
    got = terms(model, video)
    assert {key for key in got if "loss" in key} == set(want)
    for key, value in want.items():
        assert got[key] == pytest.approx(float(value), rel=1e-5)


def test_memory_predictions_are_mixtures_of_slots():
    model = dpc(memory=9)
    state = torch.randn(2, 5, 2, 3)
    weights = model.phi(state).softmax(dim=1)
    want = torch.einsum("bmhw,md->bdhw", weights, model.memory)
    torch.testing.assert_close(model.read(state), want)
    nn.init.zeros_(model.phi[2].weight)
    even = model.memory.mean(dim=0)[None, :, None, None].expand(2, 5, 2, 3)
    torch.testing.assert_close(model.read(state), even)


def test_predictions_see_no_future_block():
    model, video = dpc(both_ways=True), video_of()
    future, past = after(video, SEEN), after(video.flip(1), SEEN).flip(1)
    for way, other in (("prediction", future), ("backward", past)):
        before, moved = (model.predictions(model.maps(v), way) for v in (video, other))
        assert torch.equal(before[0], moved[0])
        assert not torch.equal(before[1], moved[1])
        earlier = model.predictions(model.maps(after(video, 0)), way)[0]
        assert (earlier - before[0]).abs().max() > 1e-4


@pytest.mark.parametrize(("options", "leaks"), [
    ({}, False),
    ({"both_ways": True}, False),
    ({"statistics": "joint"}, True),
    ({"statistics": "joint", "both_ways": True}, True),
])  # fmt: skip
def test_batch_norm_leaks_the_future_only_through_joint_statistics(options, leaks):
    model, video = dpc(normed=True, **options), video_of()
    changed = {"prediction": after(video, SEEN), "backward": after(video.flip(1), SEEN).flip(1)}
    for way in model.summaries:
        before, moved = (model.predictions(model.maps(v), way)[0] for v in (video, changed[way]))
        assert torch.equal(before, moved) != leaks
    model.eval()  # running statistics leak nothing
    before, moved = (model.predictions(model.maps(v))[0] for v in (video, changed["prediction"]))
    assert torch.equal(before, moved)


def test_no_gradient_reaches_the_future_through_a_prediction():
    model, video = dpc(normed=True), video_of().requires_grad_()
    model.predictions(model.maps(video))[0].square().sum().backward()
    reached = video.grad.flatten(2).abs().amax(dim=(0, 2)) > 0
    assert reached.tolist() == [True] * SEEN + [False] * 2


def test_permuted_batch_changes_nothing_and_shuffled_futures_do():
    model, video = dpc(), video_of(4)
    order = torch.tensor([2, 0, 3, 1])
    assert terms(model, video[order]) == pytest.approx(terms(model, video), rel=1e-5)
    mixed = torch.cat([video[:, :SEEN], video.roll(1, dims=0)[:, SEEN:]], dim=1)
    change = terms(model, mixed)["loss_prediction"] - terms(model, video)["loss_prediction"]
    assert abs(change) > 1e-5


@pytest.mark.parametrize("options", [{}, MEMDPC, {"score": "cosine"}, {"kernel": 3}])
def test_every_parameter_is_reached(options):
    model = dpc(**options)
    total(model.loss({"video": video_of()}, {})).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []
    assert {k: tuple(v.shape) for k, v in model.embeddings.items()} == {
        "prediction": (3, 5),
        "video": (3, 5),
    }


@pytest.mark.parametrize("options", [{"score": "cosine"}, {"score": "cosine", **MEMDPC}])
def test_training_learns_and_shuffled_pairs_are_worse(options):
    model, video = dpc(**options, dim=16), video_of()
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    data = {"inputs": {"video": video}, "data_samples": {}}
    logs = [model.train_step(data, wrapper) for _ in range(80)]
    assert float(logs[-1]["loss"]) < 0.5 * float(logs[0]["loss"])
    mixed = torch.cat([video[:, :SEEN], video.roll(1, dims=0)[:, SEEN:]], dim=1)
    assert terms(model, mixed)["loss_prediction"] > float(logs[-1]["loss_prediction"]) + 0.5


def test_initial_weights():
    gates = dpc().summaries["prediction"].update_gate.weight.detach()[..., 0, 0]
    torch.testing.assert_close(gates @ gates.t(), torch.eye(5), atol=1e-5, rtol=0)
    gates = dpc(memory=9).summaries["prediction"].update_gate.weight.detach()[..., 0, 0]
    torch.testing.assert_close(gates @ gates.t(), 0.01 * torch.eye(5), atol=1e-5, rtol=0)


def test_state_dict_round_trip():
    model, other = dpc(**MEMDPC), dpc(**MEMDPC, seed=5)
    video = video_of()
    assert terms(other, video) != terms(model, video)
    other.load_state_dict(model.state_dict())
    assert terms(other, video) == terms(model, video)


def test_dropout_acts_in_training_only():
    model, video = dpc(dropout=0.5), video_of()
    assert terms(model, video) != terms(model, video)
    assert terms(model.eval(), video) == terms(model, video)


def test_bfloat16_autocast_stays_close():
    model, video = dpc(**MEMDPC), video_of()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = terms(model, video)
    want = terms(model, video)
    for key in ("loss_prediction", "loss_backward"):
        assert got[key] == pytest.approx(want[key], rel=0.02)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_any_batch_size(batch):
    got = terms(dpc(), video_of(batch))
    assert got["prediction_chance"] == pytest.approx(1 / (batch * 2 * CELLS))


def test_encoders_are_the_harness_trunk():
    for options, forwards in (({}, 2), ({"both_ways": True}, 6), ({"statistics": "joint"}, 1)):
        model = dpc(normed=True, **options)
        handed = model.encoders()["video"]
        assert handed is model.video and handed.config == {"type": "toy_video_normed"}
        terms(model, video_of())
        assert int(handed.net[-1].num_batches_tracked) == forwards


def test_views_and_options():
    view = OBJECTIVES.get("dpc").sampling(clip_len=40, seconds=4.0).views["video"]
    assert (view.clip_len, view.seconds, view.num_clips) == (5, 0.5, 8)
    for options, said in (
        ({"predict": 0}, "between 1 and blocks - 1"),
        ({"kernel": 2}, "odd"),
        ({"score": "l2"}, "dot"),
        ({"temperature": -1.0}, "positive"),
        ({"statistics": "none"}, "separate"),
    ):
        with pytest.raises(ValueError, match=said):
            dpc(**options)


def test_gathered_negatives_equal_one_process_with_both_batches(tmp_path):
    config = {"type": "dpc", "video": {"type": "toy_video"}, "dim": 5, "dropout": 0.0}
    sizes = {"blocks": 4, "predict": 2, "gather": True}
    assert_world_size_does_not_matter({**config, **sizes, **MEMDPC}, tmp_path)
