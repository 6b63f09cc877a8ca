"""`bench data pack`, and runs that read packs."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from benchmark.cli import main as cli
from benchmark.data.miniature import build
from benchmark.results.store import RecordStore
from benchmark.settings import load_recipe

SMALL = (
    "tasks.ucf101.clip_len=4",
    "clip.clip_len=8",
    "clip.size=32",
    "video.base_channels=4",
    "audio.width=4",
    "pretrain.epochs=1",
    "finetune.epochs=1",
)


@pytest.fixture
def bench(capsys, mini_cache, tmp_path, monkeypatch):
    """Run one command line; exit code, stdout, stderr on one line. Packs are this test's own."""
    cache = tmp_path / "cache"
    cache.mkdir()
    build.ensure("mini-kav", tier="ci", cache=mini_cache)
    build.ensure("mini-ucf", tier="ci", cache=mini_cache)
    (cache / "miniature").symlink_to(mini_cache / "miniature")
    monkeypatch.setenv("BENCH_CACHE", str(cache))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.execute(list(arguments))
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["lrw"], 2, "--root"),
        (["mini-kav", "--root", "there"], 2, "leave out --root"),
        (["mini-kva"], 2, "'mini-kav'"),
        (["lrw", "--root", "nowhere"], 3, "nowhere"),
        (["mini-kav", "--task", "ucf"], 2, "'ucf101'"),
        (["mini-kav", "--task", "ucf101"], 2, "ucf101 reads ucf101 or mini-ucf, not 'mini-kav'"),
        (["mini-ucf", "--task", "ucf101", "--size", "40"], 2, "tasks.ucf101.size"),
        (["mini-kav", "--crop", "lips"], 2, "'lip'"),
        (["mini-kav", "-o", "pack.codec=png"], 2, "pack.codec"),
        (["mini-kav", "--check"], 3, "no complete pack"),
    ],
)
def test_what_cannot_be_packed(bench, arguments, code, words):
    found, out, err = bench("data", "pack", *arguments)
    assert (found, out) == (code, "")
    assert words in err


def test_a_miniature_is_packed_at_the_presets_rate_and_checked(bench, tmp_path):
    command = ("data", "pack", "mini-ucf", "--task", "ucf101", "--jobs", "1")
    code, out, err = bench(*command)
    assert code == 0, err
    assert "jpeg 95, 2.5 frames/s" in out and "-o pack.fps=2.5" in out
    (folder,) = (tmp_path / "cache" / "packs").iterdir()
    card = json.loads((folder / "pack.json").read_text())
    assert (card["dataset"], card["kind"], card["size"]) == ("mini-ucf", "miniature", 56)
    assert bench(*command, "--check")[:2] == (0, f"{folder}: sound\n")
    with (folder / "shard-00000.arrow").open("r+b") as file:
        file.seek(2000)
        file.write(b"damage")
    code, out, err = bench(*command, "--check")
    assert code == 5
    assert "shard-00000.arrow differs" in out and "1 of its files" in err


@pytest.mark.slow
def test_a_run_asks_for_its_packs_and_names_them_in_its_records(bench, tmp_path):
    options = [part for option in (*SMALL, "pack.quality=90") for part in ("-o", option)]
    run = ["run", "--objective", "moco", "--tasks", "ucf101", "--out", str(tmp_path / "runs")]
    for _ in range(2):  # what is pretrained on, and what the task reads
        code, _, err = bench(*run, *options)
        assert code == 3
        (asked,) = re.findall(r"`(bench data pack [^`]*)`", err)
        assert bench(*shlex.split(asked)[1:], "--jobs", "1")[0] == 0
    code, _, err = bench(*run, *options)
    assert code == 0, err
    records = list(RecordStore(tmp_path / "runs").current())
    assert {record.kind for record in records} == {"eval", "pretrain"}
    for record in records:
        assert record.recipe.config["pack"] == {"codec": "jpeg", "quality": 90, "fps": None}
        assert record.key_fields["pack"] == {"jpeg": 90}
        assert record.status == "done"


def test_only_what_changes_numbers_is_part_of_a_key():
    packs = {
        (): {},
        ("pack.codec=raw",): {},
        ("pack.codec=raw", "pack.fps=5"): {"pack": {"fps": 5.0}},
        ("pack.codec=jpeg",): {"pack": {"jpeg": 95}},
        ("pack.quality=80", "pack.fps=5"): {"pack": {"jpeg": 80, "fps": 5.0}},
    }
    for overrides, expected in packs.items():
        recipe = load_recipe("demo", overrides=overrides)
        assert recipe.changes == expected
        assert ("pack" in recipe.model_dump()) == bool(overrides)
