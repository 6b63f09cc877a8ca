"""CPC: its wiring of tensors to the loss, its switches, what a context may see."""

from __future__ import annotations

import math

import pytest
import torch
from blocks_toys import BLOCKS, after, build, terms, total, video_of
from mmengine.optim import OptimWrapper
from torch import nn
from world_worker import assert_world_size_does_not_matter

from registries.registry import OBJECTIVES

STEPS = BLOCKS - 2  # contexts


def cpc(**options):
    return build("cpc", **{"width": 7, **options})


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 3 * 2),
        ({"negatives": "other_videos"}, 3),
        ({"negatives": "same_video"}, BLOCKS),
        ({"negatives": "all"}, 3 * BLOCKS),
        ({"predict": 3, "last_only": True}, 3 * 3),
    ],
)
def test_zero_predictions_give_the_uniform_value(options, count):
    model = cpc(**options)
    nn.init.zeros_(model.ahead.weight)
    got = terms(model, video_of())
    assert got["loss_prediction"] == pytest.approx(math.log(count), rel=1e-6)
    assert got["prediction_chance"] == pytest.approx(1 / count)
    # same-video columns of "other_videos" are the positive alone: nothing to log
    assert ("same_video_accuracy" in got) == (options.get("negatives") != "other_videos")


@pytest.mark.parametrize("options", [{}, {"t_min": 3}, {"last_only": True}])
def test_loss_equals_a_plain_loop_over_contexts(options):
    model, video = cpc(**options), video_of()
    first = STEPS if options.get("last_only") else options.get("t_min", 1)
    with torch.no_grad():
        z = torch.stack(
            [model.embed(model.video(video[:, n])[0].mean((2, 3, 4))) for n in range(BLOCKS)], 1
        )
        each = []
        for t in range(first, STEPS + 1):
            context = model.summary(z[:, :t])[1][0]  # last state of a GRU that saw t blocks
            for k in range(2):
                weight = model.ahead.weight[5 * k : 5 * k + 5]
                score = torch.einsum("bd,cnd->bcn", context @ weight.t(), z[:, t : t + 2])
                for b in range(3):
                    each.append(score[b].flatten().logsumexp(0) - score[b, b, k])
    want = torch.stack(each).mean()
    assert terms(model, video)["loss_prediction"] == pytest.approx(float(want), rel=1e-5)


def test_a_context_sees_no_later_block():
    model, video = cpc(), video_of()
    before = model.predictions(model.vectors(video))
    for block in range(1, STEPS):
        moved = model.predictions(model.vectors(after(video, block)))
        assert torch.equal(moved[:, :block], before[:, :block])
        assert (moved[:, block:] - before[:, block:]).abs().min() > 0


def test_order_of_observed_blocks_matters():
    model, video = cpc(last_only=True), video_of()
    swapped = video[:, [1, 0, *range(2, BLOCKS)]]
    change = terms(model, swapped)["loss_prediction"] - terms(model, video)["loss_prediction"]
    assert abs(change) > 1e-5


@pytest.mark.parametrize(("options", "leaks"), [
    ({}, False),
    ({"last_only": True}, False),
    ({"statistics": "joint"}, True),
    ({"statistics": "joint", "last_only": True}, True),
])  # fmt: skip
def test_batch_norm_leaks_the_future_only_through_joint_statistics(options, leaks):
    model, video = cpc(normed=True, **options), video_of()
    for block in range(STEPS if options.get("last_only") else 1, STEPS + 1):
        seen = block if not options.get("last_only") else 1
        before, moved = (
            model.predictions(model.vectors(v))[:, :seen] for v in (video, after(video, block))
        )
        assert torch.equal(before, moved) != leaks
    model.eval()  # running statistics leak nothing
    before, moved = (model.predictions(model.vectors(v)) for v in (video, after(video, STEPS)))
    assert torch.equal(before, moved)


