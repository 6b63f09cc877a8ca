"""kill -9 at any moment of pretraining, finetuning and report: nothing is lost, nothing differs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("kills", [6, pytest.param(120, marks=pytest.mark.slow)])
def test_killed_runs_end_where_an_undisturbed_one_does(kills, tmp_path, mini_cache):
    done = subprocess.run(
        [sys.executable, HERE / "killed_runs.py", tmp_path, str(kills), "1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["faults"] == []
    assert found["kills"] == kills and found["cells"] == 2
    met = found["met"]
    assert met.get("pretrain", 0) + met.get("finetune", 0) >= kills / 3, (
        f"few met a training: {met}"
    )
