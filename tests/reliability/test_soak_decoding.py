"""Memory over 10,000 decoded clips, opened, read and closed as a loader's worker does it."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from damaged_files import plain

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.rows.columns import make_rows
from registries.sampling import ClipSampling, View

CLIPS, WARM_UP, ALLOWED = 10_000, 1_000, 50e6  # bytes
KINDS = {
    "a.mp4": plain(seconds=1.0, heard=(0, 1)),
    "b.mkv": plain(seconds=1.0, heard=(0, 1), rate=44_100, layout="stereo"),
    "c.avi": plain(seconds=1.0, heard=(0, 1), codec="mpeg4", sound="mp2", unit=10),
}
VIEWS = {
    "video": View(modality="video", clip_len=4, seconds=0.4),
    "audio": View(modality="audio", clip_len=16, seconds=0.4),
}


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow(tmp_path, capsys):
    for number, (name, make) in enumerate(KINDS.items(), start=1):
        make(tmp_path / name, number)
    rows = [{"id": name, "path": name, "split": "train"} for name in KINDS]
    facts = {"root": tmp_path, "labels": (), "kind": "full", "version": "1", "licence": "none"}
    listed = Manifest(name="soak", rows=make_rows(rows), expected=3, missing=(), **facts)
    clips = ClipDataset(listed, ClipSampling(VIEWS), size=56, train=True, seed=0)
    before = 0
    for count in range(CLIPS):
        assert clips[count]["data_samples"]["valid"]["video"] > 0.9
        if count == WARM_UP:
            gc.collect()
            before = resident()
    gc.collect()
    grown = resident() - before
    with capsys.disabled():
        print(f"\ngrowth over {CLIPS - WARM_UP:,} clips: {grown / 1e6:.1f} MB")  # noqa: T201
    assert grown < ALLOWED