def test_permuted_batch_changes_nothing_and_shuffled_futures_do():
    model, video = cpc(), video_of(4)
    order = torch.tensor([2, 0, 3, 1])
    assert terms(model, video[order]) == pytest.approx(terms(model, video), rel=1e-5)
    model.ahead.weight.data *= 20
    mixed = torch.cat([video[:, :STEPS], video.roll(1, dims=0)[:, STEPS:]], dim=1)
    change = terms(model, mixed)["loss_prediction"] - terms(model, video)["loss_prediction"]
    assert abs(change) > 1e-4


@pytest.mark.parametrize(
    "options", [{}, {"dim": None}, {"score": "cosine"}, {"score": "mean", "last_only": True}]
)
def test_every_parameter_is_reached(options):
    model = cpc(**options)
    model.loss({"video": video_of()}, {})["loss_prediction"].backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []
    assert {k: tuple(v.shape) for k, v in model.embeddings.items()} == {
        "video": (3, options.get("dim", 5) or 8),
        "prediction": (3, options.get("dim", 5) or 8),
    }
    assert not any(value.requires_grad for value in model.embeddings.values())


def test_temperature_of_the_cosine():
    video = video_of()
    default, same, cold = (
        terms(cpc(score="cosine", temperature=t), video)["loss_prediction"]
        for t in (None, 0.1, 1e4)
    )
    assert default == same
    assert cold == pytest.approx(math.log(6), abs=1e-3)


def test_training_learns_and_shuffled_pairs_are_worse():
    model, video = cpc(score="cosine"), video_of()
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    data = {"inputs": {"video": video}, "data_samples": {}}
    logs = [model.train_step(data, wrapper) for _ in range(60)]
    first, last = float(logs[0]["loss"]), float(logs[-1]["loss"])
    assert last < 0.2 * first
    mixed = torch.cat([video[:, :STEPS], video.roll(1, dims=0)[:, STEPS:]], dim=1)
    assert terms(model, mixed)["loss_prediction"] > last + 0.5


def test_state_dict_round_trip():
    model, other = cpc(), cpc(seed=5)
    video = video_of()
    assert terms(other, video) != terms(model, video)
    other.load_state_dict(model.state_dict())
    assert terms(other, video) == terms(model, video)


def test_a_single_video_has_its_own_blocks_as_negatives():
    assert terms(cpc(), video_of(1))["prediction_chance"] == 0.5
    with pytest.raises(ValueError, match="no negative"):
        terms(cpc(negatives="other_videos"), video_of(1))


def test_bfloat16_autocast_stays_close():
    model, video = cpc(), video_of()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = terms(model, video)
    assert got["loss_prediction"] == pytest.approx(terms(model, video)["loss_prediction"], rel=0.02)


def test_encoders_are_the_harness_trunk():
    model = cpc(normed=True)
    handed = model.encoders()["video"]
    assert handed is model.video and handed.config == {"type": "toy_video_normed"}
    total(model.loss({"video": video_of()}, {}))
    assert int(handed.net[-1].num_batches_tracked) == BLOCKS  # one forward for each block


def test_views_and_options():
    cls = OBJECTIVES.get("cpc")
    view = cls.sampling(clip_len=40, seconds=4.0).views["video"]
    assert (view.clip_len, view.seconds, view.num_clips) == (5, 0.5, 8)
    assert cls.sampling(clip_len=16, seconds=1.6, blocks=4).views["video"].clip_len == 4
    for options, said in (
        ({"t_min": 5}, "between 1 and blocks - predict = 4"),
        ({"predict": 6}, "between 1 and blocks - 1"),
        ({"score": "l2"}, "dot"),
        ({"negatives": "queue"}, "other_videos"),
        ({"statistics": "none"}, "separate"),
    ):
        with pytest.raises(ValueError, match=said):
            cpc(**options)
    with pytest.raises(ValueError, match="expected 6 blocks"):
        terms(cpc(), video_of(blocks=5))


def test_gathered_negatives_equal_one_process_with_both_batches(tmp_path):
    config = {"type": "cpc", "video": {"type": "toy_video"}, "dim": 5, "width": 7, "blocks": 4}
    assert_world_size_does_not_matter({**config, "predict": 2, "gather": True}, tmp_path)
