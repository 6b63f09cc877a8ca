"""`bench data prepare`: facts on stdout, problems with exit 5."""

from __future__ import annotations

import shutil

import pytest

from benchmark.cli import main as cli
from benchmark.data.miniature import build


@pytest.fixture
def bench(capsys, monkeypatch, tmp_path):
    """Run one command line; returns its exit code, stdout, and stderr on one line."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "600")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.execute(["data", "prepare", *arguments])
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


@pytest.fixture
def root(mini_cache, tmp_path):
    """A copy of mini-ucf, as the user's own data."""
    made = build.ensure("mini-ucf", tier="ci", cache=mini_cache)
    return shutil.copytree(made, tmp_path / "mine")


def test_a_dataset_is_prepared(bench, root, tmp_path):
    code, out, err = bench("ucf101", "--root", str(root), "-o", "fold=2")
    assert code == 0, err
    lines = dict(line.split(None, 1) for line in out.splitlines()[1:])
    assert lines["samples"].startswith("miniature, ")
    place = root / "bench_manifest_mini-ucf"
    assert lines["manifest"] == f"{place}.arrow, {place}.csv"
    assert place.with_suffix(".arrow").is_file() and place.with_suffix(".csv").is_file()
    assert bench("ucf101", "--root", str(root), "--out", str(tmp_path / "a.csv"))[0] == 0
    assert (tmp_path / "a.csv").is_file()


def test_a_file_that_does_not_open_exits_5(bench, root):
    clip = sorted([*root.rglob("*.avi"), *root.rglob("*.mp4")])[0]
    clip.write_bytes(b"cut")
    code, out, err = bench("ucf101", "--root", str(root))
    assert code == 5
    assert clip.name in out
    assert "1 problem(s)" in err and "is written" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ucf101", "--root", "nowhere"], 3, "does not exist"),
        (["ucf", "--root", "."], 2, "Did you mean 'ucf101'"),
        (["ucf101"], 2, "--root"),
    ],
)
def test_what_is_not_there(bench, arguments, code, words):
    found, out, err = bench(*arguments)
    assert (found, out) == (code, "")
    assert words in err


def test_an_unknown_option_is_named(bench, root):
    code, _, err = bench("ucf101", "--root", str(root), "-o", "folds=2")
    assert code == 2
    assert "Did you mean 'fold'" in err
