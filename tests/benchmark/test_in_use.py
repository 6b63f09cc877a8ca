"""What is read from source text is what importing would tell."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmark import in_use
from benchmark.in_use import scopes_in_use, versions_in_use
from registries import plugins
from registries.registry import OBJECTIVES, TASKS
from registries.source_text import bases, card, constants


@pytest.mark.parametrize("name", list(plugins.available("objectives")))
def test_objectives_say_their_version_and_paper(name):
    plugin = plugins.load("objectives", name)
    found = OBJECTIVES.module_dict[name]
    told = constants(plugin)
    assert told.get("version", in_use.FIRST) == in_use._objective_version(name) == found.version
    assert told.get("paper", "") == found.paper
    assert bases(plugin) == tuple(base.__name__ for base in found.__bases__)


@pytest.mark.parametrize("name", list(plugins.available("tasks")))
def test_tasks_say_what_is_on_their_card(name):
    told, found = card(plugins.load("tasks", name)), TASKS.module_dict[name].card
    assert told["version"] == found.version and told["scope"] == found.scope
    assert all(getattr(found, key) == value for key, value in told.items())


def test_a_class_that_is_not_written_out_is_empty():
    plugin = plugins.Plugin("none", "benchmark.paths", "", "builtin")
    assert card(plugin) == constants(plugin) == {} and bases(plugin) == ()


def test_an_inherited_version_is_looked_up(tmp_path, monkeypatch):
    """A class made from another one may have its version: only importing tells."""
    (tmp_path / "heir.py").write_text(
        "from objectives.supervised import Supervised\n"
        "from registries.registry import OBJECTIVES\n\n\n"
        '@OBJECTIVES.register_module(name="heir")\n'
        "class Heir(Supervised):\n"
        '    """Nothing of its own."""\n'
    )
    monkeypatch.setattr(plugins, "_files", {kind: {} for kind in plugins.BUILTIN})
    plugins.add_file(tmp_path / "heir.py")
    try:
        assert in_use._objective_version("heir") == 2
    finally:
        OBJECTIVES.module_dict.pop("heir")
    assert in_use._objective_version("nobody") is None


def test_looking_at_records_imports_no_torch(make_record):
    records = [make_record(objective="glcm"), make_record(objective="supervised", task="ucf101")]
    current = versions_in_use(records)
    assert current["objective:supervised"] == 2 and current["task:ucf101"] == 1
    assert scopes_in_use(records) == {"lrw": "local", "ucf101": "global"}
    code = (
        "import sys; from benchmark import in_use; "
        "assert in_use._objective_version('moco') == in_use._task_version('lrw') == 1; "
        "assert in_use._scope('dfdc') and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
