"""A pack is the same however it came about; what is wrong with its clips or files is said."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.container import MediaError
from benchmark.data.dataset import ClipDataset
from benchmark.data.isolated import Lost
from benchmark.data.pack import write
from benchmark.data.pack.check import problems
from benchmark.data.pack.facts import CARD, read_facts
from benchmark.data.pack.index import FILE
from benchmark.data.pack.read import PackStore
from benchmark.data.pack.write import pack
from benchmark.disk import DiskFullError
from benchmark.settings import Pack
from registries.errors import NotReadyError
from registries.sampling import ClipSampling, View

SIGHT = ClipSampling({"v": View(modality="video", clip_len=4, seconds=0.5)})
JPEG = Pack(quality=80)
COMMAND = "bench data pack toy --root there"


@pytest.fixture
def small_shards(monkeypatch):
    """Two or three clips a file."""
    monkeypatch.setattr(write, "SHARD", 300_000)


def make(manifest, packs, *, jobs=1, **options):
    return pack(manifest, size=56, crop="full", how=JPEG, packs=packs, jobs=jobs, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def read(manifest, packs):
    store = PackStore(packs, JPEG, command=COMMAND)
    return ClipDataset(manifest, SIGHT, size=56, train=False, seed=0, store=store)


def change(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.slow
def test_any_number_of_processes_writes_the_same(heard, tmp_path, small_shards, monkeypatch):
    monkeypatch.setattr("benchmark.data.isolated.SHARE", 2)
    seen = []
    one, facts = make(heard, tmp_path / "one", progress=lambda *at: seen.append(at))
    assert seen == [(done, 6) for done in range(1, 7)]
    two, _ = make(heard, tmp_path / "two", jobs=2)
    assert content(one) == content(two)
    assert len(facts.shards) > 2
    assert (facts.samples, facts.clips) == (6, 6)
    assert facts.bytes == sum(path.stat().st_size for path in one.glob("shard-*"))


def test_a_killed_pack_goes_on_where_it_was(heard, tmp_path, small_shards):
    whole, _ = make(heard, tmp_path / "whole")

    def killed():
        def stop(done, _total):
            if done == 5:
                os.kill(os.getpid(), signal.SIGKILL)

        make(heard, tmp_path / "cut", progress=stop)

    process = multiprocessing.get_context("fork").Process(target=killed)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    cut = tmp_path / "cut" / whole.name
    written = {path: path.stat().st_mtime_ns for path in cut.glob("shard-*.arrow")}
    assert 0 < len(written) < len(list(whole.glob("shard-*.arrow")))
    assert not (cut / CARD).exists()
    with pytest.raises(NotReadyError, match="no pack"):
        read(heard, tmp_path / "cut")[0]
    seen = []
    make(heard, tmp_path / "cut", progress=lambda *at: seen.append(at))
    assert seen[0][0] > 1 and seen[-1] == (6, 6)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert content(cut) == content(whole)


def test_a_complete_pack_is_left_alone(heard, tmp_path):
    folder, facts = make(heard, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert make(heard, tmp_path) == (folder, facts)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize("lost", ["shard-00001.arrow", FILE])
def test_a_lost_file_is_written_again(heard, tmp_path, small_shards, lost):
    folder, _ = make(heard, tmp_path)
    before = content(folder)
    (folder / lost).unlink()
    assert list(problems(folder)) == [f"{folder / lost} is missing"]
    with pytest.raises(MediaError, match=rf"(?s){lost}.*delete it"):
        [read(heard, tmp_path)[row] for row in range(len(heard))]
    make(heard, tmp_path)
    assert content(folder) == before
    assert list(problems(folder)) == []


@pytest.mark.parametrize("place", ["frame", "head", "foot", "cut"])
def test_damage_is_noticed(heard, tmp_path, place):
    folder, _ = make(heard.take(1), tmp_path)
    path = folder / "shard-00000.arrow"
    data = path.read_bytes()
    if place == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        head = data.index(np.float64(0.04).tobytes())  # when the second frame begins
        jpeg = data.index(b"\xff\xd8\xff", len(data) // 8)
        change(path, {"frame": jpeg + 300, "head": head, "foot": len(data) - 40}[place])
    assert list(problems(folder)) == [f"{path} differs from its hash"]
    whole = ClipSampling({"v": View(modality="video", clip_len=100, seconds=4.0)})
    with pytest.raises(MediaError, match=r"(?s)shard-00000\.arrow.*damaged.*delete it"):
        read(heard.take(1), tmp_path).seeing(whole)[0]


def test_a_damaged_card_is_named(heard, tmp_path):
    folder, _ = make(heard.take(1), tmp_path)
    (folder / CARD).write_text("{}")
    with pytest.raises(MediaError, match=rf"{CARD}.*delete the folder"):
        read(heard.take(1), tmp_path)[0]


def test_a_part_of_what_was_packed_is_found(heard, tmp_path):
    make(heard, tmp_path)
    part = heard.keep(np.array([4, 1]))
    data = read(part, tmp_path)
    assert [data[row]["data_samples"]["id"] for row in (0, 1)] == ["a middle", "b"]
    assert data.store.warm(part, size=56) == []


def test_clips_that_are_not_there_or_have_changed(heard, manifest_of, coded_clips, tmp_path):
    shutil.copytree(coded_clips, tmp_path / "data")
    toy = manifest_of(tmp_path / "data", ["a.mp4", "wide.mp4", "silent.mp4"])
    make(toy.take(2), tmp_path / "packs")
    store = read(toy, tmp_path / "packs").store
    for size in (56, 40):
        with pytest.raises(NotReadyError) as error:
            store.warm(toy, size=size)
        assert f"`{COMMAND}`" in str(error.value)
    with pytest.raises(NotReadyError, match=r"1 of 3 clips .*silent\.mp4: not in the pack"):
        store.warm(toy, size=56)
    with pytest.raises(NotReadyError, match=r"silent\.mp4: not in the pack"):
        read(toy, tmp_path / "packs")[2]
    shutil.copy(coded_clips / "silent.mp4", tmp_path / "data" / "wide.mp4")
    with pytest.raises(NotReadyError, match=r"1 of 2 clips .*wide\.mp4: changed since"):
        store.warm(toy.take(2), size=56)
    with pytest.raises(NotReadyError, match=r"wide\.mp4: changed since"):
        read(toy, tmp_path / "packs")[1]
    (tmp_path / "data" / "a.mp4").unlink()
    with pytest.raises(MediaError, match=r"a\.mp4: No such file"):
        read(toy, tmp_path / "packs")[0]


def test_unreadable_clips_are_counted_and_listed(manifest_of, coded_clips, tmp_path):
    shutil.copytree(coded_clips, tmp_path / "data")
    (tmp_path / "data" / "bad.mp4").write_bytes(b"")
    toy = manifest_of(tmp_path / "data", ["a.mp4", "bad.mp4", "gone.mp4", "wide.mp4"])
    with pytest.raises(NotReadyError, match=r"(?s)2 of 4 files .*0 bytes.*gone\.mp4"):
        make(toy, tmp_path / "packs")
    folder, facts = make(toy, tmp_path / "packs", max_bad=0.5)
    assert (facts.samples, facts.clips) == (4, 2)
    assert [bad.id for bad in facts.bad] == ["bad.mp4", "gone.mp4"]
    assert facts == read_facts(folder)
    data = read(toy, tmp_path / "packs")
    assert data[3]["data_samples"]["id"] == "wide.mp4"
    bad = data.store.warm(toy, size=56, max_bad=0.5)
    assert [item.id for item in bad] == ["bad.mp4", "gone.mp4"]
    assert "0 bytes" in bad[0].reason
    with pytest.raises(NotReadyError, match="2 of 4 files"):
        data.store.warm(toy, size=56, max_bad=0.0)
    with pytest.raises(NotReadyError, match="0 bytes"):
        data[1]


def test_a_file_that_no_decoder_gets_through_is_one_of_them(heard, tmp_path, monkeypatch):
    def ask(question, items, *, jobs, limit):
        yield 1, Lost("the decoder crashed (exit code -11)")
        for position in (0, *range(2, len(items))):
            yield position, question(items[position])

    monkeypatch.setattr(write, "ask", ask)
    _, facts = make(heard, tmp_path, jobs=2, max_bad=0.5)
    assert facts.clips == 5
    assert "b.mp4: the decoder crashed" in facts.bad[0].reason


def test_a_full_disk_is_said_as_such(heard, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(DiskFullError, match="Free some space"):
            make(heard, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    (folder,) = tmp_path.iterdir()
    assert [path.name for path in folder.iterdir()] == [".lock"]
    make(heard, tmp_path)
    assert list(problems(folder)) == []


def test_two_at_once_are_refused(heard, tmp_path):
    def again(*_at):
        make(heard, tmp_path)

    with pytest.raises(NotReadyError, match="another process"):
        make(heard, tmp_path, progress=again)
