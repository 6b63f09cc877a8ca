"""`bench data`, `bench report`, `bench results` on what lies on disk."""

from __future__ import annotations

import shutil

import pytest

from benchmark.cli import main as cli
from benchmark.data.miniature import build


@pytest.fixture
def bench(capsys, monkeypatch, tmp_path):
    """Run one command line; returns its exit code, stdout, and stderr on one line."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.execute(list(arguments))
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


@pytest.fixture
def miniature(mini_cache, tmp_path, monkeypatch):
    """A copy of mini-ucf in a cache of this test's own."""
    original = build.ensure("mini-ucf", tier="ci", cache=mini_cache)
    copy = tmp_path / "cache" / original.relative_to(mini_cache)
    shutil.copytree(original, copy)
    return copy


def test_a_sound_miniature_passes(bench, miniature):
    code, out, _ = bench("data", "verify", "mini-ucf", "--tier", "ci")
    assert (code, out) == (0, "mini-ucf: sound\n")
    assert bench("data", "miniature", "mini-ucf", "--tier", "ci")[:2] == (0, f"{miniature}\n")


def test_a_changed_byte_exits_5(bench, miniature):
    clip = next(iter(sorted(miniature.rglob("*.avi")) or sorted(miniature.rglob("*.mp4"))))
    content = bytearray(clip.read_bytes())
    content[len(content) // 2] ^= 1
    clip.write_bytes(content)
    code, out, err = bench("data", "verify", "mini-ucf", "--tier", "ci")
    assert code == 5
    assert clip.name in out
    assert "1 problem(s)" in err


def test_a_dataset_in_its_owners_layout_is_counted_and_decoded(bench, miniature):
    code, out, err = bench("data", "verify", "ucf101", "--root", str(miniature), "--decode", "2")
    assert code == 0, err
    assert out.endswith("ucf101: sound\n")
    assert "train" in out and "test" in out

    lost = next(iter(sorted(miniature.rglob("*.avi")) or sorted(miniature.rglob("*.mp4"))))
    lost.unlink()
    code, out, err = bench("data", "verify", "ucf101", "--root", str(miniature), "--decode", "2")
    assert code == 5
    assert lost.name in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["data", "verify", "mini-ucf", "--tier", "ci"], 3, "bench data miniature mini-ucf"),
        (["data", "audit", "mini-ucf", "--tier", "ci"], 3, "bench data miniature mini-ucf"),
        (["data", "verify", "lrw"], 2, "--root"),
        (["data", "verify", "mini-ufc"], 2, "'mini-ucf'"),
        (["data", "verify", "lrw", "--root", "nowhere"], 3, "no folder and no file"),
        (["data", "miniature", "mini-ucf", "--tier", "tiny"], 2, "'tiny'"),
        (["results", "verify", "--runs", "nowhere"], 3, "does not exist"),
        (["results", "invalidate", "x", "--runs", "nowhere", "--reason", "r"], 2, "no record"),
        (["report", "--runs", "nowhere", "--no-published"], 3, "does not exist"),
    ],
)
def test_what_is_not_there(bench, arguments, code, words):
    found, out, err = bench(*arguments)
    assert (found, out) == (code, "")
    assert words in err


def test_an_empty_root_is_not_ready(bench, tmp_path):
    code, _, err = bench("data", "verify", "lrw", "--root", str(tmp_path))
    assert code == 3
    assert str(tmp_path) in err


def test_a_cache_that_refuses_is_not_ready(bench, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))
    code, _, err = bench("data", "miniature", "mini-ucf", "--tier", "ci", "--jobs", "1")
    assert code == 3
    assert "BENCH_CACHE" in err


def test_report_writes_the_published_tables(bench, tmp_path):
    code, out, _ = bench("report", "--format", "term,csv", "--out", str(tmp_path / "tables"))
    assert code == 0
    assert "GLCM Table 4" in out
    assert out.endswith(f"{tmp_path / 'tables' / 'report.csv'}\n")
    assert (tmp_path / "tables" / "report.csv").stat().st_size > 0


def test_results_of_an_empty_folder_are_sound(bench, tmp_path):
    code, out, _ = bench("results", "verify", "--runs", str(tmp_path))
    assert (code, out) == (0, f"{tmp_path}: 0 record(s), all sound\n")
