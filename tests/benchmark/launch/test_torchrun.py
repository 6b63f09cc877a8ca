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


def curves(folder: Path, *objectives: str, overrides: tuple[str, ...], processes: int) -> list:
    """Of each objective the losses of every step."""
    starter, script = TORCHRUN if processes > 1 else (), str(HERE / "curve_worker.py")
    done = subprocess.run(
        [sys.executable, *starter, script, ",".join(objectives), str(folder), *SMALL, *overrides],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "curves.json").read_text())
    return [
        [{key: value for key, value in step.items() if "loss" in key} for step in found[name]]
        for name in objectives
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "compared", "apart"),
    # rounding grows with the steps, in GLCM fast: so do weights that differ by 1e-7 on one process
    [("infomax", 12, 1e-3), ("glcm", 4, 1e-4)],
)
def test_the_curve_is_that_of_one_process(tmp_path, objective, compared, apart):
    epochs = ("pretrain.epochs=2",)
    (alone,) = curves(tmp_path / "one", objective, overrides=epochs, processes=1)
    (shared,) = curves(tmp_path / "two", objective, overrides=epochs, processes=2)
    assert len(shared) == len(alone) >= compared
    assert shared[0] == pytest.approx(alone[0], rel=1e-5)
    for one, two in zip(alone[:compared], shared[:compared], strict=True):
        assert two == pytest.approx(one, rel=apart)


# three steps of small clips and networks: starting the processes takes most of the time. Left out
# is what a process does by itself: dropout draws, and batch norm over parts of its own batch
SHORT = (
    *("clip.clip_len=8", "clip.size=32", "audio.width=4", "pretrain_clips=24"),
    *("pretrain.epochs=1", "pretrain.batch_size=8", "pretrain.lr=0.001"),
    *("objectives.dpc.dropout=0.0", "objectives.moco.splits=1"),
)
# twice the gradient would change the second step by 2e-4 at least, that of temporal_order by 2e-2
OTHERS = dict.fromkeys(("avslowfast", "avts", "cpc", "crisscross", "dpc", "moco"), 1e-5) | {
    "supervised": 1e-5,
    "temporal_order": 1e-3,  # its losses are large, and so is what rounding comes to
}


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> dict:
    """Of every other objective, the curve of one process and that of two."""
    alone, shared = (
        curves(tmp_path_factory.mktemp("curves"), *OTHERS, overrides=SHORT, processes=processes)
        for processes in (1, 2)
    )
    return dict(zip(OTHERS, zip(alone, shared, strict=True), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("objective", OTHERS)
def test_the_first_steps_of_every_objective_are_those_of_one_process(short, objective):
    alone, shared = short[objective]
    assert len(alone) == len(shared) == 3
    for one, two in zip(alone, shared, strict=True):
        assert two == pytest.approx(one, rel=OTHERS[objective], abs=1e-6)


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_equally_is_refused(tmp_path):
    with pytest.raises(AssertionError, match="a batch of 9 cannot be cut into 2 equal parts"):
        odd = ("pretrain.epochs=1", "pretrain.batch_size=9")
        curves(tmp_path, "infomax", overrides=odd, processes=2)
