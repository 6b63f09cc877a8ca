"""`bench check`: what it prints and returns for sound and broken plug-ins, and its mock runs."""

from __future__ import annotations

import json

import pytest
import torch

from benchmark.cli import main as cli
from benchmark.mock import mock_pretrain, task_checks
from benchmark.settings import load_recipe
from objectives.glcm import GLCM
from registries import plugins
from registries.checks import CHECKS
from registries.registry import TASKS

OBJECTIVE = '''
"""A plug-in."""
from registries.objective import Objective
from registries.registry import OBJECTIVES
from registries.sampling import ClipSampling


@OBJECTIVES.register_module(name="broken_one")
class Broken(Objective):
    """An objective that does nothing."""

    expected_failures = {"check_build": "declared, yet it builds"}

    @classmethod
    def sampling(cls, *, clip_len=32, seconds=3.2):
        return ClipSampling({})

    def loss(self, inputs, data_samples):
        return {}

    def encoders(self):
        return {}
'''


@pytest.fixture
def bench(capsys, monkeypatch):
    """Run one command line; returns its exit code, stdout, and stderr on one line."""
    monkeypatch.setattr(plugins, "_files", {kind: {} for kind in plugins.BUILTIN})

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.execute(list(arguments))
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


@pytest.fixture
def small():
    """The demo recipe with the narrowest backbones."""
    overrides = ("clip.clip_len=8", "clip.size=32", "video.base_channels=4", "audio.width=4")
    return load_recipe("demo", objectives=("glcm", "scratch"), overrides=overrides)


def test_a_sound_objective(bench):
    code, out, _ = bench("check", "glcm", "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["kind"]) == (0, True, "objective")
    states = {check["check"]: check["state"] for check in found["checks"]}
    assert list(states) == [*CHECKS, "mock_run"]
    assert states.pop("check_batch_sizes") == "expected"
    assert set(states.values()) == {"ok"}


def test_a_broken_plugin_is_told_what_to_mend(bench, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OBJECTIVE)
    code, out, _ = bench("check", "broken_one", "--plugin", str(path))
    lines = [line.split(maxsplit=2) for line in out.splitlines() if line.startswith(("c", "m"))]
    results = {words[0]: words[1] for words in lines}
    assert code == 1
    assert results["check_build"] == "NOT" and results["check_sampling"] == "FAILED"
    assert results["mock_run"] == "FAILED"
    assert "declares no views" in " ".join(out.split())
    assert "objective broken_one: to mend: check_build, check_sampling" in out


def test_an_unknown_name(bench):
    code, _, err = bench("check", "glmc")
    assert code == 2 and "Did you mean 'glcm'?" in err


@pytest.mark.parametrize("name", plugins.available("tasks"))
def test_tasks_keep_theirs(bench, name):
    code, out, _ = bench("check", name)
    assert code == 0, out
    assert f"task {name}: keeps its contract" in out
    untrained = {"fingerprint", "localise", "localise_flickr"}  # they have no head
    assert ("check_head" in out) == (name not in untrained)


def test_a_mock_run_trains_and_hands_down(small, tmp_path):
    logs = mock_pretrain("glcm", recipe=small, out=tmp_path)
    assert {"loss_global", "loss_local"} <= logs.keys()
    assert (tmp_path / "encoders.pt").is_file()
    assert mock_pretrain("scratch", recipe=small, out=tmp_path / "scratch") == {}


def test_an_encoder_that_loses_something_on_its_way_through_a_file(small, tmp_path, monkeypatch):
    whole = GLCM.encoders

    def encoders(self):
        found = whole(self)
        found["audio"].blocks[0].relu = torch.nn.Tanh()
        return found

    monkeypatch.setattr(GLCM, "encoders", encoders)
    with pytest.raises(AssertionError, match="audio encoder computes something else"):
        mock_pretrain("glcm", recipe=small, out=tmp_path)


@pytest.mark.parametrize(
    ("attribute", "value", "check", "message"),
    [
        ("card.name", "other", "check_card", "called 'other'"),
        ("card.licence", "", "check_card", r"nothing under \['licence'\]"),
        ("card.inputs", ("a",), "check_views", r"views \['video'\] must be among"),
        ("card.main_metric", "auc", "check_metrics", r"gives \['top1'\]"),
        ("chance", lambda self: float("nan"), "check_metrics", "must be a number"),
        ("head.pool", "all", "check_head", "pool 'all' is none of"),
        ("head.loss", lambda *_: {"loss": 0}, "check_head", "finite loss_<term>"),
        ("head.predict", lambda *_: torch.zeros(4, 3), "check_head", r"shape \(4, 3\)"),
        (
            "head.predict",
            lambda _, x: (x[:, :2] - x[:, :2].mean()) * len(x),
            "check_head",
            "otherwise",
        ),
    ],
)
def test_a_broken_task_is_caught(monkeypatch, attribute, value, check, message):
    from dataclasses import replace

    from benchmark.heads.linear import LinearHead

    cls = TASKS.build({"type": "ucf101", "source": None}).__class__
    owner, _, field = attribute.rpartition(".")
    if owner == "card":
        monkeypatch.setattr(cls, "card", replace(cls.card, **{field: value}))
    else:
        monkeypatch.setattr(LinearHead if owner == "head" else cls, field, value)
    run = task_checks("ucf101", recipe=load_recipe("demo", tasks=("ucf101",)))[check]
    with pytest.raises(AssertionError, match=message):
        run()
