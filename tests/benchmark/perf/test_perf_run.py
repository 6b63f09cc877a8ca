"""Waits and overheads: what is counted as what, and that both loops train alike. Few clocks."""

from __future__ import annotations

import json

import pytest
import torch
from torch.utils.data import default_collate

from benchmark.cli import main as cli
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.mock import MockClips
from benchmark.perf import run as perf
from benchmark.perf import waits
from benchmark.perf.turns import BareLoop, Batches, InTurns, Turn, summarise
from benchmark.perf.waits import Ledger
from benchmark.pretrain import build, sampling_for, trainer
from benchmark.settings import load_recipe

SMALL = ("clip.clip_len=8", "clip.size=32", "video.base_channels=4", "audio.width=4")
STEADY = (
    *("pretrain.schedule=constant", "pretrain.warmup_epochs=0", "pretrain.epochs=2"),
    *("pretrain.optimizer=SGD", "pretrain.lr=0.05"),  # Adam makes much of the last digits
)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand."""

    class Clock:
        at = 0.0

        def perf_counter(self):
            return self.at

    found = Clock()
    monkeypatch.setattr(waits, "time", found)
    return found


def test_waits_end_where_steps_begin(clock):
    """Two epochs of two steps; what happens between epochs counts as neither."""
    ledger = Ledger()
    for preparing in (5.0, 7.0):
        clock.at += preparing
        ledger.free()
        for wait, step in ((1.0, 3.0), (2.0, 4.0)):
            clock.at += wait
            ledger.begin()
            clock.at += step
            ledger.end()
    assert ledger.waits == [1.0, 2.0, 1.0, 2.0] and ledger.steps == [3.0, 4.0, 3.0, 4.0]
    assert ledger.share(after=0) == 6 / 20 and ledger.share(after=1) == 5 / 16
    ledger.hooks["Curves"] += [0.5, 0.5, 0.001, 0.001, 0.003, 0.001, 0.0, 0.0]
    ledger.hooks["Dear"] += [0.0, 1.0] * 4
    assert ledger.hooks_ms(after=1) == pytest.approx({"Dear": 1000.0, "Curves": 2.0})
    assert next(iter(ledger.hooks_ms(after=1))) == "Dear"


def test_overhead_is_the_median_of_differences():
    turns = [Turn(0.100, 0.102), Turn(0.200, 0.240), Turn(0.100, 0.103)]
    found = summarise(turns)
    assert found["overhead_ms"] == pytest.approx(3.0) and found["small_step_ms"] == 100.0
    assert found["small_step"] == pytest.approx(1.03)
    assert found["small_step_quartiles"] == pytest.approx((1.025, 1.115))


@pytest.mark.parametrize("name", ["glcm", "cpc"])  # which draw nothing of their own
def test_the_bare_loop_makes_the_steps_of_the_runner(name, tmp_path):
    """Same weights after the same batches: what is compared differs in the framework alone."""
    recipe = load_recipe("demo", objectives=(name,), overrides=(*SMALL, *STEADY))
    options = recipe.objectives.get(name, {})
    sampling = sampling_for(name, options, recipe)
    clips = MockClips(sampling, size=recipe.clip.size, count=6)
    batches = Batches([default_collate([clips[i], clips[i + 1]]) for i in (0, 2, 4)])

    def model():
        torch.manual_seed(0)
        preprocessor = ClipPreprocessor(
            sampling.views, size=recipe.clip.size, augment=recipe.pretrain.augment
        )
        return build(name, options, recipe=recipe, preprocessor=preprocessor)

    bare, ours = model(), model()
    turns = InTurns(batches, BareLoop(bare, recipe.pretrain, precision="fp32"))
    runner, _, _ = trainer(
        name, ours, turns, recipe=recipe, seed=0, out=tmp_path, report=lambda event: None
    )
    runner.train()
    assert len(turns.turns) == 6 and all(t.bare > 0 and t.runner > 0 for t in turns.turns)
    there = bare.state_dict()
    for key, value in ours.state_dict().items():
        torch.testing.assert_close(value, there[key], rtol=1e-4, atol=1e-5, msg=key)


def test_the_command(mini_cache, capsys, monkeypatch):
    monkeypatch.setattr(perf, "TURNS", 4)
    monkeypatch.setattr(perf, "WARM_UP", 2)
    options = [word for one in (*SMALL, "pretrain_clips=32") for word in ("-o", one)]
    words = ["perf", "run", "--objective", "glcm,scratch", "--steps", "2", *options]
    assert cli.execute([*words, "--json"]) == 0
    (cost,) = json.loads(capsys.readouterr().out)["objectives"]
    assert cost["objective"] == "glcm" and cost["data"] == "mini-kav (miniature)"
    assert (cost["batch"], cost["steps"], cost["turns"]) == (16, 2, 6)  # whole epochs
    assert 0 < cost["data_wait"] < 1
    assert cost["clips_per_second"] == pytest.approx(16 * cost["steps_per_second"])
    ours = {"MeanLogs", "Progress", "FiniteLoss", "Scalars", "Checkpoint", "ParamSchedulerHook"}
    assert ours <= cost["hooks_ms"].keys() and not {"First", "Last"} & cost["hooks_ms"].keys()
    assert cost["overhead"] == pytest.approx(cost["overhead_ms"] / cost["step_ms"])
    assert cost["limits"] == {"data_wait": 0.05, "overhead_ms": 3.0}
    monkeypatch.setattr(perf, "WAIT_LIMIT", 0.0)
    assert cli.execute(words) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "ABOVE data wait" in out and "rest of the overhead" in out
    assert cli.execute(["perf", "run", "--objective", "scratch"]) == 2
    assert cli.execute([*words, "-o", "pretrain.batch_size=64"]) == 3
    assert "less than one batch of 64" in " ".join(capsys.readouterr().err.split())
