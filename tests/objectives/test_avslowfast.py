"""AVSlowFast: synchrony at three depths, turns, dropped sound; what is handed down and how."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from toys import toy_batch
from world_worker import assert_world_size_does_not_matter

from objectives.parts.rotation import rotate
from objectives.parts.sync_pairs import pooled
from objectives.parts.synchrony import half_unit, margin_loss
from registries.registry import BACKBONES, OBJECTIVES

CONFIG = {
    "type": "avslowfast",
    "video": {"type": "toy_staged_video"},
    "audio": {"type": "toy_staged_audio"},
}
STAGES = ("one", "two", "three")


def build(*, progress=0.0, **options):
    torch.manual_seed(0)
    model = OBJECTIVES.build({**CONFIG, **options})
    model.progress = progress
    return model


def batch(size=4) -> dict:
    rng = torch.Generator().manual_seed(7)
    return {
        **toy_batch(size),
        "video": torch.randn(size, 3, 8, 16, 16, generator=rng),
        "audio_hard": torch.randn(size, 10, 24, generator=rng),
    }


def samples(size=4) -> dict:
    return {"index": torch.arange(size) + 10}


def terms(model, inputs=None, data=None) -> dict[str, float]:
    """Without a trace in the model."""
    model, inputs = copy.deepcopy(model), inputs or batch()
    found = model.loss(inputs, data or samples(len(inputs["audio"])))
    return {key: float(value.detach()) for key, value in found.items()}


def draws_of(model):
    """What the next step will draw."""
    draws = copy.deepcopy(model.draws)
    draws.advance()
    return draws


def turns_of(model) -> torch.Tensor:
    return (4 * draws_of(model).uniform(samples()["index"], 1)).long()


def far_rows(model, near, apart) -> torch.Tensor:
    order = draws_of(model).uniform(samples()["index"], 0).argsort().tolist()
    easy = 4 if model.progress < model.switch else 3
    lent = {order[k]: order[(k + 1) % easy] for k in range(easy)}
    return torch.stack([near[lent[i]] if i in lent else apart[i] for i in range(4)])


def by_hand(model, inputs, *, kept: bool) -> dict[str, float]:
    """Losses of the three stages and of the turn, trunk after trunk, stage after stage."""
    clip, turns = rotate(inputs["video"], turns_of(model)), turns_of(model)
    heard, hidden = {}, torch.cat([inputs["audio"], inputs["audio_hard"]])
    for name in STAGES:
        heard[name] = hidden = model.audio.stages[name](hidden)
    trunks, seen = model.video.branches, {}
    for pathway, frames in (("global", clip[:, :, ::4]), ("local", clip)):
        for number, name in enumerate(STAGES):
            seen[pathway, name] = frames = trunks[pathway].stages[name](frames)
            if kept and pathway == "global" and number < 2:
                frames = frames + model.fusions[str(number)](heard[name][:4], frames)
    found = {}
    for number, name in enumerate(STAGES):
        head = model.heads[number]
        anchor = half_unit(head.ref(pooled([seen["global", name], seen["local", name]])))
        near, apart = half_unit(head.query(heard[name].mean(dim=2))).chunk(2)
        found[f"sync_stage{number}"] = margin_loss(anchor, near, far_rows(model, near, apart))
    scores = model.turn(pooled([seen["global", "three"], seen["local", "three"]]))
    found["loss_rotation"] = torch.nn.functional.cross_entropy(scores, turns)
    return {key: float(value.detach()) for key, value in found.items()}


@pytest.mark.parametrize("progress", [0.0, 0.9])
@pytest.mark.parametrize(("drop", "active"), [(1.0, (1, 1, 1)), (0.0, (1, 0, 0))])
def test_losses_equal_the_trunks_run_by_hand(drop, active, progress):
    model, inputs = build(drop=drop, progress=progress), batch()
    got, want = terms(model, inputs), by_hand(model, inputs, kept=drop == 0)
    for key, value in want.items():
        assert got[key] == pytest.approx(value, rel=1e-5), key
    total = sum(on * want[f"sync_stage{stage}"] for stage, on in enumerate(active))
    assert got["loss_sync"] == pytest.approx(total, rel=1e-5)
    assert got["audio_kept"] == 1 - drop
    assert (got["rotation_chance"], got["sync_chance"], got["hard_chance"]) == (0.25, 0.5, 0.5)


def test_without_fusion_every_stage_is_always_active():
    model, inputs = build(fuse=False, drop=0.0), batch()
    want = by_hand(model, inputs, kept=False)
    got = terms(model, inputs)
    total = sum(want[f"sync_stage{stage}"] for stage in range(3))
    assert got["loss_sync"] == pytest.approx(total, rel=1e-5)
    assert got["loss_rotation"] == pytest.approx(want["loss_rotation"], rel=1e-5)
    assert got["audio_kept"] == 0.0


def test_sound_reaches_the_visual_maps_only_where_it_is_kept():
    other = {**batch(), "audio": batch()["audio"].flip(2)}
    for drop, same in ((1.0, True), (0.0, False)):
        model = build(drop=drop)
        before, after = terms(model), terms(model, other)
        assert (before["loss_rotation"] == after["loss_rotation"]) is same


def test_sound_is_dropped_at_the_rate_asked_for_and_never_in_evaluation():
    model = build(drop=0.8)
    kept = []
    for _ in range(400):
        model.draws.advance()
        kept.append(float(model._kept()))
    assert abs(np.mean(kept) - 0.2) < 0.06  # three standard deviations
    model.eval()
    model.draws.advance()
    assert float(model._kept()) == 1.0


def test_zero_heads_give_the_closed_forms():
    model = build(drop=1.0)
    for head in model.heads:
        for layer in (head.ref, head.query):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.ones_(layer.bias)
    for part in model.turn.parameters():
        torch.nn.init.zeros_(part)
    got = terms(model)
    assert got["loss_sync"] == pytest.approx(3 * 0.99**2 / 2, rel=1e-5)
    assert got["loss_rotation"] == pytest.approx(math.log(4), rel=1e-6)
    assert got["sync_accuracy"] == 0.5


def test_turns_are_balanced_and_each_sample_has_its_own():
    model, found = build(), []
    for _ in range(200):
        model.draws.advance()
        found.append(model._turned(batch()["video"][:, :, :1], samples()["index"])[1])
    counts = torch.stack(found).flatten().bincount(minlength=4)
    assert (counts - 200).abs().max() < 40  # of 800; three standard deviations are 37
    assert len({tuple(row.tolist()) for row in found}) > 50


def test_all_four_turns_of_each_clip():
    model, inputs = build(rotation="all", drop=1.0), batch()
    clip, turns = model._turned(inputs["video"], samples()["index"])
    for place in range(16):
        want = np.rot90(inputs["video"][place // 4].numpy(), place % 4, axes=(2, 3))
        assert np.array_equal(clip[place].numpy(), want)
    assert turns.tolist() == [0, 1, 2, 3] * 4
    got = terms(model, inputs)
    maps = model.video.intermediates(clip, ("global.three", "local.three"))
    want = torch.nn.functional.cross_entropy(model.turn(pooled(maps)), turns)
    assert got["loss_rotation"] == pytest.approx(float(want.detach()), rel=1e-5)
    heard = model.audio(torch.cat([inputs["audio"], inputs["audio_hard"]]))
    near, apart = half_unit(model.heads[2].hear(heard)).chunk(2)
    far = far_rows(model, near, apart).repeat_interleave(4, dim=0)
    anchor = half_unit(model.heads[2].see(maps))
    want = margin_loss(anchor, near.repeat_interleave(4, dim=0), far)
    assert got["sync_stage2"] == pytest.approx(float(want.detach()), rel=1e-5)
    model.loss(inputs, samples())
    assert torch.allclose(model.embeddings["video"], anchor[::4].detach(), atol=1e-6)


def test_rotation_is_an_option_and_may_hear():
    assert not {"loss_rotation", "rotation_accuracy"} & terms(build(rotation="none")).keys()
    other = {**batch(), "audio": batch()["audio"].flip(2)}
    model = build(rotation_input="fused", drop=1.0)
    assert terms(model)["loss_rotation"] != terms(model, other)["loss_rotation"]
    assert model.turn.in_features == 8 + 8 + 6


def test_one_stage_takes_any_backbone():
    toys = {"video": {"type": "toy_video"}, "audio": {"type": "toy_audio"}}
    model, inputs = build(**toys, stages=1, drop=0.0), batch()
    clip = rotate(inputs["video"], turns_of(model))
    anchor = half_unit(model.heads[0].see(model.video(clip)))
    sounds = model.audio(torch.cat([inputs["audio"], inputs["audio_hard"]]))
    near, apart = half_unit(model.heads[0].hear(sounds)).chunk(2)
    want = margin_loss(anchor, near, far_rows(model, near, apart))
    got = terms(model, inputs)
    assert got["loss_sync"] == pytest.approx(float(want.detach()), rel=1e-5)
    assert got["audio_kept"] == 0.0
    with pytest.raises(ValueError, match=r"last 3 stages.*names \[0, 0\].*stages=1"):
        build(**toys)


def test_what_is_handed_down_is_glcms_and_hears_nothing():
    model = build()
    glcm = OBJECTIVES.build({**CONFIG, "type": "glcm"})
    for modality, encoder in model.encoders().items():
        theirs = glcm.encoders()[modality]
        assert encoder.config == theirs.config
        assert encoder.state_dict().keys() == theirs.state_dict().keys()
    handed, clip = model.encoders()["video"], batch()["video"]
    again = BACKBONES.build(handed.config)
    again.load_state_dict(handed.state_dict())
    model.loss(batch(), samples())
    assert all(torch.equal(a, b) for a, b in zip(again(clip), handed(clip), strict=True))


def test_the_fast_trunk_may_be_thinner():
    model = build(fast_video={"width": 2}, every=2)
    assert model.video.channels == (8, 2)
    assert model.video.strides == ((2, 8, 8), (1, 8, 8))
    assert math.isfinite(terms(model)["loss_sync"])


@pytest.mark.parametrize(
    ("drop", "still"),
    [
        (1.0, {"fusions"}),  # times zero
        (0.0, {"heads.1", "heads.2", "audio.stages.three"}),
    ],
)
def test_gradients_reach_all_but_what_is_switched_off(drop, still):
    model = build(drop=drop)
    losses = model.loss(batch(), samples())
    sum(value for key, value in losses.items() if "loss" in key).backward()
    assert all(p.grad is not None for p in model.parameters())  # all stay in the graph
    without = {name for name, p in model.named_parameters() if not p.grad.any()}
    assert without == {
        name for name, _ in model.named_parameters() if name.startswith(tuple(still))
    }


def test_permuting_the_batch_changes_nothing():
    order = torch.tensor([2, 0, 3, 1])
    moved = {key: value[order] for key, value in batch().items()}
    for drop in (0.0, 1.0):
        model = build(progress=0.9, drop=drop)
        there = terms(model, moved, {"index": samples()["index"][order]})
        assert there == pytest.approx(terms(model), rel=1e-4)


def test_learns_and_shuffled_sound_is_worse():
    model = build(drop=0.9, rotation="none")  # a turned clip of noise is another clip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        losses = model.loss(batch(), samples())
        sum(value for key, value in losses.items() if "loss" in key).backward()
        optimizer.step()
    model.drop = 1.0
    last = terms(model)
    assert last["sync_accuracy"] > 0.8
    shuffled = batch()
    for name in ("audio", "audio_hard"):
        shuffled[name] = shuffled[name].roll(1, dims=0)
    assert terms(model, shuffled)["loss_sync"] > 1.5 * last["loss_sync"]


def test_a_loaded_objective_goes_on_as_the_saved_one():
    model = build(progress=0.9)
    for _ in range(3):
        model.loss(batch(), samples())
    torch.manual_seed(5)
    other = OBJECTIVES.build(dict(CONFIG))
    other.progress = 0.9
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    for _ in range(4):
        here, there = ({k: float(v.detach()) for k, v in m.loss(batch(), samples()).items()}
                       for m in (model, other))  # fmt: skip
        assert here == there


def test_hard_negatives_of_the_sampling_start_elsewhere():
    sampling = OBJECTIVES.module_dict["avslowfast"].sampling(clip_len=16, seconds=1.6)
    rng, apart = np.random.default_rng(0), []
    for _ in range(200):
        times = sampling.draw(3.2, rng)
        assert torch.equal(times["audio"].start, times["video"].start)
        apart.append(abs(float(times["audio_hard"].start - times["audio"].start)))
    assert min(apart) >= 0.5 - 1e-9
    assert min(apart) < 0.7  # spans of 1.6 s overlap


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rotation": "two"}, "'one', 'all' or 'none'"),
        ({"rotation_input": "sound"}, "'visual' or 'fused'"),
        ({"drop": 1.5}, r"drop=1\.5.*0 to 1"),
        ({"stages": 0}, "stages=0"),
        ({"stages": 4}, r"last 4 stages.*names \[3, 3\]"),
        ({"switch": 2.0}, r"switch=2\.0.*0 to 1"),
    ],
)
def test_impossible_options_say_so(options, said):
    with pytest.raises(ValueError, match=said):
        build(**options)


def test_oblong_clips_are_refused():
    with pytest.raises(ValueError, match="squares"):
        build().loss({**batch(), "video": torch.zeros(4, 3, 8, 16, 24)}, samples())


def test_bfloat16_autocast_stays_close():
    want = terms(build(drop=0.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = build(drop=0.0).loss(batch(), samples())
    for key in ("loss_sync", "loss_rotation"):
        assert got[key].dtype == torch.float32
        assert float(got[key].detach()) == pytest.approx(want[key], rel=0.05)


@pytest.mark.parametrize(("progress", "rotation"), [(0.0, "one"), (0.9, "all")])
def test_gathered_negatives_equal_one_process(progress, rotation, tmp_path):
    config = {**CONFIG, "gather": True, "drop": 0.5, "rotation": rotation}
    assert_world_size_does_not_matter(config, tmp_path, progress=progress, size=(16, 16), steps=4)
