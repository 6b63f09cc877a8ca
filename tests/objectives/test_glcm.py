"""GLCM: its wiring of tensors to the losses, its switches, its manners in training."""

from __future__ import annotations

import math

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn
from toys import toy_batch
from world_worker import assert_world_size_does_not_matter, draw_batch

from objectives.parts.losses import (
    attention_over_cells,
    attention_pool,
    cross_modal_mil_nce,
    glcm_local,
)
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipTimes


def build(**options):
    torch.manual_seed(0)
    config = {"type": "glcm", "video": {"type": "toy_video"}, "audio": {"type": "toy_audio"}}
    return OBJECTIVES.build({**config, **options})


def terms(model, batch=None, **changes) -> dict[str, float]:
    inputs = {**(batch or toy_batch()), **changes}
    return {key: float(value.detach()) for key, value in model.loss(inputs, {}).items()}


def zero_projections(model) -> None:
    for part in (
        model.project_video,
        model.project_audio,
        model.project_steps,
        model.project_slices,
    ):
        nn.init.zeros_(part.weight)
        nn.init.zeros_(part.bias)


@pytest.mark.parametrize(
    ("denominator", "count"),
    [("one_way", lambda n: n), ("symmetric", lambda n: 2 * n - 1), ("official", lambda n: 2 * n)],
)
def test_zero_embeddings_give_the_uniform_value(denominator, count):
    model = build(denominator=denominator)
    zero_projections(model)
    got = terms(model)
    assert got["loss_global"] == pytest.approx(math.log(count(4)), rel=1e-6)
    assert got["loss_local"] == pytest.approx(math.log(count(4 * 8)), rel=1e-6)
    assert got["attention_entropy"] == pytest.approx(1.0, abs=1e-5)
    assert got["local_uniform"] == pytest.approx(got["loss_local"])


def test_losses_equal_the_formulas_of_the_paper():
    model = build()
    inputs = toy_batch()
    maps, heard = model.trunks[0](inputs["video"]), model.audio(inputs["audio"])[0]
    weight = {name: part for name, part in model.named_children() if name.startswith("project")}

    def project(name, x):  # (B, C, ...) -> (B, D, ...)
        part = weight[name]
        bias = part.bias.reshape(1, -1, *[1] * (x.dim() - 2))
        return torch.einsum("dc,bc...->bd...", part.weight[..., 0], x) + bias

    audio = project("project_audio", heard).mean(dim=2)
    cells = project("project_video", maps[0]).mean(dim=2).flatten(2).transpose(1, 2)
    attention = attention_over_cells(audio, cells)
    steps = project("project_steps", maps[1]).flatten(3).permute(0, 2, 3, 1)
    slices = project("project_slices", heard).transpose(1, 2).reshape(4, 8, 3, -1)
    want_local = glcm_local(attention_pool(attention, steps), slices)
    got = model.loss(inputs, {})
    assert float(got["loss_global"]) == pytest.approx(
        float(cross_modal_mil_nce(audio, cells)), rel=1e-5
    )
    assert float(got["loss_local"]) == pytest.approx(float(want_local), rel=1e-5)


def test_global_pathway_sees_every_fourth_frame():
    model = build()
    inputs = toy_batch()
    seen = inputs["video"].clone()
    seen[:, :, [1, 2, 3, 5, 6, 7]] += 1.0
    before, after = terms(model, inputs), terms(model, inputs, video=seen)
    assert after["loss_global"] == before["loss_global"]
    assert abs(after["loss_local"] - before["loss_local"]) > 1e-5


def test_local_accuracy_knows_the_moment_and_global_does_not():
    model, inputs = build(normalize=True, temperature=0.1), toy_batch()
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    for _ in range(60):
        model.train_step({"inputs": inputs, "data_samples": {}}, wrapper)
    kept = terms(model, inputs)
    moved = terms(model, inputs, audio=inputs["audio"].roll(9, dims=2))
    assert kept["local_chance"] == moved["local_chance"] == pytest.approx(1 / 8)
    assert kept["local_accuracy"] > 0.8 and moved["local_accuracy"] < 0.2
    assert kept["retrieval_accuracy"] == moved["retrieval_accuracy"] == 1.0


