"""CrissCross: its wiring of views to the loss, its switches, its manners in training."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper
from torch import nn
from toys import toy_batch
from world_worker import assert_world_size_does_not_matter

from objectives.crisscross import CrissCross
from objectives.parts.cosine import FAMILIES, PAIRS
from objectives.parts.relaxation import RELAXATIONS
from registries.registry import OBJECTIVES

SMALL = {"dim": 12, "hidden": 10, "bottleneck": 5}


def build(**options):
    torch.manual_seed(0)
    config = {"type": "crisscross", "video": {"type": "toy_video"}, "audio": {"type": "toy_audio"}}
    return OBJECTIVES.build({**config, **SMALL, **options})


def batch(size: int = 4, seed: int = 0) -> dict:
    """The four views, drawn."""
    one, two = toy_batch(size, seed=seed), toy_batch(size, seed=seed + 100)
    return {f"{name}_{k}": view[name] for k, view in ((1, one), (2, two)) for name in view}


def terms(model, inputs) -> dict[str, float]:
    return {key: float(value.detach()) for key, value in model.loss(inputs, {}).items()}


def total(model, inputs) -> torch.Tensor:
    return sum(model.loss(inputs, {}).values())


def features(model, inputs):
    """z and p of each view by hand, in the mode the model is in."""
    z, p = {}, {}
    for view, clip in inputs.items():
        modality = view[:5]
        pooled = model.trunks[modality](clip)[0].flatten(2).mean(dim=2)
        z[view] = model.projectors[modality](pooled)
        entering = F.normalize(z[view], dim=1) if model.pre_norm else z[view]
        p[view] = model.predictors[modality](entering)
    return z, p


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("families", [FAMILIES, ("intra",), ("async", "sync")])
def test_terms_equal_a_loop_over_pairs_and_rows(families, pre_norm):
    model = build(families=families, pre_norm=pre_norm).double()
    inputs = {view: clip.double() for view, clip in batch().items()}
    z, p = features(model, inputs)
    got, active = terms(model, inputs), sum(len(PAIRS[family]) for family in families)
    assert set(got) == {f"loss_{family}" for family in families}
    for family in families:
        want = 0.0
        for x, y in PAIRS[family]:
            for one, other in ((x, y), (y, x)):
                for a, b in zip(p[one], z[other], strict=True):
                    want -= float(a @ b) / math.sqrt(float(a @ a) * float(b @ b)) / 4 / 2
        assert got[f"loss_{family}"] == pytest.approx(want / active, rel=1e-9)


def test_pre_norm_changes_the_predictors_input():
    assert terms(build(pre_norm=True), batch()) != pytest.approx(terms(build(), batch()), rel=1e-3)


def test_a_model_that_answers_alike_is_at_the_bottom():
    model = build(projector_layers=2)
    for head in (*model.projectors.values(), *model.predictors.values()):
        for parameter in head[-1].parameters():
            nn.init.zeros_(parameter)
        nn.init.ones_(head[-1].bias)
    assert float(total(model, batch())) == pytest.approx(-1, rel=1e-6)
    assert float(model.embeddings["video"].std(dim=0).max()) == 0  # what the diagnostics see


def test_embeddings_are_the_first_views_projections():
    model, inputs = build(), batch()
    model.loss(inputs, {})
    z, _ = features(model, inputs)
    for modality in ("video", "audio"):
        assert torch.allclose(model.embeddings[modality], z[f"{modality}_1"].detach())
        assert not model.embeddings[modality].requires_grad


def test_permuting_the_batch_and_swapping_the_moments_changes_nothing():
    model, inputs = build(), batch()
    order = torch.tensor([2, 0, 3, 1])
    want = terms(model, inputs)
    assert terms(model, {k: v[order] for k, v in inputs.items()}) == pytest.approx(want, rel=1e-5)
    turned = {f"{view[:-1]}{3 - int(view[-1])}": clip for view, clip in inputs.items()}
    assert terms(model, turned) == pytest.approx(want, rel=1e-5)
    sounds = {**inputs, "audio_1": inputs["audio_2"], "audio_2": inputs["audio_1"]}
    got = terms(model, sounds)
    assert got["loss_sync"] == pytest.approx(want["loss_async"], rel=1e-5)
    assert got["loss_async"] == pytest.approx(want["loss_sync"], rel=1e-5)


def test_training_lowers_the_loss_and_shuffled_pairs_end_higher():
    model, inputs = build(), batch(6)
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=3e-3))
    data = {"inputs": inputs, "data_samples": {}}
    first = float(model.train_step(data, wrapper)["loss"])
    for _ in range(60):
        log = model.train_step(data, wrapper)
    last = float(log["loss"].detach())
    assert last == pytest.approx(sum(float(log[f"loss_{f}"]) for f in FAMILIES), rel=1e-6)
    shuffled = {k: v.roll(1, dims=0) if k[-1] == "2" else v for k, v in inputs.items()}
    assert last < first - 0.2
    assert float(total(model, shuffled).detach()) > float(total(model, inputs).detach()) + 0.1


@pytest.mark.parametrize("families", [FAMILIES, ("intra",), ("sync",), ("async",)])
def test_every_trainable_parameter_gets_a_gradient(families):
    model = build(families=families)
    total(model, batch()).backward()
    still = {
        name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().max() == 0
    }
    # a constant before batch norm cancels: exactly, or but for rounding
    before_norm = {
        f"{group}.{modality}.{place}.bias"
        for group in ("projectors", "predictors")
        for modality in ("video", "audio")
        for place, (layer, following) in enumerate(pairwise(getattr(model, group)[modality]))
        if isinstance(layer, nn.Linear) and isinstance(following, nn.BatchNorm1d)
    }
    assert still <= before_norm and len(before_norm) == 8


def test_gradient_comes_through_predictions_only():
    """With predictors cut off nothing is left to train: no gradient goes through a target."""
    model, inputs = build(), batch()
    for head in model.predictors.values():
        nn.init.zeros_(head[-1].weight)
        nn.init.ones_(head[-1].bias)
    total(model, inputs).backward()
    for part in (model.trunks, model.projectors):
        assert all(not p.grad.any() for p in part.parameters())


def test_a_restored_run_goes_on_alike():
    def run(model, optimizer, seeds):
        for seed in seeds:
            loss = total(model, batch(3, seed))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(total(model, batch(3, 9)).detach())

    model, other = build(), build()
    optimizers = [torch.optim.Adam(m.parameters(), lr=1e-2) for m in (model, other)]
    run(model, optimizers[0], range(3))
    other.load_state_dict(model.state_dict())
    optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    assert run(model, optimizers[0], [5]) == run(other, optimizers[1], [5])
    assert any(not torch.equal(kept[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("size", [2, 3])
def test_any_batch_of_two_or_more_is_right(size):
    assert all(math.isfinite(value) for value in terms(build(), batch(size)).values())


def test_bfloat16_autocast_stays_close():
    model, inputs = build(), batch(16)
    want = terms(model, inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = terms(model, inputs)
    assert got == pytest.approx(want, abs=0.03)


def test_encoders_are_the_trunks_and_heads_have_their_widths():
    model = build(projector_layers=2)
    assert model.encoders() == {"video": model.trunks["video"], "audio": model.trunks["audio"]}
    widths = [
        layer.out_features
        for layer in model.projectors["audio"]
        if hasattr(layer, "bias") and isinstance(layer, nn.Linear)
    ]
    assert widths == [10, 12]
    assert isinstance(model.projectors["video"][-1], nn.BatchNorm1d)
    assert isinstance(model.predictors["video"][-1], nn.Linear)
    wide = [layer for layer in build().projectors["video"] if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in wide] == [10, 10, 12]


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_the_small_clip_fits_the_miniatures(relaxation):
    """Every relaxation fits 3.2 s with the standard clip of 1.6 s, in the declared shapes."""
    sampling = CrissCross.sampling(clip_len=16, seconds=1.6, relaxation=relaxation)
    assert sampling.min_duration <= 3.2
    for name, view in sampling.views.items():
        assert (view.clip_len, view.seconds) == ({"video": 16, "audio": 48}[name[:5]], 1.6)
        assert view.augment == {"1": "a", "2": "b"}[name[-1]]
    rng = np.random.default_rng(0)
    for _ in range(50):
        times = sampling.draw(3.2, rng)
        assert set(times) == set(batch())
        for name, clip in times.items():
            assert -1e-9 <= float(clip.start[0]) <= 1.6 + 1e-9
            assert torch.equal(clip.start, times[f"video_{name[-1]}"].start)
        gap = float(times["video_2"].start[0] - times["video_1"].start[0])
        wanted = {"none": 0.0, "mild": 0.8, "medium": 1.6, "extreme": 1.6}
        assert relaxation == "mixed" or gap == pytest.approx(wanted[relaxation], abs=1e-9)


def test_spans_and_steps_of_the_paper():
    sampling = CrissCross.sampling(
        clip_len=8, seconds=3.2, video_seconds=0.5, audio_seconds=2.0, audio_steps=200
    )
    spans = {name: (view.clip_len, view.seconds) for name, view in sampling.views.items()}
    assert spans == {
        **dict.fromkeys(("video_1", "video_2"), (8, 0.5)),
        **dict.fromkeys(("audio_1", "audio_2"), (200, 2.0)),
    }
    assert sampling.min_duration == pytest.approx(3.0)
    plain = CrissCross.sampling(clip_len=8, seconds=0.5, audio_seconds=2.0, strict_sync=True)
    assert plain.views["audio_1"].clip_len == 3 * 8 * 4
    times = plain.draw(10.0, np.random.default_rng(0))
    assert float(times["video_2"].start[0] - times["audio_2"].start[0]) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"relaxation": "overlapped"}, "none.*mild.*extreme"),
        ({"families": ("intra", "cross")}, "intra.*sync.*async"),
        ({"projector_layers": 1}, "at least 2"),
    ],
)
def test_other_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        build(**options)


def test_gathered_statistics_equal_one_process_with_both_batches(tmp_path):
    """No negatives, but batch norm: without `gather` two processes are not one."""
    config = {"type": "crisscross", "video": {"type": "toy_video"}, "audio": {"type": "toy_audio"}}
    one, _ = assert_world_size_does_not_matter({**config, **SMALL, "gather": True}, tmp_path / "a")
    assert one["state"]["projectors.audio.1.num_batches_tracked"] == 4  # two views, two steps
    with pytest.raises(AssertionError):
        assert_world_size_does_not_matter({**config, **SMALL}, tmp_path / "b")
