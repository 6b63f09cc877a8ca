"""Clips that packs are made of, and packs of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from coded_media import noise, write_video
from scipy.io import wavfile

from benchmark.data.manifest import Manifest
from benchmark.data.pack.read import PackStore
from benchmark.data.pack.write import pack
from benchmark.settings import Pack

RATE = 16_000
RAW = Pack(codec="raw")


@pytest.fixture(scope="session")
def coded_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of 25 fps, of changing rate, wide, silent, of another sample rate, and a sound file."""
    folder = tmp_path_factory.mktemp("coded")
    even = np.arange(100) / 25
    write_video(folder / "a.mp4", stamps=even, wave=noise(4, RATE))
    write_video(folder / "b.mp4", stamps=even, wave=noise(4, 44_100, seed=1), rate=44_100)
    uneven = np.cumsum(np.r_[0, np.tile([0.04, 0.04, 0.12], 20)])
    write_video(folder / "c.mkv", stamps=uneven, wave=noise(2.5, RATE, seed=2))
    write_video(folder / "wide.mp4", stamps=even[:50], width=96, wave=noise(2, RATE, seed=3))
    write_video(folder / "silent.mp4", stamps=even[:40])
    wave = (noise(3, RATE, seed=4) * 32767).astype(np.int16)
    wavfile.write(folder / "sound.wav", RATE, wave)
    return folder


@pytest.fixture
def heard(manifest_of: Callable[..., Manifest], coded_clips: Path) -> Manifest:
    """Samples with picture and sound; segments that begin between two frames and two samples."""
    return manifest_of(
        coded_clips,
        ["a.mp4", "b.mp4", "c.mkv", "wide.mp4", "a.mp4", "b.mp4"],
        id=["a", "b", "c", "wide", "a middle", "b middle"],
        start=[0.0, 0.0, 0.0, 0.0, 1.00003, 0.71],
        stop=[np.nan, np.nan, np.nan, np.nan, 2.98765, 3.0],
        label=[0, 1, 0, 1, 0, 1],
    )


@pytest.fixture
def packed(tmp_path: Path) -> Callable[..., PackStore]:
    """`packed(manifest, how, size=56)` packs it in this process, and gives the store of it."""

    def make(manifest: Manifest, how: Pack = RAW, **options: object) -> PackStore:
        given = {"size": 56, "crop": "full", "jobs": 1, **options}
        pack(manifest, how=how, packs=tmp_path / "packs", **given)
        return PackStore(tmp_path / "packs", how, command="bench data pack toy")

    return make
