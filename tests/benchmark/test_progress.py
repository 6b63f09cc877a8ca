"""The ETA counts the work of this process only; plain lines where there is no terminal."""

import io

import pytest
import torch
from rich.console import Console

from benchmark import progress
from benchmark.progress import LastStep, RunProgress, clock


@pytest.fixture
def shown(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    run = RunProgress({"a": 100.0, "b": 300.0}, Console(file=out, width=200))
    return run, now, out


def step(number, *, steps=10):
    logs = {"loss_x": torch.tensor(1.5), "loss_y": torch.tensor(0.25), "accuracy": torch.ones(())}
    return {
        "step": number,
        "steps": steps,
        "epoch": 1,
        "epochs": 1,
        "logs": logs,
        "data_wait": 0.25,
    }


def test_eta_is_proportional_to_the_work_left(shown):
    run, now, _ = shown
    run.begin("a", "first")
    run.report(step(1))
    now[0] += 20
    run.report(step(5))  # 50 of 400 in 20 s
    assert run.eta() == pytest.approx(140)


def test_work_done_before_an_interruption_is_not_counted_as_speed(shown):
    run, now, _ = shown
    run.begin("a", "first")
    run.report(step(6))  # half of it was there already
    now[0] += 10
    run.report(step(10))  # 50 in 10 s, 300 left
    assert run.eta() == pytest.approx(60)


def test_no_eta_before_there_is_anything_to_go_by(shown):
    assert shown[0].eta() is None


def test_a_plain_line_every_half_minute(shown):
    run, now, out = shown
    run.begin("a", "pretrain x")
    for number in range(1, 8):
        run.report(step(number))
        now[0] += 10
    lines = out.getvalue().splitlines()
    assert len(lines) == 3  # at 0, 30 and 60 s
    assert lines[0].startswith("pretrain x  epoch 1/1  step 1/10  loss 1.750")
    assert lines[0].endswith("data wait 25%")


def test_phases_side_by_side_have_lines_of_their_own(shown):
    run, now, out = shown
    run.begin("a", "first")
    run.begin("b", "second")
    for number in range(1, 8):  # every 10 s, as a pool of workers tells it
        for run.phase in ("a", "b"):
            run.report(step(number))
        now[0] += 10
    titles = [line.partition("  ")[0] for line in out.getvalue().splitlines()]
    assert titles == ["first", "second"] * 3


def test_a_phase_that_is_over_goes_and_counts_as_done(shown):
    run, now, _ = shown
    run.begin("a", "first")
    run.report(step(2))
    now[0] += 100
    run.close("a")
    assert run.rows == {} and run.done == {"a": 100.0, "b": 0.0}
    run.close("never begun")


def test_decoding_leaves_no_row(shown):
    run, _, _ = shown
    run.begin("", "decode x")
    run.decoded(3, 10)
    run.begin("a", "first")  # decoding broke off
    assert list(run.rows) == ["a"]


def test_the_last_step_is_remembered_and_passed_on():
    heard = []
    watched = LastStep(heard.append)
    assert watched.step is None
    for event in ({"step": 1}, {"step": 2}, {"val": {}}):
        watched(event)
    assert watched.step == 2 and heard == [{"step": 1}, {"step": 2}, {"val": {}}]


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (9.4, "9s"), (75, "1m15s"), (3720, "1h02m")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text
