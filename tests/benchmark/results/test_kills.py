"""kill -9 at any moment of a write, and many writers at once: no record is torn or lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def worker(tmp_path):
    """worker(mode, number) -> what killed_writers.py found."""

    def run(mode, number):
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("killed_writers.py"), mode,
             tmp_path / "runs", str(number)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_killed_after_a_random_time(worker, count):
    found = worker("random", count)
    assert found["wrong"] == [] and found["lost"] == [] and found["swept"] == []
    assert found["told"] >= count / 4  # writers that came to the end of a write
    assert found["left"] >= count / 10, "no kill met a write half way; the test shows nothing"
    assert found["clean_reads"] == count / 10


@pytest.mark.parametrize(
    ("action", "lines", "stride"),
    [
        ("write", 45, 4),
        ("invalidate", 35, 5),
        pytest.param("write", 45, 1, marks=pytest.mark.slow),
        pytest.param("invalidate", 35, 1, marks=pytest.mark.slow),
        pytest.param("reindex", 50, 1, marks=pytest.mark.slow),
        pytest.param("merge", 200, 1, marks=pytest.mark.slow),
    ],
)
def test_killed_at_every_line(worker, action, lines, stride):
    """lines: how many there are at least; a trace that saw none would show nothing."""
    found = worker(action, stride)
    assert found["wrong"] == []
    assert found["lines"] >= lines and found["left"] > 0


def test_sixteen_writers_at_once(worker):
    found = worker("crowd", 16)
    assert found["wrong"] == [] and found["reads"] > 0
    assert found["own"] == 16 * 12
    assert found["races"] == found["won"] and len(found["won"]) == 12  # each name given once
