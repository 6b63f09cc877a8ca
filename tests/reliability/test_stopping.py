"""SIGTERM and Ctrl-C: the step ends, its checkpoint is written, the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from tiny_run import arguments, left_by

from benchmark import checkpoint, stopping
from benchmark.cli import main as cli
from benchmark.protocols.finetune import FinetuneModel
from benchmark.results.store import RecordStore
from objectives.glcm import GLCM


@pytest.fixture(scope="module")
def undisturbed(mini_cache, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    assert cli.execute(arguments(out)) == 0
    return left_by(out)


@pytest.fixture
def signalled(monkeypatch):
    """signalled(owner, method, count, number): a signal in the middle of the nth call."""

    def arm(owner, method, count, number):
        whole, calls = getattr(owner, method), []

        def called(*arguments, **options):
            calls.append(None)
            if len(calls) == count:
                os.kill(os.getpid(), number)
            return whole(*arguments, **options)

        monkeypatch.setattr(owner, method, called)
        return calls

    return arm


@pytest.mark.parametrize(
    ("owner", "method", "count", "number", "code"),
    [
        (GLCM, "loss", 2, signal.SIGTERM, 75),
        (GLCM, "loss", 8, signal.SIGINT, 130),  # the last step
        (FinetuneModel, "train_step", 5, signal.SIGTERM, 75),
        (FinetuneModel, "val_step", 2, signal.SIGTERM, 75),  # the second epoch's validation
        (FinetuneModel, "val_step", 4, signal.SIGINT, 130),  # the test split
    ],
)
def test_a_stopped_run_goes_on_bit_for_bit(
    undisturbed, signalled, tmp_path, capsys, owner, method, count, number, code
):
    before = {each: signal.getsignal(each) for each in stopping.EXIT_CODES}
    calls = signalled(owner, method, count, number)
    assert cli.execute(arguments(tmp_path)) == code
    assert len(calls) == count  # nothing was begun after it
    said = " ".join(capsys.readouterr().err.split())
    assert f"stopped by {signal.Signals(number).name}" in said and "same command" in said
    assert len(list(tmp_path.rglob("checkpoint.pth"))) == 1
    assert not [r for r in RecordStore(tmp_path).read_all() if r.status == "failed"]
    assert {each: signal.getsignal(each) for each in before} == before
    calls.clear()
    calls.extend([None] * 1000)  # no signal this time
    assert cli.execute(arguments(tmp_path)) == 0
    assert left_by(tmp_path) == undisturbed
    if owner is GLCM:
        assert len(calls) - 1000 == 8 - count  # not one step was done twice


def test_no_step_is_done_twice_where_the_interval_is_long(undisturbed, signalled, tmp_path):
    """A stop does not wait for the checkpoint that is due: it writes one."""
    calls = signalled(GLCM, "loss", 3, signal.SIGTERM)
    rarely = arguments(tmp_path, changes={"checkpoint_every": 3600})
    assert cli.execute(rarely) == 75
    assert cli.execute(rarely) == 0
    assert len(calls) == 8 and left_by(tmp_path) == undisturbed


def test_all_processes_of_a_training_stop_after_the_step_at_which_one_was_told(
    tmp_path, mini_cache, monkeypatch
):
    """The sum over processes says that another one has heard of it."""
    steps = []

    def others(told):
        steps.append(told.item())
        told += len(steps) == 4  # before the first step, after the first, the second, the third

    monkeypatch.setattr(checkpoint, "all_reduce", others)
    assert cli.execute(arguments(tmp_path)) == 75
    assert steps == [0.0] * 4
    stored = torch.load(next(tmp_path.rglob("checkpoint.pth")), weights_only=True)
    assert stored["meta"] == {"epoch": 0, "iter": 3}


def test_what_fails_of_the_signal_is_no_failure(tmp_path, monkeypatch, mini_cache):
    """A loader's worker in the same process group dies of it, in the middle of the step."""

    def dies(self, inputs, data_samples):
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("DataLoader worker is killed by signal: Terminated.")

    monkeypatch.setattr(GLCM, "loss", dies)
    assert cli.execute(arguments(tmp_path)) == 75
    assert RecordStore(tmp_path).read_all() == []


def test_a_second_ctrl_c_does_not_wait():
    reached = []
    stopped = pytest.raises(stopping.StopRequested)
    with stopped as stop, stopping.heeded(), stopping.between_steps():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)  # what the parent of a worker passes on
        reached.append("the step goes on")
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("never")
    assert reached == ["the step goes on"] and stop.value.exit_code == 130


def test_a_fork_dies_of_sigterm_and_leaves_ctrl_c_to_its_parent():
    with stopping.heeded():
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
        assert not stopping.asked()


def alone(group: int) -> bool:
    """Whether nobody is left of a group of processes, soon."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)  # multiprocessing's own helper ends after its parent
    return False


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_processes_side_by_side_stop_together(tmp_path, mini_cache, number, code):
    """Ctrl-C goes to the whole group, as a terminal sends it; SIGTERM to the parent alone."""
    command = [sys.executable, "-m", "benchmark.cli.main"]
    call = {"objective": "glcm,moco"}
    call["changes"] = {"pretrain.epochs": 40, "checkpoint_every": 1}
    words = arguments(tmp_path / "cut", "--jobs", "2", **call)
    run = subprocess.Popen(
        [*command, *words], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 240
    while len(list(tmp_path.rglob("checkpoint.pth"))) < 2:
        assert run.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    os.kill(run.pid, number) if number == signal.SIGTERM else os.killpg(run.pid, number)
    said = " ".join(run.communicate(timeout=60)[1].split())
    assert run.returncode == code and "the same command goes on from there" in said
    assert alone(run.pid)
    assert RecordStore(tmp_path / "cut").read_all() == []
    assert cli.execute(words) == 0
    assert cli.execute(arguments(tmp_path / "one", **call)) == 0
    assert left_by(tmp_path / "cut") == left_by(tmp_path / "one")
