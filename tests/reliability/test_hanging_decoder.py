"""A codec that never returns while clips are read for training: an error that names the file."""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hanging_decoder import hang
from tiny_run import arguments

from benchmark import parallel
from benchmark.cli import main as cli
from benchmark.data import opened, reader, watch
from benchmark.data.container import MediaError
from benchmark.data.media import Media
from benchmark.results.store import RecordStore

FILE = Path("clips") / "ä hangs.mp4"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(watch, "LIMIT", 2.0)
    monkeypatch.setattr(watch, "EVERY", 0.1)


class Hangs(Media):
    """UCF101 of which no file gives a picture, as its codec hangs."""

    def frames(self, times, *, transform=None):
        if "UCF-101" in self.path.parts:
            ctypes.CDLL(None).sleep(600)
        return super().frames(times, transform=transform)

    def all_frames(self, start, stop, *, transform=None):
        ctypes.CDLL(None).sleep(600)


def ended(child: int, within: float) -> int:
    """Exit code of a process that must end by itself."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail(f"it still hangs after {within:g} s")


def test_the_process_ends_and_leaves_the_name_of_the_file(monkeypatch):
    assert watch.taken() == ""
    child = os.fork()
    if child == 0:
        hang(FILE)
        os._exit(0)
    assert ended(child, 10.0) == 3
    monkeypatch.setattr(watch, "LIMIT", 0.3)
    error = parallel._death(3)
    assert isinstance(error, MediaError)
    assert str(error).startswith(f"{FILE}: its decoder hangs: no answer within 0.3 s")
    assert isinstance(parallel._death(3), parallel.WorkerDiedError)  # it is told once


def test_only_readings_are_timed_each_for_itself(monkeypatch):
    monkeypatch.setattr(watch, "LIMIT", 0.3)
    child = os.fork()
    if child == 0:
        for _ in range(4):
            with watch.reading(FILE):
                time.sleep(0.2)
        time.sleep(0.6)
        os._exit(7)
    assert ended(child, 10.0) == 7
    assert watch.taken() == ""


def test_a_thread_that_reads_does_not_hide_one_that_hangs(monkeypatch):
    """As threads decode in advance, in one process."""
    monkeypatch.setattr(watch, "LIMIT", 0.3)
    child = os.fork()
    if child == 0:
        threading.Thread(target=hang, args=(FILE,), daemon=True).start()
        while True:
            with watch.reading(Path("good.mp4")):
                time.sleep(0.01)
    assert ended(child, 10.0) == 3
    assert watch.taken().startswith(str(FILE))


def test_a_process_that_is_spawned_tells_the_one_that_waits_for_it():
    pool = ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=watch.share, initargs=(watch.shared(),)
    )
    with pytest.raises(MediaError, match="ä hangs"), watch.named(), pool:
        pool.submit(hang, FILE).result(timeout=60)


def test_other_errors_stay_what_they_are():
    with pytest.raises(ValueError, match="ours"), watch.named():
        raise ValueError("ours")


SAID = r"UCF-101/\w+/v_\w+\.mp4: its decoder hangs: no answer within 2 s; fetch it again, or leave"
DIRECT = {"frame_cache": False}


@pytest.mark.slow
def test_in_a_loader_worker_it_costs_its_cell_alone(tmp_path, mini_cache, monkeypatch):
    monkeypatch.setattr(opened, "Media", Hangs)
    changes = {**DIRECT, "workers": 1}
    words = arguments(tmp_path, objective="random", tasks="ucf101,dfdc", changes=changes)
    assert cli.execute(words) == 1
    records = {r.task.name: r for r in RecordStore(tmp_path).read_all() if r.task}
    assert records["dfdc"].status == "done"
    failure = records["ucf101"].failure
    assert failure.exception == "MediaError" and re.search(SAID, failure.message)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "changes"),
    [
        (opened, {**DIRECT, "workers": 0}),
        (reader, {"clip.size": 24, "tasks.ucf101.size": 24}),  # which no other test has decoded
    ],
    ids=["while it trains", "in advance"],
)
def test_in_the_run_itself_it_ends_the_run_with_the_name(
    tmp_path, mini_cache, monkeypatch, place, changes
):
    monkeypatch.setattr(place, "Media", Hangs)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(tmp_path / "said", os.O_WRONLY | os.O_CREAT), 2)
        words = arguments(tmp_path, objective="random", tasks="ucf101", changes=changes)
        os._exit(cli.execute(words))
    assert ended(child, 120.0) == 3
    assert re.search(SAID, (tmp_path / "said").read_text())
    assert not [record for record in RecordStore(tmp_path).read_all() if record.task]
