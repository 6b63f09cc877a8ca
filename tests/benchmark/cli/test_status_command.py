"""`bench status` on a terminal, in a file, as data, and while it changes."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from benchmark.cli import main as cli
from benchmark.results.running import Work, at_work
from benchmark.results.store import RecordStore


@pytest.fixture
def store(tmp_path):
    store = RecordStore(tmp_path / "runs")
    store.probe()
    return store


@pytest.fixture
def status(store, capsys):
    def call(*arguments):
        code = cli.execute(["status", "--runs", str(store.root), *arguments])
        return code, *capsys.readouterr()

    return call


def fill(store, make_record):
    for name in ("glcm", "moco", "temporal_order"):
        for task in ("lrw", "dfdc", "ucf101", "kinetics_sound", "grid_words", "hmdb51", "k400"):
            for seed in range(3):
                if (name, task) != ("moco", "dfdc"):
                    store.write(make_record(name, task, seed=seed))
    for seed in range(2):
        store.write(make_record("moco", "dfdc", None, seed=seed))


def test_a_table_of_eighty_columns(store, status, make_record, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    fill(store, make_record)
    code, out, err = status()
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("63 cells · 60 done · 2 failed · 1 missing · in ")
    assert "miniature, finetune, seeds 0,1,2" in lines
    assert re.search(r"^moco +0/3 2f 1m +3/3", out, re.MULTILINE)
    assert "done/cells, then f failed, m missing" in lines
    assert "  dfdc moco s1: RuntimeError: out of memory" in lines


def test_a_narrow_terminal_gets_blocks(store, status, make_record, monkeypatch):
    monkeypatch.setenv("COLUMNS", "44")
    fill(store, make_record)
    _, out, _ = status()
    assert max(map(len, out.splitlines())) <= 44
    assert out.count("objective ") == 3
    assert all(name in out for name in ("kinetics_sound", "ucf101"))


def test_names_make_the_grid(store, status, make_record):
    store.write(make_record("glcm", "lrw"))
    code, out, _ = status("--objective", "glcm,moco", "--tasks", "lrw,dfdc", "--seeds", "2")
    assert code == 0
    assert "8 cells · 1 done · 7 missing" in out.splitlines()[0]
    assert "not begun, seeds 0,1" in out


def test_unknown_names_are_usage_errors(status):
    for arguments in (("--objective", "glmc"), ("--tasks", "lwr"), ("--seeds", "x")):
        code, out, err = status(*arguments)
        assert (code, out) == (2, "") and arguments[1] in err
    assert status("--watch", "--json")[0] == 2


def test_json_is_one_object(store, status, make_record):
    store.write(make_record("glcm", "lrw"))
    (store.root / "eval" / "0123456789abcdef-torn.json").write_text("{")
    code, out, err = status("--json")
    found = json.loads(out)
    assert code == 0 and found["counts"]["done"] == 1 and found["running"] == []
    assert "left out: eval/0123456789abcdef-torn.json" in err


def test_no_folder(status, store, tmp_path):
    code = cli.execute(["status", "--runs", str(tmp_path / "none")])
    assert code == 3


def test_what_runs_is_named(store, status, make_record):
    store.write(make_record("glcm", "lrw"))
    work = Work(
        kind="eval", cell_key="0" * 16, objective="moco", task="lrw", protocol="finetune",
        seed=0, data="miniature",
    )  # fmt: skip
    with at_work(store.root, work):
        _, out, _ = status()
    assert "1 done · 1 running" in out
    assert re.search(r"^moco +0/1 1r$", out, re.MULTILINE)
    assert re.search(r"^running\n  lrw moco s0 finetune, \d+s$", out, re.M)


def test_a_stale_record_is_named(store, status, make_record, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    store.write(make_record("glcm", "lrw", version=1))
    store.write(make_record("glcm", "dfdc", version=99))  # a newer one than any installed
    from registries import plugins
    from registries.registry import OBJECTIVES

    plugins.load("objectives", "glcm")
    monkeypatch.setattr(OBJECTIVES.module_dict["glcm"], "version", 2)
    _, out, _ = status()
    assert "lrw glcm s0: objective glcm is at version 2, the record at 1" in out


def read_until(handle, pattern, *, seconds=60.0):
    """What a terminal has shown once `pattern` is there."""
    text, end = "", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([handle], [], [], 0.2)[0]:
            try:
                text += os.read(handle, 65536).decode(errors="replace")
            except OSError:  # the other side is closed
                break
            if re.search(pattern, text):
                return text
    pytest.fail(f"{pattern} was not shown within {seconds} s; shown: {text!r}")


def test_watch_sees_a_record_arrive_and_ends_with_ctrl_c(store, make_record):
    store.write(make_record("glcm", "lrw"))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark.cli.main", "status", "--watch", "--runs", store.root],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={
            **os.environ,
            "TERM": "xterm",
            "COLUMNS": "80",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        start_new_session=True,
    )
    os.close(theirs)
    read_until(ours, r"1 cells · 1 done")
    store.write(make_record("moco", "lrw"))
    read_until(ours, r"2 cells · 2 done")
    os.kill(process.pid, 2)
    assert process.wait(30) == 0
    os.close(ours)
