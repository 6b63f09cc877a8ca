"""A lock says that a cell is being worked on; a note without its lock says nothing."""

import os
import signal
import subprocess
import sys
import threading

from benchmark.results.running import Work, at_work, running

WORK = Work(kind="eval", cell_key="0" * 16, objective="glcm", task="lrw", seed=1)
OTHER = Work(kind="pretrain", cell_key="1" * 16, objective="moco", seed=0)
WORKER = """
import sys, time
from pathlib import Path
from benchmark.results.running import Work, at_work

with at_work(Path(sys.argv[1]), Work.model_validate_json(sys.argv[2])):
    print("at work", flush=True)
    sys.stdin.read()
"""


def worker(root):
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(root), WORK.model_dump_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    assert process.stdout.readline() == "at work\n"
    return process


def test_work_is_seen_while_it_lasts(tmp_path):
    assert running(tmp_path) == []
    with at_work(tmp_path, WORK), at_work(tmp_path, OTHER):
        assert running(tmp_path) == [WORK, OTHER]
    assert running(tmp_path) == []


def test_work_of_another_process_is_seen_until_it_is_killed(tmp_path):
    process = worker(tmp_path)
    assert running(tmp_path) == running(tmp_path) == [WORK]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list((tmp_path / ".locks").glob("*.json"))  # its note is still there
    assert running(tmp_path) == []
    with at_work(tmp_path, WORK):  # and nobody has to wait
        assert running(tmp_path) == [WORK]


def test_a_second_one_waits_for_the_first(tmp_path):
    process = worker(tmp_path)
    inside = threading.Event()

    def second():
        with at_work(tmp_path, WORK):
            inside.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not inside.wait(0.3)
    process.communicate("")  # the first is done
    assert inside.wait(30)
    thread.join()


def test_a_damaged_note_is_no_work(tmp_path):
    with at_work(tmp_path, WORK):
        (tmp_path / ".locks" / f"{WORK.cell_key}.json").write_text("{")
        assert running(tmp_path) == []
