"""Costs: which encoder passes are counted and made again, and what is told of them. No clocks."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from benchmark.cli import main as cli
from benchmark.encoder_calls import recorded
from benchmark.perf import objectives as perf
from benchmark.pretexts import pretexts
from benchmark.settings import load_recipe
from registries.check_base import Subject, step
from registries.encoder import Encoder
from registries.errors import UsageError

SMALL = ("clip.clip_len=8", "clip.size=32", "video.base_channels=4", "audio.width=4")


@pytest.fixture
def watched(monkeypatch):
    """Counts how often the inside of a convolution runs, and what a backward pass reaches."""
    seen = []
    real = nn.Conv3d.forward

    def forward(self, x):
        seen.append((id(self), tuple(x.shape), torch.is_grad_enabled()))
        return real(self, x)

    monkeypatch.setattr(nn.Conv3d, "forward", forward)
    return seen


class Bare(nn.Module):
    """An encoder called three times and nothing else."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, clip):
        with torch.no_grad():
            self.encoder(clip[:1])
        inner = self.encoder.intermediates(clip, ("layer3", "layer4"))
        return sum(found.mean() for found in (*self.encoder(clip), *inner))


def test_replaying_makes_the_same_passes_as_the_encoder_alone(watched):
    encoder = Subject.of("moco").build().query.encoder
    model, clip = Bare(encoder), torch.randn(2, 3, 4, 32, 32)
    with recorded(model) as calls:
        model(clip)
    first = watched[:]
    watched.clear()
    reference = perf.Reference(calls, precision="fp32")
    reference.once()
    assert [(c.stages, c.grad, len(c.clip)) for c in calls] == [
        (None, False, 1),
        (("layer3", "layer4"), True, 2),
        (None, True, 2),
    ]
    assert sorted(watched) == sorted(first)
    assert all(p.grad is not None for p in encoder.parameters())
    assert "forward" not in vars(encoder) and "intermediates" not in vars(encoder)


@pytest.mark.parametrize("name", list(perf.LIMITS))
def test_every_pass_of_an_objective_is_found(name, watched):
    """Convolutions of encoders run as often in the step as in the replay, or in neither."""
    subject = Subject.of(name)
    model, batch = subject.build(), subject.batch()
    inside = {
        id(part)
        for encoder in model.modules()
        if isinstance(encoder, Encoder)
        for part in encoder.modules()
    }
    with recorded(model) as calls:
        step(model, batch)
    first = sorted(entry for entry in watched if entry[0] in inside)
    watched.clear()
    perf.Reference(calls, precision="fp32").once()
    assert first and sorted(watched) == first
    assert {call.encoder.modality for call in calls} >= {"video"}


def test_passes_of_twins_count_and_have_no_gradient():
    subject = Subject.of("moco")
    model = subject.build()
    with recorded(model) as calls:
        step(model, subject.batch())
    assert [call.grad for call in calls] == [True, False]
    assert calls[0].encoder is model.query.encoder
    assert calls[1].encoder is model.twin.net.encoder


def test_pathways_count_once():
    subject = Subject.of("glcm")
    model = subject.build()
    with recorded(model) as calls:
        step(model, subject.batch())
    assert [call.encoder for call in calls] == [model.trunks[0], model.audio]


def test_ratios_are_medians_within_turns():
    turns = [perf.Turn(2, 1, 2), perf.Turn(30, 10, 20), perf.Turn(3, 1, 1)]
    found = perf.summarise(turns)
    assert found["ratio"] == 1.5 and found["with_optimiser"] == 2.0
    assert found["quartiles"] == (1.25, 2.25)
    assert (found["step_seconds"], found["reference_seconds"]) == (3, 2)
    assert perf.summarise(turns[:1])["quartiles"] == (1, 1)


def test_limits_name_pretexts_and_anchors_are_left_out():
    assert set(pretexts(perf.LIMITS)) == set(perf.LIMITS)
    assert pretexts(["scratch", "glcm", "supervised", "random"]) == ("glcm",)
    with pytest.raises(UsageError, match="no pretext"):
        pretexts(["scratch"])


def test_measuring_leaves_the_weights_alone_and_the_thread_count():
    recipe = load_recipe("demo", objectives=("glcm",), overrides=SMALL)
    threads = torch.get_num_threads()
    cost = perf.measure("glcm", recipe, batch=2, repeats=1)
    assert torch.get_num_threads() == threads
    assert [(p.modality, p.shape) for p in cost.passes] == [
        ("video", (2, 3, 8, 32, 32)),
        ("audio", (2, 80, 24)),
    ]
    objective, _ = perf._ready("glcm", recipe, 2)
    before = {key: value.clone() for key, value in objective.named_parameters()}
    for parameter in objective.parameters():
        parameter.grad = torch.ones_like(parameter)
    perf._still(objective, recipe).step()
    assert all(torch.equal(value, before[key]) for key, value in objective.named_parameters())


def test_the_command(capsys, monkeypatch):
    options = [word for one in SMALL for word in ("-o", one)]
    words = ["perf", "objectives", "--objective", "moco,scratch", "--batch", "4", "--repeats", "1"]
    assert cli.execute([*words, *options, "--json"]) == 0
    (cost,) = json.loads(capsys.readouterr().out)["objectives"]
    assert cost["objective"] == "moco" and cost["limit"] == 1.25 and cost["batch"] == 4
    assert [found["grad"] for found in cost["passes"]] == [True, False]
    assert cost["above"] == (cost["ratio"] > 1.25)
    monkeypatch.setitem(perf.LIMITS, "moco", (0.0, "nothing is free"))
    assert cli.execute([*words, *options]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "2 video (8); 1 without gradient" in out and "ABOVE" in out
    assert cli.execute(["perf", "objectives", "--objective", "scratch"]) == 2
