"""Names are found without importing what they stand for, in packages, distributions and files."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from registries import plugins
from registries.errors import NotReadyError, UsageError, unknown

SOURCE = '''
"""A plug-in."""
from registries.objective import Objective
from registries.registry import OBJECTIVES


@OBJECTIVES.register_module(name="from_file")
class Mine(Objective):
    """An objective of mine."""
'''


@pytest.fixture
def forgotten(monkeypatch):
    """Whatever a test adds is gone after it."""
    monkeypatch.setattr(plugins, "_files", {kind: {} for kind in plugins.BUILTIN})


def test_built_in_names_are_read_from_the_source_text():
    found = plugins.available("objectives")
    assert found["glcm"].module == "objectives.glcm" and found["glcm"].source == "builtin"
    assert list(found) == sorted(found)
    assert {"lrw", "dfdc", "ucf101"} <= set(plugins.available("tasks"))
    assert {"r3d_18", "resnet3d", "resnet1d_18"} <= set(plugins.available("backbones"))


def test_the_file_is_named_after_what_it_registers():
    for kind in ("objectives", "tasks"):
        for name, plugin in plugins.available(kind).items():
            if plugin.source == "builtin" and name != "random":  # `random` is a standard module
                assert plugin.module.rpartition(".")[2] == name


def test_an_unknown_name_comes_with_the_nearest():
    with pytest.raises(UsageError, match=r"unknown objective 'glmc'. Did you mean 'glcm'\?"):
        plugins.load("objectives", "glmc")
    assert "Did you mean" not in str(unknown("task", "zzzzzz", ["lrw"]))


def test_a_file_adds_its_names(forgotten, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    plugins.add_file(path)
    assert plugins.available("objectives")["from_file"].summary == "An objective of mine"
    assert plugins.load("objectives", "from_file").module in sys.modules


@pytest.mark.parametrize("text", ["x = 1\n", None])
def test_a_file_that_is_missing_or_registers_nothing_is_refused(forgotten, tmp_path, text):
    path = tmp_path / "empty.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=str(path)):
        plugins.add_file(path)


def test_an_installed_distribution_adds_names_and_may_not_take_one(forgotten, monkeypatch):
    def points(name):
        point = EntryPoint(name, "their.module:Class", "bench.objectives")
        return lambda *, group: [point] if group == "bench.objectives" else []

    monkeypatch.setattr(plugins, "entry_points", points("theirs"))
    assert plugins.available("objectives")["theirs"].module == "their.module"
    assert "theirs" not in plugins.available("tasks")
    with pytest.raises(NotReadyError, match=r"'theirs'.*cannot be imported"):
        plugins.load("objectives", "theirs")
    monkeypatch.setattr(plugins, "entry_points", points("glcm"))
    with pytest.raises(UsageError, match=r"two objectives are called 'glcm'.*Rename"):
        plugins.available("objectives")
