"""A package of somebody else, installed: found, listed, checked, run beside the built-in names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = Path(__file__).resolve().parent / "example_plugin"
SMALL = (
    "clip.clip_len=8",
    "clip.size=32",
    "video.base_channels=4",
    "audio.width=4",
    "pretrain_clips=32",
    "pretrain.epochs=1",
    "finetune.epochs=1",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Folder as an installer leaves it: the package and its metadata, from its pyproject.toml."""
    target = tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE / "bench_example", target / "bench_example")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = target / f"bench_example-{project['version']}.dist-info"
    info.mkdir()
    head = {"Metadata-Version": "2.1", "Name": project["name"], "Version": project["version"]}
    (info / "METADATA").write_text("".join(f"{key}: {text}\n" for key, text in head.items()))
    groups = []
    for group, points in project["entry-points"].items():
        groups += [f"[{group}]", *(f"{name} = {module}" for name, module in points.items())]
    (info / "entry_points.txt").write_text("\n".join(groups))
    return target


def test_pip_installs_it(tmp_path):
    pytest.importorskip("setuptools", "70.1", reason="older ones build no wheel by themselves")
    source = shutil.copytree(EXAMPLE, tmp_path / "source")  # building leaves files behind
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--target", str(tmp_path / "site")]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = (tmp_path / "site").glob("*.dist-info/entry_points.txt")
    assert "example_arrow = bench_example.arrow" in found.read_text()


@pytest.fixture
def bench(installed, tmp_path, mini_cache):
    """Run `bench` with the package on the path; its exit code must be 0; returns what it prints."""

    def call(*arguments: str) -> str:
        path = os.pathsep.join([str(installed), str(ROOT)])
        done = subprocess.run(
            [sys.executable, "-m", "benchmark.cli.main", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "BENCH_CACHE": str(mini_cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.mark.parametrize(
    ("kind", "name"), [("objectives", "example_arrow"), ("tasks", "example_steps")]
)
def test_its_names_are_listed(bench, kind, name):
    rows = {row["name"]: row for row in json.loads(bench("list", kind, "--json"))}
    assert name in rows and len(rows) > 1
    if kind == "objectives":
        assert rows[name]["source"] == "plug-in bench-example==0.1.0"
    else:
        assert rows[name]["summary"] == "Action recognition by votes (UCF101)"


@pytest.mark.parametrize("name", ["example_arrow", "example_steps"])
def test_they_keep_their_contracts(bench, name):
    found = json.loads(bench("check", name, "--json"))
    assert found["ok"] and {check["state"] for check in found["checks"]} == {"ok"}


def test_they_run_together_and_leave_a_record(bench, tmp_path):
    options = [part for option in SMALL for part in ("-o", option)]
    run = ["run", "--objective", "example_arrow", "--tasks", "example_steps", *options]
    bench(*run)
    (path,) = (tmp_path / "results/runs/eval").glob("*.json")
    record = json.loads(path.read_text())
    assert (record["status"], record["objective"]["name"]) == ("done", "example_arrow")
    assert record["task"]["name"] == "example_steps" and record["data"]["kind"] == "miniature"
    for part in ("objective", "task"):
        assert record[part]["source"] == "plug-in bench-example==0.1.0"
    assert set(record["backbone"]["sources"].values()) == {"builtin"}
    assert 0 <= record["scores"]["top1"]["value"] <= 100
    assert "example_arrow" in bench("report")
