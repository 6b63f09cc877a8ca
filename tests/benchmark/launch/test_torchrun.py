"""Two processes with half a batch each train as one does with the whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SMALL = ("video.base_channels=4", "pretrain.optimizer=SGD", "pretrain.lr=0.01")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


def curve(folder: Path, objective: str, *overrides: str, processes: int) -> list[dict[str, float]]:
    """Losses of every step."""
    starter, script = TORCHRUN if processes > 1 else (), str(HERE / "curve_worker.py")
    done = subprocess.run(
        [sys.executable, *starter, script, objective, str(folder), *SMALL, *overrides],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    steps = json.loads((folder / "curve.json").read_text())
    return [{key: value for key, value in step.items() if "loss" in key} for step in steps]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "compared", "apart"),
    # rounding grows with the steps, in GLCM fast: so do weights that differ by 1e-7 on one process
    [("infomax", 12, 1e-3), ("glcm", 4, 1e-4)],
)
def test_the_curve_is_that_of_one_process(tmp_path, objective, compared, apart):
    alone = curve(tmp_path / "one", objective, "pretrain.epochs=2", processes=1)
    shared = curve(tmp_path / "two", objective, "pretrain.epochs=2", processes=2)
    assert len(shared) == len(alone) >= compared
    assert shared[0] == pytest.approx(alone[0], rel=1e-5)
    for one, two in zip(alone[:compared], shared[:compared], strict=True):
        assert two == pytest.approx(one, rel=apart)


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_equally_is_refused(tmp_path):
    with pytest.raises(AssertionError, match="a batch of 9 cannot be cut into 2 equal parts"):
        curve(tmp_path, "infomax", "pretrain.epochs=1", "pretrain.batch_size=9", processes=2)
