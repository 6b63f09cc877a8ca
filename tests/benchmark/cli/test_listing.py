"""`list`, `describe` and `doctor`: what they say about the built-in names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli import doctor, main, names
from registries import plugins


@pytest.fixture
def answer(capsys, monkeypatch, tmp_path):
    """Run one command with --json; returns what it printed."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str):
        assert main.execute([*arguments, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return call


def test_tasks_are_listed_with_the_facts_of_their_cards(answer):
    """Cards are read from source text; importing them must say the same."""
    from registries.registry import TASKS

    rows = {row["name"]: row for row in answer("list", "tasks")}
    assert rows.keys() == plugins.available("tasks").keys()
    for name, row in rows.items():
        plugins.load("tasks", name)
        card = TASKS.module_dict[name].card
        direction = "up" if card.higher_is_better else "down"
        assert row == {
            "name": name,
            "metric": f"{card.main_metric} {direction}",
            "scope": card.scope,
            "dataset": card.dataset,
            "summary": card.title,
        }


def test_objectives_name_their_papers(answer):
    """Papers are read from source text; importing them must say the same."""
    from registries.registry import OBJECTIVES

    for row in answer("list", "objectives"):
        plugins.load("objectives", row["name"])
        assert row["paper"] == OBJECTIVES.module_dict[row["name"]].paper


def test_datasets_name_their_tasks_and_stand_ins(answer):
    rows = {row["name"]: row for row in answer("list", "datasets")}
    assert rows["lrw"]["tasks"] == "lrw"
    assert rows["lrw"]["miniature"] == "mini-lrw"


def test_runs_are_listed_by_file(answer, tmp_path):
    assert answer("list", "runs", "--runs", str(tmp_path)) == []
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "abc-1.json").write_text("{}")
    (row,) = answer("list", "runs", "--runs", str(tmp_path))
    assert (row["name"], row["kind"]) == ("abc-1", "eval")


def test_describe_an_objective(answer):
    facts = answer("describe", "glcm")
    assert facts["kind"] == "objective"
    assert facts["views"]
    assert not {"self", "video", "audio", "data_preprocessor"} & facts["options"].keys()
    handed = facts["parameters"]["handed_down"]
    assert facts["parameters"]["trained"] >= sum(handed.values()) > 0


def test_describe_names_losses_and_heads(answer):
    facts = answer("describe", "moco")
    assert facts["losses"]["minimised"] == "loss_contrast"
    assert "contrast_accuracy" in facts["losses"]["logged"]
    parameters = facts["parameters"]
    assert parameters["trained"] == parameters["handed_down"]["video"] + sum(
        parameters["heads"].values()
    )


def test_describe_a_task_and_a_preset(answer):
    assert answer("describe", "lrw")["card"]["main_metric"] == "top1"
    assert "finetune" in answer("describe", "demo")["recipe"]


def test_text_of_describe_fits_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main.execute(["describe", "lrw"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("lrw (task)\n")
    assert max(map(len, out.splitlines())) <= 80


def test_doctor_decodes_and_reports(answer, tmp_path):
    said = answer("doctor", "--out", str(tmp_path / "runs"))
    checks = {check["name"]: check for check in said["checks"]}
    assert said["ready"]
    assert checks["decode"]["found"] == "H.264 and AAC, 25 frames with sound"
    assert checks["records"]["state"] == "ok"
    assert not (tmp_path / "runs").exists()  # a probe leaves nothing behind


def test_doctor_names_what_is_missing(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(doctor, "REQUIRED", ("a-package-nobody-has",))
    (tmp_path / "file").write_text("")
    assert main.execute(["doctor", "--out", str(tmp_path / "file" / "runs")]) == 3
    out = capsys.readouterr().out
    assert "pip install a-package-nobody-has" in " ".join(out.split())
    assert "not ready" in out


def test_a_folder_that_refuses_is_missing(tmp_path):
    (tmp_path / "file").write_text("")
    check = doctor.writable("records", tmp_path / "file", variable="--out")
    assert check.state == "missing"
    assert "--out" in check.mend


@pytest.mark.parametrize(
    ("text", "expected"), [("3", (0, 1, 2)), ("0,5", (0, 5)), ("7,", (7,)), ("1,1", (1,))]
)
def test_seeds(text, expected):
    assert names.seeds(text) == expected


def test_headers_of_packaged_presets_are_listed(answer):
    rows = answer("list", "presets")
    files = Path(__file__).resolve().parents[3] / "configs" / "presets"
    assert {row["name"] for row in rows} == {
        path.stem.replace("_", "-") for path in files.glob("*.py")
    }
    assert all(row["summary"] for row in rows)


def test_a_suite_is_described_with_its_blocks_and_hypotheses(answer, capsys):
    facts = answer("describe", "leaderboard-real")
    assert facts["kind"] == "suite"
    assert facts["blocks"]["words"]["tasks"] == ["grid_words"]
    assert main.execute(["describe", "leaderboard-cpu"]) == 0
    shown = capsys.readouterr().out
    assert "(preset and suite)" in shown
    assert "finetune.batch_size" in shown  # the preset's
    assert "Kendall" in shown  # a hypothesis of the suite's
