"""The main job end to end, on generated clips and a backbone of a few channels."""

from __future__ import annotations

import json

import pytest
import torch

import benchmark.cells
import benchmark.run
from benchmark.cli import main as cli
from benchmark.results.running import running
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify

SMALL = (
    "tasks.ucf101.clip_len=4",
    "tasks.dfdc.clip_len=4",
    "clip.clip_len=8",
    "clip.size=32",
    "video.base_channels=4",
    "audio.width=4",
    "pretrain.epochs=1",
    "finetune.epochs=2",
)


@pytest.fixture(scope="module")
def bench(mini_cache, tmp_path_factory):
    """`bench(*arguments)` -> exit code; all calls share one folder of records."""
    out = tmp_path_factory.mktemp("runs")

    def call(*arguments, small=SMALL):
        options = [part for option in small for part in ("-o", option)]
        return cli.execute(["run", "--preset", "demo", "--out", str(out), *arguments, *options])

    call.store = RecordStore(out)
    return call


@pytest.fixture(scope="module")
def glcm_run(bench):
    assert bench("--objective", "glcm", "--tasks", "dfdc,ucf101") == 0
    return bench


def by_task(store):
    return {record.task.name: record for record in store.current() if record.task}


def test_one_record_a_cell_with_predictions_that_give_its_scores(glcm_run):
    records = by_task(glcm_run.store)
    assert set(records) == {"dfdc", "ucf101"}
    assert [p for p in verify(glcm_run.store) if p.level == "error"] == []
    dfdc, ucf = records["dfdc"], records["ucf101"]
    assert dfdc.data.kind == ucf.data.kind == "miniature"
    kinds = {f"auc:F{kind}" for kind in (1, 2, 3, 4)}  # those that the few test clips have
    assert {"auc", "hard_auc"} <= set(dfdc.scores) <= {"auc", "hard_auc", *kinds}
    assert len(dfdc.scores) > 2 and set(ucf.scores) == {"top1", "top5"}
    assert dfdc.scores["auc"].n == 24 and ucf.checks.chance == pytest.approx(100 / 18)
    assert dfdc.pretrain.run_id == ucf.pretrain.run_id  # pretrained once
    assert dfdc.pretrain.clips == 96 and dfdc.selection.rule == "best_val"


def test_the_same_call_again_answers_from_the_records(glcm_run, monkeypatch, capsys):
    def must_not_run(*arguments, **options):
        raise AssertionError("a finished cell was run again")

    monkeypatch.setattr(benchmark.cells, "evaluate", must_not_run)
    monkeypatch.setattr(benchmark.cells, "pretrain", must_not_run)
    assert glcm_run("--objective", "glcm", "--tasks", "dfdc,ucf101") == 0
    said = capsys.readouterr()
    assert "2 of 2 cells done, 2 answered from the records" in said.err
    assert "GLCM" in said.out or "glcm" in said.out


def test_checkpoints_go_once_the_record_is_written(glcm_run):
    assert list(glcm_run.store.root.rglob("*.pth")) == []
    assert list(glcm_run.store.root.rglob("events.out.tfevents*"))  # the curves stay


def test_force_trains_from_the_first_step_again(glcm_run, monkeypatch):
    steps = []
    real = benchmark.cells.evaluate

    def watched(*arguments, report, **options):
        def heard(event):
            steps.append(event.get("step"))
            report(event)

        return real(*arguments, report=heard, **options)

    monkeypatch.setattr(benchmark.cells, "evaluate", watched)
    assert glcm_run("--objective", "glcm", "--tasks", "dfdc", "--force") == 0
    assert steps[0] == 1
    scores = [r.scores["auc"].value for r in glcm_run.store.read_all() if r.task
              and r.task.name == "dfdc" and r.objective.name == "glcm"]  # fmt: skip
    assert len(scores) == 2 and scores[0] == scores[1]  # the same seed, the same number


