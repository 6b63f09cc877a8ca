"""Temporal order: its labels, its switches, its queues, its manners in training."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper
from torch import nn
from world_worker import assert_world_size_does_not_matter, draw_batch

from objectives.parts.info_nce import queue_info_nce, queue_scores
from objectives.temporal_order import TemporalOrder
from registries.registry import OBJECTIVES

CONFIG = {
    "type": "temporal_order",
    "video": {"type": "toy_video"},
    "audio": {"type": "toy_audio"},
    "queue": 20,
    "negatives": 8,
    "dim": 6,
}
OFF = {"speed": False, "direction": False, "orders": (), "extra": 0, "drop": 0.0, "hardness": 0.0}
TASKS = {f"{task}_{m}" for task in ("speed", "direction") for m in ("video", "audio")}
TASKS |= {f"order_{pair}" for pair in ("vv", "aa", "va")}
RELATIONS = ("vv", "va", "av")


def build(**options) -> TemporalOrder:
    torch.manual_seed(0)
    return OBJECTIVES.build({**CONFIG, **options})


def batch(size: int = 6, *, seed: int = 0, **options):
    return draw_batch(TemporalOrder.sampling(clip_len=8, seconds=0.8, **options), size, seed=seed)


def terms(model, given=None) -> dict[str, float]:
    inputs, samples = given or batch()
    return {k: float(v.detach()) for k, v in copy.deepcopy(model).loss(inputs, samples).items()}


def losses(found: dict) -> dict:
    return {key: value for key, value in found.items() if "loss" in key}


def test_all_terms_are_there():
    got = terms(build())
    wanted = {f"loss_{name}" for name in TASKS} | {f"loss_contrast_{name}" for name in RELATIONS}
    assert set(losses(got)) == wanted
    logged = TASKS | {f"contrast_{name}" for name in RELATIONS}
    assert set(got) - wanted == {f"{n}_{kind}" for n in logged for kind in ("accuracy", "chance")}


def test_zero_heads_give_log_of_the_number_of_classes():
    model = build(speeds=(1, 2, 4, 8))
    for head in model.heads.values():
        last = head[-1] if isinstance(head, nn.Sequential) else head
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    got = terms(model, batch(speeds=(1, 2, 4, 8)))
    for name in TASKS:
        classes = {"speed": 4, "direction": 2, "order": 3}[name.split("_")[0]]
        assert got[f"loss_{name}"] == pytest.approx(math.log(classes), rel=1e-6)


def test_with_everything_off_it_is_info_nce():
    model, (inputs, samples) = build(**OFF, negatives=20), batch()
    got = losses(terms(model, (inputs, samples)))
    assert set(got) == {f"loss_contrast_{name}" for name in RELATIONS}
    clips = {
        "audio": [inputs[f"audio_{place}"] for place in ("first", "second")],
        "video": [],
    }
    for place in ("first", "second"):
        halves, times = inputs[f"video_{place}"], samples["times"][f"video_{place}"]
        clips["video"].append(
            torch.stack(
                [
                    torch.cat([*(reversed(half) if back else half)], dim=1)
                    for half, back in zip(halves, times.reversed[:, 0].tolist(), strict=True)
                ]
            )
        )
    for name, (asks, answers) in model.relations.items():
        want = 0.0
        for i, j in ((0, 1), (1, 0)):
            rows = []
            for head, place in ((asks, i), (answers, j if name == "vv" else i)):
                modality = head.split("_")[1]
                pooled = model.trunks[modality](clips[modality][place])[0].flatten(2).mean(dim=2)
                rows.append(F.normalize(model.projectors[head](pooled), dim=1))
            queue = model.contrasts[name].queue.entries
            scores = queue_scores(rows[0], rows[1][:, None], queue, temperature=0.1)
            want += float(queue_info_nce(*scores).detach()) / 2
        assert got[f"loss_contrast_{name}"] == pytest.approx(want, rel=1e-5)


def test_extra_positives_come_in_along_the_ramp():
    model, given = build(negatives=20, ramp=0.1), batch()
    model.loss(*given)
    found = []
    # other samples than those in the queue: their own keys are no positives
    inputs, samples = batch(seed=1)
    samples["index"] = samples["index"] + 100
    for progress in (0.0, 0.05, 0.1, 0.9):
        model.progress = progress
        found.append(terms(model, (inputs, samples))["loss_contrast_va"])
    assert found[1] - found[0] == pytest.approx((found[2] - found[0]) / 2, rel=1e-4)
    assert found[3] == found[2] > found[0]


@pytest.mark.parametrize("missing", [{"speed"}, {"direction"}, {"order"}, {"contrast"}])
def test_each_task_can_be_switched_off(missing):
    options = {"speed": "speed" not in missing, "direction": "direction" not in missing}
    options |= {"orders": ()} if "order" in missing else {}
    options |= {"contrasts": ()} if "contrast" in missing else {}
    full, model = build(), build(**options)
    model.load_state_dict({k: full.state_dict()[k] for k in model.state_dict()})
    here, there = losses(terms(model)), losses(terms(full))
    assert here == {k: v for k, v in there.items() if k.split("_")[1] not in missing}


@pytest.mark.parametrize("pair", ["vv", "aa", "va"])
def test_each_order_task_alone(pair):
    model = build(**{**OFF, "orders": (pair,)}, contrasts=("vv", "va"))
    assert list(model.heads) == [f"order_{pair}"]


def test_weights_multiply_their_terms():
    here = terms(build())
    there = terms(build(weight_speed=2.0, weight_direction=0.5, weight_order=3.0))
    for name in TASKS:
        factor = {"speed": 2.0, "direction": 0.5, "order": 3.0}[name.split("_")[0]]
        assert there[f"loss_{name}"] == pytest.approx(factor * here[f"loss_{name}"], rel=1e-6)


def test_silent_audio_takes_no_part_in_the_temporal_tasks_of_audio():
    inputs, samples = batch()
    inputs["audio_first"] = inputs["audio_first"].clone()
    inputs["audio_first"][2] = -1.45
    masked, plain = terms(build(), (inputs, samples)), terms(build(silence=None), (inputs, samples))
    changed = {key for key in losses(plain) if abs(masked[key] - plain[key]) > 1e-6}
    assert changed == {f"loss_{name}" for name in TASKS if "video" not in name} - {"loss_order_vv"}
    assert all(masked[key] < plain[key] for key in changed)


def test_permuting_the_batch_changes_no_loss():
    model, (inputs, samples) = build(), batch()
    model.loss(inputs, samples)  # so that the queue knows the samples
    order = torch.tensor([4, 2, 0, 3, 1, 5])
    moved = {name: view[order] for name, view in inputs.items()}
    times = {n: type(t)(*(f[order] for f in t)) for n, t in samples["times"].items()}
    shuffled = {"index": samples["index"][order], "times": times}
    here, there = terms(model, (inputs, samples)), terms(model, (moved, shuffled))
    assert losses(there) == pytest.approx(losses(here), rel=1e-4)


def test_queue_holds_all_clips_with_their_sources():
    model, (inputs, samples) = build(), batch(3)
    samples["index"] = torch.tensor([7, 4, 9])
    model.loss(inputs, samples)
    queue = model.contrasts["va"].queue
    assert queue.sources.tolist() == [7, 4, 9, 7, 4, 9, *[-1] * 14]
    assert torch.allclose(queue.entries[:3], model.embeddings["va_audio"], atol=1e-6)
    assert torch.allclose(
        model.contrasts["av"].queue.entries[:3], model.embeddings["va_video"], atol=1e-6
    )


def test_keys_get_no_gradient_and_contrast_does_not_reach_the_heads():
    model = build(contrasts=("va",))
    found = model.loss(*batch())
    found["loss_contrast_va"].backward(retain_graph=True)
    assert not any(p.grad is not None for p in model.trunks["audio"].parameters())
    assert model.projectors["va_audio"][0].weight.grad is None
    assert model.projectors["va_video"][0].weight.grad.any()
    assert not any(p.grad is not None for p in model.heads.parameters())
    model.zero_grad()
    sum(v for k, v in found.items() if k.startswith(("loss_order", "loss_speed"))).backward()
    assert not any(p.grad is not None for p in model.projectors.parameters())


def test_every_parameter_gets_a_gradient():
    model = build()
    sum(losses(model.loss(*batch())).values()).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_state_dict_round_trip_keeps_queue_cursor_and_draws():
    model, other = build(), build()
    for seed in range(3):
        model.loss(*batch(seed=seed))
    nn.init.zeros_(other.contrasts["va"].queue.entries)
    other.load_state_dict(model.state_dict())
    for size in (6, 5):
        here, there = model.loss(*batch(size)), other.loss(*batch(size))
        assert {k: float(v.detach()) for k, v in here.items()} == {
            k: float(v.detach()) for k, v in there.items()
        }


def test_stock_train_step_learns_the_tasks_of_a_batch():
    model, (inputs, samples) = build(), batch()
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    data = {"inputs": inputs, "data_samples": samples}
    for _ in range(120):
        logs = model.train_step(data, wrapper)
    for name in TASKS:
        assert float(logs[f"{name}_accuracy"]) > 0.9, name
    wrong = {name: view.roll(1, dims=0) for name, view in inputs.items()}
    apart = terms(model, (wrong, samples))
    assert sum(apart[f"loss_{n}"] for n in TASKS) > 2 * sum(
        float(logs[f"loss_{n}"].detach()) for n in TASKS
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"orders": ("av",)}, "orders.*'va'"),
        ({"orders": ("vv", "vv")}, "different"),
        ({"contrasts": ("aa",)}, "contrasts.*'vv'"),
        ({"speeds": (2,)}, "at least two speeds"),
        ({"reverse": 0.0}, "between 0 and 1"),
        ({**OFF, "contrasts": ("vv",)}, "untrained"),
    ],
)
def test_impossible_options_raise(options, words):
    with pytest.raises(ValueError, match=words):
        build(**options)


def test_views_fit_the_miniature_videos():
    sampling = TemporalOrder.sampling(clip_len=16, seconds=1.6)
    assert sampling.min_duration == pytest.approx(0.8)
    video, audio = (sampling.views[f"{m}_first"] for m in ("video", "audio"))
    assert (video.clip_len, video.num_clips, audio.clip_len) == (4, 2, 24)
    assert video.augment != sampling.views["video_second"].augment
    paper = TemporalOrder.sampling(
        clip_len=16, seconds=0.64, part=1.0, density=1.0, speeds=(1, 2, 4, 8)
    )
    assert paper.min_duration == pytest.approx(5.12)
    assert paper.views["video_first"].clip_len == 8


def test_world_size_does_not_matter(tmp_path):
    config = {**CONFIG, "speeds": [1, 2], "orders": ["vv", "aa", "va"], "ramp": 0.0}
    assert_world_size_does_not_matter(config, tmp_path, steps=3)
