"""Gain, balance and agreement from `bench report`, under the scopes of the installed tasks."""

import csv
import json

import pytest

from benchmark.cli import main as cli
from benchmark.report import FORMATS
from benchmark.results.store import RecordStore

TITLES = ("Normalised gain", "Local and global tasks", "Agreement with GLCM Table 4")
NAMES = ["gain", "balance", "agreement"]
TASKS = {"lrw": 1.0, "dfdc": 0.5, "ucf101": -1.0}  # how fast scores rise from row to row


@pytest.fixture
def runs(tmp_path, make_record, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    store = RecordStore(tmp_path / "runs")
    for place, name in enumerate(("scratch", "moco", "cpc", "glcm", "supervised")):
        for task, slope in TASKS.items():
            for seed in (0, 1, 2):
                value = 50 + 4 * place * slope + seed * (1 + place % 3)
                fields = {"version": 99}  # of the objective: never older than the installed one
                fields |= {"pretrain": None} if name == "scratch" else {}
                store.write(make_record(name, task, value, seed=seed, **fields))


def test_they_are_told_unasked_and_can_be_asked_for(runs, capsys):
    assert cli.execute(["report", "--runs", "runs"]) == 0
    told = capsys.readouterr().out
    assert cli.execute(["report", "--runs", "runs", "--tables", ",".join(NAMES)]) == 0
    asked = capsys.readouterr().out
    for title in TITLES:
        assert title in told
        assert title in asked
    assert "Objectives x tasks" not in asked
    assert max(map(len, asked.splitlines())) <= 80
    # supervised is worse than scratch on UCF101: a dash, and the reason
    assert "on UCF101 (finetune), Supervised is not better" in " ".join(asked.split())


def test_they_are_written_in_every_format(runs, tmp_path):
    command = ["report", "--runs", "runs", "--out", "out", "--format", ",".join(FORMATS)]
    assert cli.execute(command) == 0
    assert cli.execute([*command, "--tables", ",".join(NAMES)]) == 0
    for suffix in ("md", "html", "tex"):
        text = (tmp_path / "out" / f"report.{suffix}").read_text(encoding="utf-8")
        assert all(title in text for title in TITLES), suffix
    tables = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert [table["name"] for table in tables] == NAMES
    with (tmp_path / "out" / "report.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["table"] for line in lines} == set(NAMES)
    [gain] = [
        line
        for line in lines
        if (line["table"], line["row"], line["column"]) == ("gain", "CPC", "LRW")
    ]
    # by hand, seeds 0, 1, 2: (58 - 50) / (66 - 50), (61 - 51) / (68 - 51), (64 - 52) / (70 - 52)
    assert float(gain["value"]) == pytest.approx((8 / 16 + 10 / 17 + 12 / 18) / 3)
    assert gain["n"] == "3"
