"""Records tell whose code a number comes from: objective, task and backbones."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import pytest

from benchmark import records
from benchmark.plan_request import RunRequest
from benchmark.planning import planned
from benchmark.results.schema import Record
from registries import plugins

PLUGIN = '''
"""An objective, a task and a backbone of mine."""
from dataclasses import replace

from benchmark.backbones.resnet3d import ResNet3d
from benchmark.tasks.ucf101 import UCF101
from objectives.random_init import RandomInit
from registries.registry import BACKBONES, OBJECTIVES, TASKS


@OBJECTIVES.register_module(name="my_objective")
class MyObjective(RandomInit):
    """Nothing is learnt."""


@TASKS.register_module(name="my_task")
class MyTask(UCF101):
    """UCF101 again."""

    card = replace(UCF101.card, name="my_task")


@BACKBONES.register_module(name="my_backbone")
class MyBackbone(ResNet3d):
    """A ResNet again."""
'''


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_files", {kind: {} for kind in plugins.BUILTIN})
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    plugins.add_file(path)
    return path


def test_code_of_a_file_is_named_with_its_hash_and_not_its_folder(file, tmp_path, mini_cache):
    request = RunRequest(
        objectives=("my_objective",),
        tasks=("my_task",),
        backbones=("my_backbone",),
        out=tmp_path,
        plugins=(file,),
    )
    plan = planned(request)
    mine = f"file mine.py sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert records.objective_info(plan.cells[0].encoder).source == mine
    assert records.task_info(plan.cells[0]).source == mine
    audio = plan.recipe.audio["type"]
    assert records.backbone_info(plan).sources == {"my_backbone": mine, audio: "builtin"}


def test_code_of_the_suite_is_builtin(tmp_path, mini_cache):
    plan = planned(RunRequest(objectives=("random",), tasks=("ucf101",), out=tmp_path))
    assert records.objective_info(plan.cells[0].encoder).source == "builtin"
    assert records.task_info(plan.cells[0]).source == "builtin"
    assert set(records.backbone_info(plan).sources.values()) == {"builtin"}


def test_a_backbone_of_another_registry_is_its_distributions():
    pytest.importorskip("mmaction", reason="Linux x86-64 only")
    found = plugins.source("backbones", "mmaction.ResNet3dSlowOnly")
    assert found == f"plug-in mmaction2=={version('mmaction2')}"
    assert plugins.source("backbones", "nowhere.Net") == "nowhere"
    assert plugins.source("backbones", "registered_by_an_import") == "unknown"


def test_records_from_before_it_was_noted_are_read(make_record):
    fields = make_record().model_dump(mode="json")
    for part, field in (("task", "source"), ("backbone", "sources")):
        del fields[part][field]
    old = Record.model_validate(fields)
    assert (old.task.source, old.backbone.sources) == ("", {})  # not known, and not "builtin"
