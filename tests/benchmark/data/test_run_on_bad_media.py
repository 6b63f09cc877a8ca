"""`bench run` on damaged and silent files: named before any training, in one paragraph."""

from __future__ import annotations

import shutil

import pytest
from coded_media import write_video

import benchmark.cells
import benchmark.run
from benchmark.cli import main as cli
from benchmark.data.miniature import build


@pytest.fixture
def bench(capsys, monkeypatch, mini_cache, tmp_path):
    """`bench(*arguments)` -> (exit code, what was said); training would fail loudly."""
    monkeypatch.setattr(benchmark.cells, "pretrain", None)
    monkeypatch.setattr(benchmark.cells, "evaluate", None)

    def call(*arguments: str) -> tuple[int, str]:
        code = cli.execute(["run", "--preset", "demo", "--out", str(tmp_path / "o"), *arguments])
        return code, " ".join(capsys.readouterr().err.split())

    return call


def copy_of_ucf(mini_cache, root):
    """Clips and lists in the owners' layout, without the card that makes them a miniature."""
    made = build.ensure("mini-ucf", tier="ci", cache=mini_cache)
    for name in ("UCF-101", "ucfTrainTestlist"):
        shutil.copytree(made / name, root / name)
    return sorted((root / "UCF-101").rglob("*.mp4"))


def test_a_truncated_video_is_named(bench, mini_cache, tmp_path):
    root = tmp_path / "ucf101"
    broken = copy_of_ucf(mini_cache, root)[0]
    broken.write_bytes(broken.read_bytes()[:2000])
    ask = ("--objective", "random", "--tasks", "ucf101", "--data", f"ucf101={root}")
    code, said = bench(*ask)
    assert code == 3
    assert broken.name in said.replace(" ", "")
    assert "1 of 90 files" in said


def test_a_broken_file_that_only_decoding_finds_is_named(bench, mini_cache, tmp_path):
    root = tmp_path / "ucf101"
    broken = copy_of_ucf(mini_cache, root)[3]
    content = bytearray(broken.read_bytes())
    start = content.find(b"mdat") + 8
    content[start : start + 4000] = bytes(4000)  # the header still reads well
    broken.write_bytes(content)
    ask = ("--objective", "random", "--tasks", "ucf101", "--data", f"ucf101={root}")
    code, said = bench(*ask)
    assert code == 3
    assert broken.name in said.replace(" ", "")


def test_pretraining_on_silent_videos_is_refused(bench, tmp_path):
    write_video(tmp_path / "silent" / "a.mp4", stamps=[k / 10 for k in range(40)], fps=10)
    code, said = bench(
        *("--objective", "glcm", "--tasks", "ucf101", "--pretrain-data", "folder"),
        *("--data", f"folder={tmp_path / 'silent'}"),
    )
    assert code == 3
    assert "has sound" in said
    assert "--pretrain-data" in said
