"""The check for ratios that got worse, on invented numbers: both directions, and missing rows."""

from __future__ import annotations

import json

import pytest

from benchmark.cli import main as cli
from benchmark.cli import perf as command
from benchmark.perf import check, data
from benchmark.perf.baseline import Baseline, Ratio, compare
from benchmark.perf.objectives import Cost
from benchmark.perf.run import RunCost
from registries.errors import NotReadyError

KNOWN = Baseline(
    {
        ratio.name: ratio
        for ratio in (
            Ratio("run.glcm.small_step", 1.02, 0.05),
            Ratio("run.glcm.data_wait", 0.01, 0.03),
            Ratio("data.packed", 14.0, 2.0, better="higher"),
        )
    },
    {"device": "cpu"},
)


def verdicts(found, asked=("",)):
    return {row.name: row.verdict for row in compare(found, KNOWN, asked=asked)}


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("run.glcm.small_step", 1.069, "ok"),
        ("run.glcm.small_step", 1.071, "worse"),
        ("run.glcm.small_step", 0.5, "ok"),  # better is never flagged
        ("run.glcm.data_wait", 0.041, "worse"),
        ("data.packed", 12.1, "ok"),
        ("data.packed", 11.9, "worse"),
        ("data.packed", 99.0, "ok"),
    ],
)
def test_each_direction_and_its_tolerance(name, value, verdict):
    found = [Ratio(name, value, 0.0)]
    assert verdicts(found, asked=(name,)) == {name: verdict}


def test_rows_that_are_missing_on_either_side_are_told():
    found = [Ratio("run.glcm.small_step", 1.0, 0.05), Ratio("run.moco.small_step", 1.0, 0.05)]
    assert verdicts(found, asked=("run.glcm.", "run.moco.")) == {
        "run.glcm.data_wait": "gone",
        "run.glcm.small_step": "ok",
        "run.moco.small_step": "new",
    }
    rows = compare(found, KNOWN, asked=("run.glcm.",))
    assert [row.name for row in rows if row.fails] == ["run.glcm.data_wait"]


def test_a_file_holds_what_was_written(tmp_path):
    path = tmp_path / "perf" / "baseline.json"
    KNOWN.write(path)
    assert Baseline.read(path) == KNOWN
    renewed = KNOWN.renewed([Ratio("data.packed", 20.0, 2.0, better="higher")], {"device": "x"})
    assert renewed.ratios["data.packed"].allowed == 18.0 and len(renewed.ratios) == 3
    with pytest.raises(NotReadyError, match="--update"):
        Baseline.read(tmp_path / "none.json")
    for text in ("[]", "{", '{"ratios": {"a": {"worth": 1}}, "setting": {}}', '{"ratios": {}}'):
        path.write_text(text)
        with pytest.raises(NotReadyError, match="is no baseline"):
            Baseline.read(path)


def invented(name, *, step, small_step, data_wait):
    """Costs of one objective in which only what is kept is told apart."""
    cost = Cost(
        objective=name, passes=(), ratio=step, quartiles=(step, step), with_optimiser=step,
        step_seconds=1.0, reference_seconds=1.0, limit=None, reason="", batch=16, repeats=1,
        device="cpu", precision="fp32",
    )  # fmt: skip
    run = RunCost(
        objective=name, data_wait=data_wait, step_ms=100.0, steps_per_second=1.0,
        clips_per_second=1.0, peak_memory_gb=None, overhead_ms=1.0, small_step=small_step,
        small_step_quartiles=(1.0, 1.0), small_step_ms=10.0, hooks_ms={}, batch=16, workers=0,
        steps=1, turns=1, data="mini-kav", device="cpu", precision="fp32",
    )  # fmt: skip
    return cost, run


def test_the_command(tmp_path, capsys, monkeypatch):
    """Writes a baseline, passes against it, and fails where a ratio is worse than it allows."""
    now = {"step": 1.1, "small_step": 1.02, "data_wait": 0.02}

    def costs(part):
        return lambda request, **_: [invented(n, **now)[part] for n in request.objectives]

    monkeypatch.setattr(command, "_objective_costs", costs(0))
    monkeypatch.setattr(command, "_run_costs", costs(1))
    reading = {data.DECORD: [1.0], data.DECORD_SOUND: [1.0], data.FILES: [0.5], data.READY: [0.1]}
    monkeypatch.setattr(data, "measure_drawn", lambda: data.summarise(reading))
    path = tmp_path / "baseline.json"
    words = ["perf", "check", "--objective", "glcm", "--baseline", str(path)]
    assert cli.execute(words) == 3  # there is none yet
    assert cli.execute([*words, "--update"]) == 0
    stored = json.loads(path.read_text())
    assert stored["setting"]["device"] == "cpu"
    assert stored["ratios"]["objectives.glcm.step"] == {
        "value": 1.1, "tolerance": check.STEP, "better": "lower",
    }  # fmt: skip
    assert cli.execute(words) == 0
    now["small_step"] += check.SMALL_STEP + 0.001
    capsys.readouterr()
    assert cli.execute(words) == 5
    told = capsys.readouterr()
    assert "run.glcm.small_step" in told.err and "objectives.glcm" not in told.err
    assert "WORSE" in told.out
    assert cli.execute([*words, "--json"]) == 5
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["ratios"]}
    assert rows["run.glcm.small_step"]["verdict"] == "worse"
    assert rows["run.glcm.small_step"]["allowed"] == pytest.approx(1.02 + check.SMALL_STEP)
    assert cli.execute([*words, "--update"]) == 0 and cli.execute(words) == 0
    reading[data.FILES] = [0.6]  # 1.67 clips: within a quarter of 2
    assert cli.execute(words) == 0
    reading[data.FILES] = [0.7]
    capsys.readouterr()
    assert cli.execute(words) == 5
    assert "data.files" in (told := capsys.readouterr().err) and "data.ready" not in told
    reading[data.FILES] = [0.4]
    assert cli.execute(words) == 0
    other = [*words[:3], "moco", *words[4:]]
    capsys.readouterr()
    assert cli.execute(other) == 0
    assert capsys.readouterr().out.count("not in the baseline") == 3
