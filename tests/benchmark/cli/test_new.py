"""`bench new objective`: what it writes works as it stands and overwrites nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import config
from benchmark.cli import main as cli
from benchmark.cli import new
from registries import plugins

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def forgotten(monkeypatch):
    monkeypatch.setattr(plugins, "_files", {kind: {} for kind in plugins.BUILTIN})


@pytest.fixture
def checkout(tmp_path):
    """An empty folder of a checkout's form."""
    for part in new.CHECKOUT:
        (tmp_path / part).mkdir(parents=True)
    return tmp_path


def python(*arguments: str, cwd: Path, path: tuple[Path, ...] = (ROOT,)) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_plugin_passes_its_test_and_the_checks(forgotten, tmp_path, capsys):
    assert cli.execute(["new", "objective", "my_pairs", "--dir", str(tmp_path)]) == 0
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["my_pairs.py", "test_my_pairs.py"]
    out = capsys.readouterr().out
    assert f"bench check my_pairs --plugin {tmp_path / 'my_pairs.py'}" in out
    passed = python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_pairs.py", cwd=tmp_path
    )
    assert "7 passed" in passed
    plugin = str(tmp_path / "my_pairs.py")
    assert cli.execute(["check", "my_pairs", "--plugin", plugin]) == 0, capsys.readouterr().out
    assert "objective my_pairs: keeps its contract" in capsys.readouterr().out


def test_in_a_checkout_it_writes_three_files_in_their_places(checkout, capsys):
    assert cli.execute(["new", "objective", "pairs", "--dir", str(checkout)]) == 0
    files = [path for path in checkout.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(checkout).as_posix() for path in files) == [
        "configs/objectives/pairs.py",
        "objectives/pairs.py",
        "tests/objectives/test_pairs.py",
    ]
    assert config.load(checkout / "configs/objectives/pairs.py") == {
        "dim": 128,
        "temperature": 0.07,
    }
    assert (
        "from objectives.pairs import Pairs"
        in (checkout / "tests/objectives/test_pairs.py").read_text()
    )
    assert "--plugin" not in capsys.readouterr().out


def test_what_it_writes_is_in_house_style(checkout):
    cli.execute(["new", "objective", "pairs", "--dir", str(checkout)])
    files = [str(path) for path in checkout.rglob("*.py")]
    pytest.importorskip("ruff", reason="needs the `dev` extra")
    ours = "lint.isort.known-first-party=['objectives', 'registries']"
    settings = ["--config", str(ROOT / "pyproject.toml"), "--config", ours, "--no-cache"]
    python(
        "-m", "ruff", "check", *settings, "--ignore=D,ANN,PLR0915,C408,INP", *files, cwd=checkout
    )
    python("-m", "ruff", "format", "--check", *settings, *files, cwd=checkout)


def test_nothing_is_overwritten(checkout, capsys):
    mine = checkout / "configs/objectives/pairs.py"
    mine.write_text("x = 1\n")
    assert cli.execute(["new", "objective", "pairs", "--dir", str(checkout)]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "configs/objectives/pairs.py exists already; nothing was written" in err
    assert mine.read_text() == "x = 1\n"
    assert not (checkout / "objectives/pairs.py").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Pairs", "cannot be the name"),
        ("2pairs", "cannot be the name"),
        ("class", "cannot be the name"),
        ("queue", "Python's own library"),
        ("glcm", "'glcm' exists already (builtin, objectives.glcm)"),
    ],
)
def test_names_that_will_not_do(checkout, capsys, name, message):
    assert cli.execute(["new", "objective", name, "--dir", str(checkout)]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not list((checkout / "objectives").iterdir())
