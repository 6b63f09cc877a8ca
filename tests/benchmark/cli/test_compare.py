"""`bench compare`: what it claims, what it does not, and how it says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.results.predictions import write_predictions
from benchmark.results.store import RecordStore

RUNS = Path(__file__).resolve().parents[3] / "results" / "runs"


@pytest.fixture
def measure(make_record, tmp_path):
    """measure(objective, share, seeds) stores records whose predictions are right in that share.

    A clip is as hard for every objective and seed; 25 speakers say 20 clips each.
    """
    store = RecordStore(tmp_path)
    hard = np.random.default_rng(0).random(500)

    def make(objective: str, share: float, *, seeds=(0, 1, 2), task="lrw", **fields):
        for seed in seeds:
            own = np.random.default_rng([*objective.encode(), seed]).normal(0, 0.1, 500)
            right = hard + own < share
            name = f"{task}-{objective}-{seed}"
            stored = write_predictions(
                tmp_path / "predictions" / f"{name}.npz",
                sample_id=[f"{index:03d}" for index in range(500)],
                group_id=[f"speaker-{index // 20}" for index in range(500)],
                target=[0] * 500,
                score=np.stack([right, ~right], axis=1),
                root=tmp_path,
            )
            value = 100 * float(right.mean())
            store.write(
                make_record(
                    objective, task, value, seed=seed, run_id=name, predictions=stored, **fields
                )
            )
        return tmp_path

    return make


def bench(capsys, *arguments):
    code = main.execute(["compare", *map(str, arguments)])
    return code, capsys.readouterr()


def test_noise_is_not_distinguishable_and_a_difference_is_found(measure, capsys):
    measure("glcm", 0.60)
    measure("moco", 0.60)
    runs = measure("cpc", 0.50)
    code, shown = bench(capsys, "glcm", "moco", "--runs", runs, "--json")
    [noise] = json.loads(shown.out)["comparisons"]
    assert (code, noise["verdict"]) == (0, "not distinguishable")
    assert noise["p_holm"] > 0.05
    assert abs(noise["difference"]["mean"]) < noise["difference"]["half_width"]
    code, shown = bench(capsys, "cpc", "glcm", "--runs", runs, "--json")
    [gap] = json.loads(shown.out)["comparisons"]
    assert (code, gap["verdict"]) == (0, "B better")
    assert gap["difference"]["mean"] == pytest.approx(-10, abs=2)
    assert (gap["difference"]["seeds"], gap["difference"]["groups"]) == (3, 25)
    assert all(entry["p"] < 0.05 and entry["only_b"] > entry["only_a"] for entry in gap["mcnemar"])
    assert 0 < gap["detectable"] < 10


def test_what_is_printed_fits_80_columns(measure, capsys):
    measure("glcm", 0.60)
    measure("glcm", 0.60, task="dcase")
    measure("moco", 0.60, seeds=(0, 1, 5))
    runs = measure("moco", 0.45, task="dcase")
    code, shown = bench(capsys, "glcm", "moco", "--runs", runs)
    assert code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    text = " ".join(shown.out.split())
    assert "A = glcm, B = moco miniature data" in text
    assert "A better · 40 samples in 25 groups · McNemar p <.001, <.001, <.001" in text
    assert "signed-rank test of 3 seed pair(s) cannot give less than p = 0.25" in text
    assert "lacks seed 5, fold 0: lrw finetune v top1 (miniature)" in text
    code, shown = bench(capsys, "glcm", "moco", "--task", "dcase", "--runs", runs)
    assert "lrw" not in shown.out


def test_a_setting_that_may_differ_is_named_below_the_row(measure, capsys):
    measure("glcm", 0.70)
    runs = measure("moco", 0.55, precision="bf16")
    assert bench(capsys, "glcm", "moco", "--runs", runs)[0] == 3
    code, shown = bench(capsys, "glcm", "moco", "--may-differ", "precision", "--runs", runs)
    assert code == 0
    assert "differ in precision: fp32 / bf16" in " ".join(shown.out.split())


def test_one_seed_is_said_to_be_one(measure, capsys):
    measure("glcm", 0.60, seeds=(0,))
    runs = measure("moco", 0.40, seeds=(0,))
    _, shown = bench(capsys, "glcm", "moco", "--runs", runs)
    assert "one seed: says nothing of other trainings" in " ".join(shown.out.split())


def test_a_changed_file_of_predictions_is_refused(measure, capsys):
    measure("glcm", 0.60)
    runs = measure("moco", 0.60)
    (runs / "predictions" / "lrw-glcm-1.npz").write_bytes(
        (runs / "predictions" / "lrw-glcm-0.npz").read_bytes()
    )
    code, shown = bench(capsys, "glcm", "moco", "--runs", runs)
    assert code == 5
    assert "lrw-glcm-1.npz" in shown.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("glmc", "moco"), 2, "Did you mean 'glcm'?"),
        (("glcm", "moco", "--task", "lwr"), 2, "Did you mean 'lrw'?"),
        (("glcm", "glcm"), 2, "name two objectives"),
        (("glcm", "avts"), 3, "no record of avts"),
        (("glcm", "cpc"), 3, "no record under equal conditions"),
        (("glcm", "moco", "--may-differ", "precisoin"), 2, "Did you mean 'precision'?"),
        (("glcm:local_mil", "moco"), 2, "NAME:OPTION=VALUE"),
        (("glcm:local_mli=False", "moco"), 2, "unknown option 'local_mli'"),
    ],
)
def test_what_cannot_be_compared(measure, capsys, arguments, code, said):
    measure("glcm", 0.6, seeds=(0,))
    measure("moco", 0.6, seeds=(0,))
    runs = measure("cpc", 0.6, seeds=(4,))
    found, shown = bench(capsys, *arguments, "--runs", runs)
    assert found == code
    assert said in " ".join(shown.err.split())


def test_no_folder_of_records(tmp_path, capsys):
    code, shown = bench(capsys, "glcm", "moco", "--runs", tmp_path / "none")
    assert code == 3
    assert "does not exist" in " ".join(shown.err.split())


@pytest.mark.skipif(not RUNS.is_dir(), reason="the committed records are not part of a package")
def test_the_committed_records(capsys):
    """Their means are the records'; labels of mini-KAV help on mini-LRW, on one seed."""
    code, shown = bench(capsys, "supervised", "scratch", "--task", "lrw", "--runs", RUNS, "--json")
    assert code == 0
    found = json.loads(shown.out)["comparisons"]
    assert found
    for entry in found:
        assert entry["difference"]["mean"] == pytest.approx(entry["a"] - entry["b"])
    assert any(entry["verdict"] == "A better" for entry in found)
