"""The built wheel works outside the checkout: it carries the recipes and the published numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("registries", "objectives", "benchmark")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    pytest.importorskip("build", reason="needs the `dev` extra")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Folder with the unpacked wheel and nothing else; dependencies come from this interpreter."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*command, str(target), str(wheel)], check=True)
    return target


@pytest.fixture
def bench(installed, tmp_path):
    """Run `bench` from the installed wheel, in an empty folder."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "benchmark.cli.main", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed), "BENCH_CACHE": str(tmp_path / "c")},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_the_wheel_carries_every_module_recipe_and_table(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")}
        assert modules <= inside
    templates = {p.relative_to(ROOT).as_posix() for p in (ROOT / "benchmark").rglob("*.txt")}
    assert templates and templates <= inside
    for folder, pattern in (("configs", "*.py"), ("results/published", "*.csv")):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob(pattern)}
        assert files
        assert {f"benchmark/_packaged/{name}" for name in files} <= inside
    assert any(name.endswith("licenses/LICENSE") for name in inside)
    assert not [name for name in inside if name.startswith("tests/")]


def test_it_is_the_wheel_that_runs(bench, installed):
    assert bench("--version").returncode == 0
    assert (installed / "bin" / "bench").is_file()


def test_doctor_is_content_with_the_wheel(bench):
    done = bench("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["packaged files"]["state"] == "ok"


@pytest.mark.parametrize("kind", ["objectives", "tasks", "backbones", "presets"])
def test_list_says_the_same_as_in_the_checkout(bench, kind):
    here = subprocess.run(
        [sys.executable, "-m", "benchmark.cli.main", "list", kind, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    done = bench("list", kind, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(here.stdout)
    assert json.loads(done.stdout)


def test_report_prints_the_published_numbers(bench):
    done = bench("report")
    assert done.returncode == 0, done.stderr
    assert "GLCM" in done.stdout