def test_permuting_the_batch_changes_nothing():
    model, inputs = build(), toy_batch()
    order = torch.tensor([2, 0, 3, 1])
    moved = {key: value[order] for key, value in inputs.items()}
    assert terms(model, moved) == pytest.approx(terms(model, inputs), rel=1e-5)


def test_shuffled_audio_is_another_loss():
    model, inputs = build(), toy_batch()
    shuffled = terms(model, inputs, audio=inputs["audio"].roll(1, dims=0))
    assert abs(shuffled["loss_global"] - terms(model, inputs)["loss_global"]) > 1e-4


@pytest.mark.parametrize("detach", [False, True])
def test_detach_switch_cuts_the_attention_gradient(detach):
    model = build(detach_attention=detach)
    model.loss(toy_batch(), {})["loss_local"].backward()
    reached = model.trunks[0].branches["global"].net[0].weight.grad
    assert (reached is None) if detach else (reached.abs().max() > 0)


def test_pooling_average_is_the_uniform_diagnostic():
    wanted = terms(build())["local_uniform"]
    got = terms(build(pooling="average"))
    assert got["loss_local"] == pytest.approx(wanted, rel=1e-6)
    assert got["attention_entropy"] == pytest.approx(1.0, abs=1e-5)


def test_without_mil_equals_contrast_with_averaged_slices():
    models = [build(local_mil=False), build(), build()]
    for model in models:
        model.project_slices.weight.data *= 20  # so that slices of a window differ
    averaged, mil, model = terms(models[0]), terms(models[1]), models[2]
    inputs = toy_batch()
    # averaging the three slices of a window and repeating them leaves LSE_k - LSE_jk as with K = 1
    heard = model.audio(inputs["audio"])[0]
    steps_audio = heard.unflatten(2, (8, 3)).mean(dim=3).repeat_interleave(3, dim=2)
    model.audio = BACKBONES.build({"type": "toy_audio"})
    model.audio.forward = lambda _: (steps_audio,)
    got = terms(model, inputs)
    assert averaged["loss_global"] == pytest.approx(mil["loss_global"], rel=1e-6)
    assert averaged["loss_local"] == pytest.approx(got["loss_local"], rel=1e-5)
    assert abs(averaged["loss_local"] - mil["loss_local"]) > 1e-4


