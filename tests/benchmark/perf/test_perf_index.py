"""The measured manifest, the measured process, and what is told of it. No clocks."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.cli import main as cli
from benchmark.data import adapters
from benchmark.data.manifest import Manifest, Origin
from benchmark.data.miniature.build import ensure
from benchmark.perf import index

COST = index.IndexCost(
    rows=10_000_000,
    file_mb=1200,
    written_s=60,
    imports_s=3,
    opened_s=0.05,
    first_batch_s=4.5,
    cpu_s=4.4,
    peak_mb=1300,
    anonymous_mb=500,
    bare_mb=400,
)


@pytest.fixture(scope="module")
def made(mini_cache):
    return index.synthetic(
        adapters.read("kav", ensure("mini-kav", tier="ci", cache=mini_cache)), 1000
    )


def test_rows_are_named_as_clips_of_youtube_are(made):
    rows = made.rows
    assert rows["id"].str.fullmatch(r"[\w-]{11}_0000[012]0").all() and rows["id"].is_unique
    assert (rows["id"].str[:11] == rows["group"]).all()
    assert rows["group"].nunique() == 334  # three segments of a video, one of the last
    assert all((made.root / path).is_file() for path in rows["path"].unique())
    assert (set(rows["split"]), made.origin) == ({"train"}, Origin("kav", {}))


def test_the_measured_process_goes_on_to_a_batch(made, tmp_path):
    made.write(tmp_path / "m.arrow")
    found = index.first_batch(tmp_path / "m.arrow", begun=time.time())
    assert set(found) == set(index.IndexCost.__dataclass_fields__) - {
        "rows",
        "file_mb",
        "written_s",
    }
    assert all(value >= 0 for value in found.values())
    assert found["peak_mb"] >= found["anonymous_mb"] > 50
    assert Manifest.read(tmp_path / "m.arrow").hash == made.hash


def test_what_is_above_its_limit_is_told(monkeypatch, capsys):
    asked = []
    slow = replace(COST, first_batch_s=5.1, peak_mb=1500.5)
    monkeypatch.setattr(index, "measure", lambda rows: asked.append(rows) or slow)
    assert cli.execute(["perf", "index"]) == 0
    lines = capsys.readouterr().out.splitlines()
    above = [line.split("  ")[0] for line in lines if line.endswith("ABOVE")]
    assert above == ["first batch, from the start of the process", "memory, most that was resident"]
    assert cli.execute(["perf", "index", "--rows", "5000", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["above"] == ["first_batch_s", "peak_mb"]
    assert said["limits"] == {"opened_s": 2.0, "first_batch_s": 5.0, "peak_mb": 1500.0}
    assert asked == [10_000_000, 5000]
    assert COST.above == ()


def test_a_system_that_does_not_tell(monkeypatch, capsys):
    monkeypatch.setattr(index, "MEMORY", Path("nowhere"))
    assert cli.execute(["perf", "index"]) == 3
    assert "Linux" in capsys.readouterr().err
