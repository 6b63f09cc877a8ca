"""A full disk: a clear message, what was written before is whole, the run goes on or resumes."""

from __future__ import annotations

import errno
import os
import subprocess

import pytest
import torch
from tiny_run import arguments, left_by, wrong

import benchmark.cells
import benchmark.features
import benchmark.results.predictions
from benchmark import checkpoint, disk
from benchmark.cli import main as cli
from benchmark.results import atomic
from benchmark.results.store import RecordStore


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(size): a tmpfs of that size, mounted anew or grown."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = []

    def size(text):
        options = f"remount,size={text}" if mounted else f"size={text}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
        mounted.append(text)
        return place

    yield size
    if mounted:
        subprocess.run(["umount", "--lazy", place], check=True)  # curves may still be open


@pytest.fixture(scope="module")
def undisturbed(mini_cache, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    assert cli.execute(arguments(out)) == 0
    return left_by(out)


def no_room(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def said(capsys) -> str:
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("size", "records"),
    [
        ("48k", 0),  # not even room for the record of the failure
        ("1m", 1),  # for records, not for checkpoints and encoders
    ],
)
def test_a_small_disk_stops_the_run_with_a_message_and_a_larger_one_completes_it(
    undisturbed, small_disk, capsys, size, records
):
    out = small_disk(size)
    ballast = out / "ballast"
    ballast.write_bytes(bytes(20_000))
    assert cli.execute(arguments(out)) == 1
    text = said(capsys)
    if records:
        assert f"no checkpoint at step 1: No space left on device, in {out}" in text
    assert f"the disk is full (No space left on device): {out} has" in text
    assert "Free some space" in text and "--out" in text
    found = RecordStore(out).read_all()
    assert [r.failure.exception for r in found] == ["DiskFullError"] * records
    assert ballast.read_bytes() == bytes(20_000) and wrong(out) == []
    small_disk("60m")
    assert cli.execute(arguments(out)) == 0
    assert left_by(out) == undisturbed


def test_a_checkpoint_without_room_costs_no_training(undisturbed, tmp_path, monkeypatch, capsys):
    whole, calls = checkpoint.save_atomically, []

    def sometimes(content, path):
        calls.append(path)
        return no_room() if len(calls) in (3, 4) else whole(content, path)

    monkeypatch.setattr(checkpoint, "save_atomically", sometimes)
    assert cli.execute(arguments(tmp_path)) == 0
    assert said(capsys).count("WARNING no checkpoint at step") == 2
    assert left_by(tmp_path) == undisturbed


def test_the_last_good_checkpoint_outlives_a_write_without_room(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pth"
    checkpoint.save_atomically({"step": 1}, path)
    monkeypatch.setattr(atomic.os, "fsync", no_room)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save_atomically({"step": 2}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]  # what was half written gives its room back


@pytest.mark.parametrize("what", ["predictions", "record", "record of a failure"])
def test_earlier_results_stay_and_the_rest_is_done_again(
    undisturbed, tmp_path, monkeypatch, capsys, what
):
    """The pretraining is recorded; then the disk is full while the cell is written."""
    whole = RecordStore.write

    def write(store, record):
        full = record.kind == "eval" and (record.status == "done" or what != "record")
        return no_room() if full else whole(store, record)

    with monkeypatch.context() as patch:
        if what == "predictions":
            patch.setattr(benchmark.results.predictions, "write_over", no_room)
        else:
            patch.setattr(RecordStore, "write", write)
        assert cli.execute(arguments(tmp_path)) == 1
    assert "the disk is full" in said(capsys) and wrong(tmp_path) == []
    kinds = [(record.kind, record.status) for record in RecordStore(tmp_path).read_all()]
    failure = [] if what == "record of a failure" else [("eval", "failed")]
    assert kinds == [("pretrain", "done"), *failure]
    assert cli.execute(arguments(tmp_path)) == 0
    assert left_by(tmp_path) == undisturbed


def test_a_feature_cache_without_room(tmp_path, monkeypatch, capsys, mini_cache):
    words = arguments(tmp_path, "--protocol", "knn", objective="random", tasks="ucf101")
    place = words.index("tasks.dfdc.clip_len=4")
    del words[place - 1 : place + 1]
    cache = tmp_path / "cache"  # without the features of other tests
    monkeypatch.setattr(benchmark.cells, "cache_dir", lambda: cache)
    with monkeypatch.context() as patch:
        patch.setattr(benchmark.features.np, "savez", no_room)
        assert cli.execute(words) == 1
    text = said(capsys)
    assert f"{cache} has" in text and "BENCH_CACHE (decoded clips, features)" in text
    assert cli.execute(words) == 0
    [record] = [record for record in RecordStore(tmp_path).current() if record.task]
    assert record.status == "done" and record.primary.n == 18


def test_other_errors_pass(tmp_path):
    with pytest.raises(PermissionError), disk.explained(tmp_path):
        raise PermissionError(errno.EACCES, "no")
    place = tmp_path / "not" / "there"
    named = pytest.raises(disk.DiskFullError, match=f"{place} has [0-9,.]+ MB left")
    with named, disk.explained(place):
        no_room()