@pytest.mark.parametrize(
    ("options", "pathways"),
    [
        ({}, ("global", "local")),
        ({"features": "glob"}, ("global",)),
        ({"features": "loc"}, ("local",)),
        ({"local_contrast": False}, ("global",)),
    ],
)
def test_encoders_hand_down_what_features_names(options, pathways):
    model = build(**options)
    video = model.encoders()["video"]
    assert video.pathways == pathways
    assert [p["name"] for p in video.config["pathways"]] == list(pathways)
    maps = video(toy_batch()["video"])
    strides = {"global": (4, 8, 8), "local": (1, 8, 8)}
    assert video.strides == tuple(strides[name] for name in pathways)
    assert [tuple(m.shape[2:]) for m in maps] == [(8 // strides[p][0], 2, 3) for p in pathways]
    owned = {id(p) for p in model.parameters()}
    assert all(id(p) in owned for e in model.encoders().values() for p in e.parameters())


def test_what_is_handed_down_does_not_change_training():
    want = terms(build())
    for features in ("glob", "loc"):
        assert terms(build(features=features)) == pytest.approx(want)


def test_without_local_contrast_there_is_no_local_term():
    full, model = build(features="glob"), build(local_contrast=False)
    state = full.state_dict()
    model.load_state_dict({key: state[key] for key in model.state_dict()})
    got = terms(model)
    assert got["loss_global"] == pytest.approx(terms(full)["loss_global"], rel=1e-6)
    assert not any("local" in key for key in got)


def test_normalised_losses_ignore_the_scale_of_projections():
    model = build(normalize=True, temperature=0.07)
    before = terms(model)
    for part in (
        model.project_video,
        model.project_audio,
        model.project_steps,
        model.project_slices,
    ):
        part.weight.data *= 5
        part.bias.data *= 5
    assert terms(model) == pytest.approx(before, rel=1e-4)


def test_other_audio_lengths_are_brought_to_the_window():
    model, inputs = build(), toy_batch()
    longer = inputs["audio"].repeat_interleave(2, dim=2)
    assert math.isfinite(terms(model, inputs, audio=longer)["loss_local"])
    with pytest.raises(ValueError, match="7 steps for 8"):
        terms(model, inputs, audio=inputs["audio"][..., :7])


@pytest.mark.parametrize(
    "options",
    [{"pooling": "max"}, {"features": "all"}, {"features": "loc", "local_contrast": False}],
)
def test_impossible_options_raise(options):
    with pytest.raises(ValueError, match=r"pooling|features"):
        build(**options)


def test_only_loss_terms_contain_the_word():
    got = terms(build())
    assert {key for key in got if "loss" in key} == {"loss_global", "loss_local"}
    assert all(math.isfinite(value) for value in got.values())


def test_every_parameter_gets_a_gradient():
    model = build()
    sum(v for k, v in model.loss(toy_batch(), {}).items() if "loss" in k).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # a constant added to every score cancels, in both directions only for the video's side
    assert set(still) <= {"project_video.bias", "project_slices.bias"}


def test_state_dict_round_trip():
    model, other = build(), build()
    for p in other.parameters():
        nn.init.normal_(p)
    other.load_state_dict(model.state_dict())
    assert terms(other) == terms(model)


def test_stock_train_step_lowers_the_loss():
    model = build(normalize=True, temperature=0.1)
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    data = {"inputs": toy_batch(), "data_samples": {}}
    logs = [model.train_step(data, wrapper) for _ in range(30)]
    first, last = float(logs[0]["loss"]), float(logs[-1]["loss"])
    assert float(logs[0]["loss_global"] + logs[0]["loss_local"]) == pytest.approx(first, rel=1e-6)
    assert last < 0.5 * first
    assert float(logs[-1]["retrieval_accuracy"]) == 1.0


def test_bfloat16_autocast_stays_close():
    model = build()
    want = terms(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = terms(model)
    assert got["loss_global"] == pytest.approx(want["loss_global"], rel=0.05)
    assert got["loss_local"] == pytest.approx(want["loss_local"], rel=0.05)


def test_gathered_negatives_equal_one_process_with_both_batches(tmp_path):
    config = {"type": "glcm", "video": {"type": "toy_video"}, "audio": {"type": "toy_audio"}}
    assert_world_size_does_not_matter({**config, "gather": True}, tmp_path)


def test_context_is_heard_but_not_contrasted():
    """Losses of a clip in its sound are those of the map's own steps, wherever they lie."""
    model, inputs, late = build(context=0.4), toy_batch(), [0, 5, 12, 7]
    longer = torch.cat([inputs["audio"], toy_batch(seed=1)["audio"][..., :12]], dim=2)  # 36 steps
    starts = {"audio": torch.zeros(4), "video": torch.tensor(late) / 30}  # 0.4 s are 12 steps
    times = {
        name: ClipTimes(start.double()[:, None], torch.ones(4, 1), torch.zeros(4, 1).bool())
        for name, start in starts.items()
    }
    got = model.loss({**inputs, "audio": longer}, {"times": times})
    heard = model.audio(longer)[0]
    cut = torch.stack([heard[row, :, at : at + 24] for row, at in enumerate(late)])
    plain = build()
    plain.audio.forward = lambda _: (cut,)
    want = plain.loss(inputs, {})
    for key in ("loss_global", "loss_local", "local_accuracy", "retrieval_accuracy"):
        assert float(got[key].detach()) == pytest.approx(float(want[key].detach()), rel=1e-6), key


@pytest.mark.parametrize(("context", "solved"), [(0.0, True), (1.6, False)])
def test_ends_of_a_clip_tell_when_unless_there_is_sound_beyond_them(context, solved):
    """Clips without any content: what the encoders pad with is all that can be matched."""
    model = build(context=context, normalize=True, temperature=0.1, local_mil=False)
    sampling = type(model).sampling(clip_len=8, seconds=0.8, context=context)
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    accuracies = []
    for step in range(150):
        inputs, samples = draw_batch(sampling, 16, seed=step)
        blank = {name: torch.ones_like(clips) for name, clips in inputs.items()}
        logs = model.train_step({"inputs": blank, "data_samples": samples}, wrapper)
        accuracies.append(float(logs["local_accuracy"]))
    late = sum(accuracies[-30:]) / 30
    assert late > 0.3 if solved else late < 0.2  # two ends and a middle against 1 / 8
