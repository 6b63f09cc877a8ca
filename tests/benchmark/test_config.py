"""Recipes are data: parsed, never executed, merged over one base, misspellings refused."""

import json

import pytest

from benchmark import config
from benchmark.cli import main as cli
from benchmark.plan_request import RunRequest
from benchmark.settings import Finetune, load_recipe
from benchmark.summary import retry_command
from benchmark.validation import validate
from registries.errors import UsageError


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def test_literals_and_dict_calls_at_any_depth(tmp_path):
    path = write(tmp_path, "a.py", '"""Head."""\na = dict(b=(1, dict(c=-2.5)), d=[None, True])\n')
    assert config.load(path) == {"a": {"b": (1, {"c": -2.5}), "d": [None, True]}}


@pytest.mark.parametrize(
    "line",
    ["import os", "a = open('x')", "a = [i for i in range(3)]", "print(1)", "a = b", "a.b = 1"],
)
def test_anything_but_literals_is_refused_and_not_executed(tmp_path, line):
    with pytest.raises(UsageError, match=r"line 1.*never executed|never executed"):
        config.load(write(tmp_path, "a.py", line + "\n"))


def test_syntax_error_names_file_and_line(tmp_path):
    with pytest.raises(UsageError, match=r"bad\.py, line 2"):
        config.load(write(tmp_path, "bad.py", "a = 1\nb = (\n"))


def test_one_level_of_base(tmp_path):
    write(tmp_path, "base.py", "a = dict(x=1, y=2)\nb = 3\n")
    child = write(tmp_path, "child.py", '_base_ = "base.py"\na = dict(y=5)\n')
    assert config.load(child) == {"a": {"x": 1, "y": 5}, "b": 3}
    grandchild = write(tmp_path, "grand.py", '_base_ = "child.py"\n')
    with pytest.raises(UsageError, match="one level"):
        config.load(grandchild)


def test_a_dict_can_replace_instead_of_merge():
    merged = config.merge({"a": {"x": 1}}, {"a": {"_replace_": True, "y": 2}})
    assert merged == {"a": {"y": 2}}


def test_override_reads_literals_else_strings():
    found = config.override({"a": {"b": 1}}, ("a.b=2.5", "a.c=word", "d=(1, 2)"))
    assert found == {"a": {"b": 2.5, "c": "word"}, "d": (1, 2)}
    with pytest.raises(UsageError, match="key=value"):
        config.override({}, ("novalue",))


def test_every_packaged_preset_is_a_valid_recipe():
    presets = config.names("presets")
    assert {"demo", "mini", "paper-15k", "paper-240k"} <= set(presets)
    for name, header in presets.items():
        recipe = load_recipe(name, objectives=("glcm",), tasks=("lrw", "dfdc", "ucf101"))
        assert recipe.finetune_for("lrw").epochs >= 1
        assert header.endswith((".", ":")) or header


def test_later_sources_win():
    demo = load_recipe("demo", objectives=("glcm",))
    assert demo.objectives["glcm"]["denominator"] == "symmetric"  # configs/objectives
    assert demo.objectives["glcm"]["normalize"] is True  # the preset wins over it
    over = load_recipe("demo", objectives=("glcm",), overrides=("objectives.glcm.normalize=False",))
    assert over.objectives["glcm"]["normalize"] is False


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("finetune.epoch=3", "finetune.epochs"),
        ("clip.sise=64", "clip.size"),
        ("presicion=fp32", "precision"),
        ("tasks.lrw.finetune.epoch=3", "epochs"),
    ],
)
def test_a_misspelt_option_names_the_nearest_one(override, nearest):
    with pytest.raises(UsageError, match=f"Did you mean '{nearest}'"):
        load_recipe("demo", tasks=("lrw",), overrides=(override,)).finetune_for("lrw")


def test_a_value_out_of_range_is_named():
    with pytest.raises(UsageError, match=r"here: option 'epochs' is 0"):
        validate(Finetune, {"epochs": 0, "batch_size": 4, "lr": 0.1}, where="here")


def test_folds_must_be_official():
    recipe = load_recipe("demo", overrides=("tasks.ucf101.folds=(4,)",))
    with pytest.raises(UsageError, match="folds"):
        recipe.folds_for("ucf101", (1, 2, 3))
    assert load_recipe("paper-15k").folds_for("ucf101", (1, 2, 3)) == (1, 2, 3)


@pytest.mark.parametrize("suffix", [".py", ".json", ".toml"])
def test_a_preset_of_ones_own_is_read_from_its_file(tmp_path, suffix):
    """The same budget written three ways is the packaged one with its change."""
    change = {
        ".py": "clip = dict(size=48)\n",
        ".json": '{"clip": {"size": 48}}',
        ".toml": "[clip]\nsize = 48\n",
    }
    base = {".py": '_base_ = "base.json"\n', ".json": '{"_base_": "base.json", ', ".toml": ""}
    base[".toml"] = '_base_ = "base.json"\n'
    whole = config.load_packaged("presets", "demo")
    write(tmp_path, "base.json", json.dumps(whole))
    text = base[suffix] + change[suffix].removeprefix("{" if suffix == ".json" else "")
    found = load_recipe(write(tmp_path, f"own{suffix}", text), objectives=("glcm",))
    want = load_recipe("demo", objectives=("glcm",), overrides=("clip.size=48",))
    assert found.model_dump_json() == want.model_dump_json() and found.clip.size == 48


def test_a_preset_of_ones_own_is_named_in_the_retry_command(tmp_path):
    request = RunRequest(objectives=("glcm",), tasks=("lrw",), preset=tmp_path / "own.toml")
    assert f"--config {tmp_path / 'own.toml'}" in retry_command(request)
    assert "--preset" not in retry_command(request)


def test_a_preset_and_a_file_are_one_too_many(tmp_path, capsys):
    path = write(tmp_path, "own.toml", "")
    ask = ["run", "--objective", "random", "--tasks", "ucf101", "--preset", "mini"]
    assert cli.execute([*ask, "--config", str(path)]) == 2
    assert "leave out --preset" in capsys.readouterr().err
