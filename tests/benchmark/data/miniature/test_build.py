"""The builder: complete, resumable, repeatable, verified."""

from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest
from toy_sets import TOYS, Toy

from benchmark.data.miniature.build import SETS, ensure, folder, load_set, verify
from benchmark.data.miniature.store import INDEX_COLUMNS
from registries.errors import UsageError


@pytest.fixture
def toy(tmp_path):
    Toy.drawn.clear()
    return ensure("toy", tier="ci", cache=tmp_path, jobs=1, sets=TOYS)


def index_of(root):
    with (root / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_folder_and_files(toy, tmp_path):
    assert toy == tmp_path / "miniature" / "toy-v3-ci"
    assert (toy / "lists/all.txt").read_bytes().count(b"\r\n") == 6
    assert (toy / "clips/a/000.txt").read_text() == "Duration: 0.5\n"
    landmarks = np.load(toy / "landmarks/clips/a/000.npy")
    assert landmarks.dtype == np.float32 and landmarks.shape == (5, 5, 2)
    assert not list(toy.rglob("*.part")) and not (toy / ".journal.jsonl").exists()


def test_index_keeps_the_planned_order_and_the_hashes(toy):
    rows = index_of(toy)
    assert tuple(rows[0]) == INDEX_COLUMNS
    assert [row["path"] for row in rows] == [item.path for item in Toy().items("ci")]
    for row in rows:
        content = (toy / row["path"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert (int(row["bytes"]), row["frames"], row["seconds"]) == (len(content), "5", "0.5")


def test_ground_truth_is_plain_json(toy):
    first = json.loads((toy / "gt.jsonl").read_text().splitlines()[0])
    assert first["numbers"] == [0, 1, 2] and first["level"] == 0.5 and first["flag"] is True
    assert (first["path"], first["split"], first["label"]) == ("clips/a/000.mp4", "train", "a")
    assert first["seed"] == [2021, 9000, 0] and first["crf"] == 25


def test_card_names_the_set_and_its_index(toy):
    card = json.loads((toy / "card.json").read_text())
    assert (card["name"], card["version"], card["tier"], card["kind"]) == (
        "toy",
        3,
        "ci",
        "miniature",
    )
    assert card["counts"]["splits"] == {"test": 3, "train": 3} and card["fps"] == [10]
    assert card["difficulty"] == {"noise": 2.0}
    index = (toy / "index.csv").read_bytes()
    assert card["index_sha256"] == hashlib.sha256(index).hexdigest()


def test_a_complete_set_is_not_touched(toy, tmp_path):
    assert len(Toy.drawn) == 6
    assert ensure("toy", tier="ci", cache=tmp_path, jobs=1, sets=TOYS) == toy
    assert len(Toy.drawn) == 6


def test_two_processes_write_the_same_bytes(toy, tmp_path):
    other = ensure("toy", tier="ci", cache=tmp_path / "other", jobs=2, sets=TOYS)
    for name in ("index.csv", "files.csv", "card.json"):
        assert (other / name).read_bytes() == (toy / name).read_bytes()


def test_resumes_after_a_kill(tmp_path):
    Toy.drawn.clear()
    with pytest.raises(KeyboardInterrupt):
        ensure("toy-breaks", tier="ci", cache=tmp_path, jobs=1, sets=TOYS)
    root = folder("toy", tier="ci", cache=tmp_path, sets=TOYS)  # Breaks shares Toy's name
    assert not (root / "card.json").exists() and len(Toy.drawn) == 3
    (root / "clips/b/001.mp4").write_bytes(b"cut")  # one of the three was not complete
    with (root / ".journal.jsonl").open("a") as journal:
        journal.write('{"index": {"path": "clips/')  # and the kill cut a line
    done = []
    report = lambda *counts: done.append(counts)  # noqa: E731
    ensure("toy", tier="ci", cache=tmp_path, jobs=1, sets=TOYS, progress=report)
    assert Toy.drawn[3:] == [
        "clips/b/001.mp4",
        "clips/b/003.mp4",
        "clips/a/004.mp4",
        "clips/b/005.mp4",
    ]
    assert done == [(3, 6), (4, 6), (5, 6), (6, 6)]
    assert verify(root) == []


def test_verify_names_every_damage(toy):
    assert verify(toy) == []
    clip = toy / "clips/a/000.mp4"
    clip.write_bytes(clip.read_bytes()[:-1] + b"\x00\x00")
    (toy / "clips/b/001.txt").unlink()
    (toy / "stray.txt").write_text("")
    problems = verify(toy)
    assert len(problems) == 3
    assert "clips/a/000.mp4 has" in problems[0]
    assert problems[1:] == ["clips/b/001.txt is missing", "stray.txt is not part of the set"]
    (toy / "index.csv").write_text("")
    assert verify(toy) == ["index.csv differs from the hash in card.json"]
    (toy / "card.json").unlink()
    assert "not complete" in verify(toy)[0]


def test_usage_errors(tmp_path):
    with pytest.raises(UsageError, match="mini-lrw"):
        ensure("mini-lwr", tier="ci", cache=tmp_path)
    with pytest.raises(UsageError, match="small"):
        ensure("toy", tier="smal", cache=tmp_path, sets=TOYS)
    with pytest.raises(UsageError, match="jobs is 0"):
        ensure("toy", tier="ci", cache=tmp_path, jobs=0, sets=TOYS)
    with pytest.raises(ValueError, match="more than once"):
        ensure("toy-twice", tier="ci", cache=tmp_path, jobs=1, sets=TOYS)


def test_a_worker_that_builds_again_is_refused(tmp_path, monkeypatch):
    root = folder("toy", tier="ci", cache=tmp_path, sets=TOYS)
    monkeypatch.setenv("BENCH_MINIATURE_BUILDING", str(root))
    with pytest.raises(UsageError, match="__main__"):
        ensure("toy", tier="ci", cache=tmp_path, sets=TOYS)


@pytest.mark.parametrize("name", SETS)
def test_every_set_keeps_the_contract_of_its_plan(name):
    dataset = load_set(name)
    assert dataset.name == name and dataset.version >= 1
    sizes = []
    for tier in ("ci", "small", "base"):
        items = dataset.items(tier)
        sizes.append(len(items))
        assert (
            len({item.path for item in items}) == len({item.seed for item in items}) == len(items)
        )
    assert sizes == sorted(sizes)