def test_json_is_one_object(glcm_run, capsys):
    capsys.readouterr()
    assert glcm_run("--objective", "glcm", "--tasks", "dfdc", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["done"] == found["cached"] == 1 and found["exit"] == 0
    assert found["cells"]["dfdc glcm s0"]["scores"]["auc"]["n"] == 24


def test_another_recipe_is_another_cell(glcm_run, capsys):
    other = [*SMALL[:-1], "finetune.epochs=3"]
    code = glcm_run("--objective", "glcm", "--tasks", "dfdc", "--dry-run", "--json", small=other)
    plan = json.loads(capsys.readouterr().out)
    assert code == 0 and [cell["state"] for cell in plan["cells"]] == ["to run"]
    done = by_task(glcm_run.store)["dfdc"]
    assert plan["cells"][0]["pretrain_key"] == done.key_fields["encoder"]  # shared
    assert plan["cells"][0]["key"] != done.cell_key


def test_one_failing_cell_costs_no_other_and_is_retried(bench, monkeypatch, capsys):
    real = benchmark.cells.evaluate

    def fails_on_dfdc(encoders, task, **options):
        if task.card.name == "dfdc":
            logs = {"loss": torch.zeros(())}
            step = {"step": 7, "steps": 9, "epoch": 1, "epochs": 1, "data_wait": 0.0, "logs": logs}
            options["report"](step)
            raise RuntimeError("no memory left")
        return real(encoders, task, **options)

    with monkeypatch.context() as patch:
        patch.setattr(benchmark.cells, "evaluate", fails_on_dfdc)
        assert bench("--objective", "random", "--tasks", "dfdc,ucf101") == 1
    said = capsys.readouterr().err
    assert "FAILED dfdc random s0: RuntimeError: no memory left at step 7 · log " in said
    assert "1 of 2 cells done" in said and "only what is missing runs" in said
    assert "failed dfdc random s0: RuntimeError: no memory left at step 7 (attempt 1)" in said
    assert f"bench run --objective random --tasks dfdc,ucf101 -o {SMALL[0]}" in said
    [failed] = [r for r in bench.store.read_all() if r.status == "failed"]
    assert failed.failure.message == "no memory left"
    assert (failed.failure.attempt, failed.failure.step) == (1, 7)
    assert 'File "benchmark/cells.py", line ' in failed.failure.traceback
    [log] = (bench.store.root / "failures").iterdir()
    assert str(log) in said and "raise RuntimeError" in log.read_text()
    assert bench("--objective", "random", "--tasks", "dfdc,ucf101") == 0
    assert "1 answered from the records" in capsys.readouterr().err


def test_a_cell_that_another_process_does_meanwhile_is_not_done_twice(
    bench, glcm_run, monkeypatch, capsys
):
    """The plan was made before the other one was ready; with the lock its record is found."""
    [done] = [
        record for record in glcm_run.store.current()
        if record.task and (record.task.name, record.objective.name) == ("dfdc", "glcm")
    ]  # fmt: skip
    real, asked = RecordStore.done, []

    def not_yet(store, key):
        asked.append(key)
        return (
            None if asked.count(done.cell_key) == 1 and key == done.cell_key else real(store, key)
        )

    def must_not_run(*arguments, **options):
        raise AssertionError("a finished cell was run again")

    monkeypatch.setattr(RecordStore, "done", not_yet)
    monkeypatch.setattr(benchmark.cells, "evaluate", must_not_run)
    assert bench("--objective", "glcm", "--tasks", "dfdc") == 0
    assert "dfdc glcm s0: another process has done it meanwhile" in capsys.readouterr().err


def test_a_cell_is_seen_running_while_it_runs(bench, monkeypatch):
    seen = []
    real = benchmark.cells.evaluate

    def watched(encoders, task, **options):
        seen.extend(running(bench.store.root))
        return real(encoders, task, **options)

    monkeypatch.setattr(benchmark.cells, "evaluate", watched)
    assert bench("--objective", "random", "--tasks", "dfdc", "--force") == 0
    [work] = seen
    assert (work.task, work.objective, work.seed, work.data) == ("dfdc", "random", 0, "miniature")
    assert running(bench.store.root) == []


def test_encoders_from_a_file(glcm_run, capsys):
    encoders = next((glcm_run.store.root / "encoders").glob("*/encoders.pt"))
    assert glcm_run("--encoders", str(encoders), "--tasks", "dfdc") == 0
    names = {r.objective.name for r in glcm_run.store.current() if r.kind == "eval"}
    assert "imported" in names


def test_a_file_that_is_no_encoder_is_refused_before_anything(bench, tmp_path, capsys):
    bad = tmp_path / "encoders.pt"
    bad.write_bytes(b"not a checkpoint")
    assert bench("--encoders", str(bad), "--tasks", "dfdc") == 3
    assert str(bad) in "".join(capsys.readouterr().err.split("\n"))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("objectives.glcm.denominater='symmetric'", "denominator"),
        ("tasks.dfdc.dropuot=0.1", "dropout"),
        ("finetune.epoch=1", "finetune.epochs"),
    ],
)
def test_a_misspelt_option_is_refused_with_the_nearest(bench, capsys, option, words):
    assert bench("--objective", "glcm", "--tasks", "dfdc", small=[*SMALL, option]) == 2
    assert f"Did you mean '{words}'" in " ".join(capsys.readouterr().err.split())
