"""`bench run` finds what is wrong before it trains or generates anything."""

from __future__ import annotations

import json

import pytest

from benchmark.cli import main as cli
from benchmark.data.miniature import build

RUN = ("run", "--objective", "random", "--preset", "demo")


@pytest.fixture
def bench(capsys, monkeypatch, tmp_path):
    """Run one command line with records and cache in a folder of this test's own."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str) -> tuple[int, str, str]:
        out = () if "--out" in arguments else ("--out", str(tmp_path / "runs"))
        code = cli.execute([*RUN, *arguments, *out])
        said, err = capsys.readouterr()
        return code, said, " ".join(err.split())

    return call


def test_an_output_folder_that_refuses(bench, tmp_path):
    (tmp_path / "file").write_text("")
    code, out, err = bench("--tasks", "ucf101", "--out", str(tmp_path / "file" / "runs"))
    assert (code, out) == (3, "")
    assert str(tmp_path / "file") in err
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("root", ["{}", "ucf101={}"])
def test_a_root_without_the_dataset(bench, tmp_path, root):
    empty = tmp_path / "empty"
    empty.mkdir()
    code, out, err = bench("--tasks", "ucf101", "--data", root.format(empty))
    assert (code, out) == (3, "")
    assert str(empty) in err
    assert "ucf101" in err
    assert not (tmp_path / "cache" / "miniature").exists()  # never a silent stand-in


def test_an_empty_list_of_samples(bench, tmp_path):
    """The owners' folders and lists are there, and name nothing."""
    lists = tmp_path / "ucf" / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    (tmp_path / "ucf" / "UCF-101").mkdir()
    for name in ("classInd.txt", "trainlist01.txt", "testlist01.txt"):
        (lists / name).write_text("")
    code, _, err = bench("--tasks", "ucf101", "--data", f"ucf101={tmp_path / 'ucf'}")
    assert code == 3
    assert str(tmp_path / "ucf") in err


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("finetune.epoch=3", "finetune.epochs"),
        ("objectives.random_init.frozn=True", "random"),
        ("tasks.ucf101.clip_leng=8", "clip_len"),
    ],
)
def test_a_misspelt_option(bench, tmp_path, override, nearest):
    code, out, err = bench("--tasks", "ucf101", "-o", override)
    assert (code, out) == (2, "")
    assert nearest in err
    assert not (tmp_path / "cache" / "miniature").exists()


def test_an_impossible_value(bench):
    code, _, err = bench("--tasks", "ucf101", "-o", "finetune.epochs=none")
    assert code == 2
    assert "finetune.epochs" in err


def test_encoders_that_are_none(mini_cache, tmp_path, capsys):
    build.ensure("mini-ucf", tier="ci", cache=mini_cache)
    garbage = tmp_path / "encoders.pt"
    garbage.write_bytes(b"not a checkpoint")
    arguments = ["run", "--encoders", str(garbage), "--tasks", "ucf101", "--data", "miniature"]
    code = cli.execute([*arguments, "--out", str(tmp_path / "runs")])
    assert code in (2, 3)
    assert "encoders.pt" in capsys.readouterr().err


def test_a_dry_run_plans_and_leaves_no_record(bench, mini_cache, monkeypatch, tmp_path):
    build.ensure("mini-ucf", tier="ci", cache=mini_cache)
    monkeypatch.setenv("BENCH_CACHE", str(mini_cache))
    code, _, err = bench("--tasks", "ucf101", "--dry-run")
    assert code == 0, err
    assert "ucf101" in err
    assert not list((tmp_path / "runs").rglob("*.json"))


def test_json_is_one_object_on_stdout(bench, mini_cache, monkeypatch):
    build.ensure("mini-ucf", tier="ci", cache=mini_cache)
    monkeypatch.setenv("BENCH_CACHE", str(mini_cache))
    code, out, err = bench("--tasks", "ucf101", "--dry-run", "--json")
    assert code == 0, err
    assert isinstance(json.loads(out), dict)
