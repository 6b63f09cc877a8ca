"""MoCo: its wiring, its state, and batch norm that must not give a pair away."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper
from torch import nn
from toys import ToyVideo
from world_worker import assert_world_size_does_not_matter, draw_batch, rows

from objectives.moco import MoCo
from objectives.parts.momentum import annealed
from registries.registry import BACKBONES, OBJECTIVES

CONFIG = {"type": "moco", "video": {"type": "toy_video"}, "queue": 10, "dim": 16, "anneal": False}
NORMED = {"type": "toy_video_norm"}


class ToyVideoNorm(ToyVideo):
    """The toy with batch norm, through which clips of a batch see each other."""

    def __init__(self) -> None:
        super().__init__()
        self.net.insert(1, nn.BatchNorm3d(8))


BACKBONES.register_module(name="toy_video_norm", module=ToyVideoNorm, force=True)


def build(**options) -> MoCo:
    torch.manual_seed(0)
    return OBJECTIVES.build({**CONFIG, **options})


def batch(size: int = 4, *, seed: int = 0, clips: int = 2):
    return draw_batch(MoCo.sampling(clip_len=8, seconds=0.8, clips=clips), size, seed=seed)


def terms(model: MoCo, data) -> dict[str, float]:
    return {key: float(value.detach()) for key, value in model.loss(*data).items()}


def steps(model: MoCo, count: int, *, first: int = 0, lr: float = 0.5) -> list[dict[str, float]]:
    logs = []
    for step in range(first, first + count):
        losses = model.loss(*batch(seed=step))
        model.zero_grad()
        losses["loss_contrast"].backward()
        with torch.no_grad():
            for parameter in model.query.parameters():
                parameter -= lr * parameter.grad
        logs.append({key: float(value.detach()) for key, value in losses.items()})
    return logs


def embed(net: nn.Module, clip: torch.Tensor) -> torch.Tensor:
    """The embedding from its formula: toy encoder, mean, ReLU between two linear layers."""
    pooled = net.encoder.net(clip).mean(dim=(2, 3, 4))
    first, _, last = net.projector
    inner = (pooled @ first.weight.T + first.bias).clamp_min(0)
    found = inner @ last.weight.T + last.bias
    return found / found.norm(dim=1, keepdim=True)


def pair_loss(query, key, queue, temperature) -> float:
    total = 0.0
    for q, k in zip(query.tolist(), key.tolist(), strict=True):
        score = [sum(a * b for a, b in zip(q, n, strict=True)) for n in [k, *queue.tolist()]]
        each = [math.exp(s / temperature) for s in score]
        total -= math.log(each[0] / sum(each))
    return total / len(query)


def test_loss_is_the_formula_and_keys_are_enqueued_afterwards():
    model, (inputs, samples) = build(temperature=0.2, momentum=0.5), batch()
    with torch.no_grad():
        for parameter in model.twin.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    before, twin = copy.deepcopy(model), copy.deepcopy(model.twin.net)
    with torch.no_grad():  # half way to the query: before the keys, He et al. alg. 1
        for mine, theirs in zip(twin.parameters(), before.query.parameters(), strict=True):
            mine.copy_(0.5 * mine + 0.5 * theirs)
        query, key = embed(before.query, inputs["clip_1"]), embed(twin, inputs["clip_2"])
    want = pair_loss(query, key, before.queue.entries, 0.2)
    assert terms(model, (inputs, samples))["loss_contrast"] == pytest.approx(want, rel=1e-5)
    torch.testing.assert_close(model.queue.entries[:4], key)
    assert torch.equal(model.queue.entries[4:], before.queue.entries[4:])
    assert model.queue.sources.tolist() == [0, 1, 2, 3, *[-1] * 6]


@pytest.mark.parametrize("clips", [2, 3, 4])
def test_symmetric_is_every_clip_against_every_other(clips):
    options = {"clips": clips, "symmetric": True, "temperature": 0.3}
    (inputs, samples), model = batch(clips=clips), build(**options)
    with torch.no_grad():
        views = [embed(model.query, clip) for clip in inputs.values()]
    queue = model.queue.entries.clone()
    per_query = [
        sum(pair_loss(q, k, queue, 0.3) for k in views if k is not q) / (clips - 1) for q in views
    ]
    got = terms(model, (inputs, samples))
    assert got["loss_contrast"] == pytest.approx(sum(per_query) / clips, rel=1e-5)
    assert got["contrast_reported"] == pytest.approx(sum(per_query) / (2 * clips), rel=1e-5)
    want = torch.cat(views)[-10:]  # keys of all clips, clip by clip, of which 10 fit
    torch.testing.assert_close(
        model.queue.entries.roll(-int(model.queue.cursor), 0)[-len(want) :], want
    )
    summed = terms(build(**options, reduction="sum"), (inputs, samples))
    assert summed["loss_contrast"] == pytest.approx(sum(per_query), rel=1e-5)
    assert summed["contrast_reported"] == pytest.approx(got["contrast_reported"], rel=1e-6)


def test_one_query_takes_all_other_clips_as_positives():
    (inputs, samples), model = batch(clips=3), build(clips=3)
    with torch.no_grad():
        query, *keys = [embed(model.query, clip) for clip in inputs.values()]
    queue = model.queue.entries.clone()
    want = sum(pair_loss(query, key, queue, 0.1) for key in keys) / 2
    assert terms(model, (inputs, samples))["loss_contrast"] == pytest.approx(want, rel=1e-5)


def test_random_unit_vectors_score_log_of_their_number():
    got = terms(build(queue=255, temperature=10.0), batch(8))
    assert got["loss_contrast"] == pytest.approx(math.log(256), rel=0.05)
    assert got["contrast_chance"] == pytest.approx(1 / 256)


def test_key_of_another_video_is_worse():
    model, samples = build(temperature=0.01), batch()[1]
    colours = 2 * torch.randn(14, 3, 1, 1, 1, generator=torch.Generator().manual_seed(1))
    clips = batch(14)[0]["clip_1"] + colours  # bare noise of many pixels looks all alike
    inputs = {"clip_1": clips[:4], "clip_2": clips[:4] + 0.01}
    model.queue.entries.copy_(model.twin(clips[4:]))
    other = copy.deepcopy(model)
    good = terms(model, (inputs, samples))
    inputs["clip_2"] = inputs["clip_2"].roll(1, dims=0)
    bad = terms(other, (inputs, samples))
    assert bad["loss_contrast"] > good["loss_contrast"] + 0.5
    assert good["contrast_accuracy"] == 1.0 > bad["contrast_accuracy"]


def test_permuting_the_batch_changes_nothing():
    data, order = batch(), torch.tensor([2, 0, 3, 1])
    inputs = {name: clip[order] for name, clip in data[0].items()}
    moved = terms(build(), (inputs, {"index": data[1]["index"][order]}))
    assert moved == pytest.approx(terms(build(), data), rel=1e-5)


def test_momentum_is_raised_to_one_along_a_cosine():
    for progress in (0.0, 0.3, 1.0):
        model = build(momentum=0.8, anneal=True)
        model.progress = progress
        start = model.twin.net.projector[2].bias.clone()
        with torch.no_grad():
            model.query.projector[2].bias += 1.0
        terms(model, batch())
        moved = model.twin.net.projector[2].bias - start
        want = torch.full_like(moved, 1 - annealed(0.8, progress))
        torch.testing.assert_close(moved, want)


def test_gradient_reaches_the_query_alone():
    model = build(clips=3, symmetric=True)
    model.loss(*batch(clips=3))["loss_contrast"].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.query.parameters())
    assert all(p.grad is None and not p.requires_grad for p in model.twin.parameters())
    assert {id(p) for p in model.parameters() if p.requires_grad} == {
        id(p) for p in model.query.parameters()
    }


def test_interrupted_training_goes_on_as_if_it_had_not_been():
    model = build(momentum=0.9)
    steps(model, 3)
    resumed = build(momentum=0.9)
    for parameter in resumed.parameters():
        nn.init.normal_(parameter.data)
    resumed.load_state_dict(copy.deepcopy(model.state_dict()))
    assert steps(resumed, 2, first=3) == steps(model, 2, first=3)
    assert torch.equal(resumed.queue.entries, model.queue.entries)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 25])
def test_any_batch_size(size):
    model = build(video=NORMED, splits=4)
    for part in (size, 3):  # a last partial batch
        assert math.isfinite(terms(model, batch(part))["loss_contrast"])
    assert int(model.queue.cursor) == (min(size, 10) + 3) % 10


def test_own_older_keys_are_left_out_where_asked():
    model, other = build(drop_own=True, queue=8), build(drop_own=True, queue=8)
    data = batch()
    for each in (model, other):
        terms(each, data)
    other.queue.entries[2] = F.normalize(torch.ones(16), dim=0)  # an older key of sample 2
    mine = tuple(rows(part, 2, 3) for part in data)
    assert terms(copy.deepcopy(model), mine) == terms(copy.deepcopy(other), mine)
    theirs = tuple(rows(part, 1, 2) for part in data)
    assert terms(model, theirs) != terms(other, theirs)


def test_nothing_is_learnt_before_the_queue_is_full():
    model, free = build(fill_first=True), build()
    for step in range(4):  # keys before this step: 0, 4, 8, 12 of 10
        losses = model.loss(*batch(seed=step))
        model.zero_grad()
        losses["loss_contrast"].backward()
        learnt = [bool(p.grad.any()) for p in model.query.parameters()]
        assert learnt == [step == 3] * len(learnt)
        assert float(losses["loss_contrast"]) == terms(free, batch(seed=step))["loss_contrast"]


def others_touched(model: MoCo, *, queries: bool) -> torch.Tensor:
    """(B, B) bool: whether changing clip j changes the embedding of clip i != j."""
    clip = batch(16)[0]["clip_1"]
    run = model.query if queries else model._key
    with torch.no_grad():
        before, touched = run(clip), torch.zeros(16, 16, dtype=torch.bool)
        for j in range(16):
            changed = clip.clone()
            changed[j] += 3.0
            touched[:, j] = (run(changed) != before).any(dim=1)
    return touched & ~torch.eye(16, dtype=torch.bool)


def test_whole_batch_norm_leaks_and_shuffling_alone_does_not_help():
    model = build(video=NORMED, splits=1)
    off_diagonal = ~torch.eye(16, dtype=torch.bool)
    assert torch.equal(others_touched(model, queries=True), off_diagonal)
    assert torch.equal(others_touched(model, queries=False), off_diagonal)
    clip, order = batch(16)[0]["clip_1"], torch.randperm(16)
    shuffled = model._key(clip[order])[order.argsort()]
    torch.testing.assert_close(shuffled, model._key(clip), rtol=1e-4, atol=1e-5)


def test_by_default_no_other_clip_is_seen_by_a_query_and_its_key():
    model = build(video=NORMED)
    query, key = others_touched(model, queries=True), others_touched(model, queries=False)
    # 8 parts of 2: one other clip is seen by a query, another one by its key
    assert query.sum(dim=1).tolist() == key.sum(dim=1).tolist() == [1] * 16
    assert not (query & key).any()


def test_networks_without_batch_norm_are_left_alone():
    clip = batch()[0]["clip_1"]
    assert build().splits == 1
    assert torch.equal(build()._key(clip), build(splits=1)._key(clip))


def test_encoder_handed_down_is_the_harness_own():
    model = build(video=NORMED)
    steps(model, 2)
    encoder = model.encoders()["video"]
    assert encoder.config == NORMED
    owned = {id(parameter) for parameter in model.parameters()}
    assert all(id(parameter) in owned for parameter in encoder.parameters())
    fresh = BACKBONES.build(NORMED)
    fresh.load_state_dict(encoder.state_dict())
    clip = batch()[0]["clip_1"]
    torch.testing.assert_close(fresh.eval()(clip), encoder.eval()(clip))


def test_twin_keeps_its_own_batch_norm_statistics():
    model = build(video=NORMED, momentum=0.0)
    terms(model, batch())
    norm = [net.encoder.net[1] for net in (model.query, model.twin.net)]
    assert torch.equal(norm[0].weight, norm[1].weight)
    assert not torch.equal(norm[0].running_mean, norm[1].running_mean)


@pytest.mark.parametrize(
    ("layers", "hidden", "widths"),
    [(1, None, (8, 16)), (2, None, (8, 8, 16)), (3, 20, (8, 20, 20, 16))],
)
def test_heads(layers, hidden, widths):
    projector = build(head_layers=layers, hidden=hidden).query.projector
    linear = [layer for layer in projector if isinstance(layer, nn.Linear)]
    assert (linear[0].in_features, *(layer.out_features for layer in linear)) == widths


def test_clips_fall_anywhere_each_with_its_own_augmentation():
    sampling = MoCo.sampling(clip_len=16, seconds=1.6, clips=3)
    assert [view.augment for view in sampling.views.values()] == ["clip_1", "clip_2", "clip_3"]
    assert sampling.min_duration == 1.6
    times = draw_batch(sampling, 50)[1]["times"]
    starts = torch.stack([times[name].start[:, 0] for name in sampling.views])
    assert (starts[0] > starts[1]).any() and (starts[0] < starts[1]).any()
    together = draw_batch(MoCo.sampling(clips=3, same_time=True), 5)[1]["times"]
    assert torch.equal(together["clip_1"].start, together["clip_3"].start)
    assert len({view.augment for view in MoCo.sampling(same_time=True).views.values()}) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reduction": "max"}, "'mean' or 'sum'"),
        ({"clips": 1}, "clips must be at least 2"),
        ({"head_layers": 0}, "head_layers must be at least 1"),
        ({"queue": 0}, "queue must be at least 1"),
        ({"splits": 0}, "splits must be at least 1"),
        ({"momentum": 1.5}, r"momentum must lie in \[0, 1\]"),
        ({"temperature": 0.0}, "temperature above 0"),
    ],
)
def test_impossible_options_raise(options, said):
    with pytest.raises(ValueError, match=said):
        build(**options)


def test_only_the_term_contains_the_word():
    got = terms(build(), batch())
    assert [key for key in got if "loss" in key] == ["loss_contrast"]
    assert {"contrast_accuracy", "contrast_chance", "contrast_reported"} < got.keys()


def test_embeddings_of_the_batch_are_left_for_the_harness():
    model = build()
    model.loss(*batch())
    assert {name: tuple(z.shape) for name, z in model.embeddings.items()} == {
        "query": (4, 16),
        "key": (4, 16),
    }
    assert not any(z.requires_grad for z in model.embeddings.values())


def test_stock_train_step_finds_the_pairs():
    model = build(momentum=0.9, queue=16, drop_own=True)
    inputs, samples = batch(8)
    inputs["clip_2"] = inputs["clip_1"] + 0.1 * inputs["clip_2"]
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=3e-3))
    data = {"inputs": inputs, "data_samples": samples}
    logs = [model.train_step(data, wrapper) for _ in range(60)]
    early = sum(float(log["loss_contrast"]) for log in logs[3:6]) / 3
    assert float(logs[-1]["loss_contrast"]) < 0.2 * early
    assert float(logs[-1]["contrast_accuracy"]) == 1.0


def test_bfloat16_autocast_stays_close():
    want = terms(build(temperature=1.0), batch())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model = build(temperature=1.0)
        got = terms(model, batch())
    assert got["loss_contrast"] == pytest.approx(want["loss_contrast"], rel=1e-2)
    assert model.queue.entries.dtype == torch.float32


@pytest.mark.parametrize(
    "options", [{}, {"clips": 3, "symmetric": True, "drop_own": True, "reduction": "sum"}]
)
def test_two_processes_equal_one_with_both_batches(options, tmp_path):
    config = {**CONFIG, "momentum": 0.9, **options}
    one, several = assert_world_size_does_not_matter(config, tmp_path, steps=3)
    assert int(one["state"]["queue.cursor"]) in (2, 6)  # wrapped around
    for name in ("queue.entries", "queue.sources", "queue.cursor"):
        assert torch.equal(several[0]["state"][name], several[1]["state"][name])
