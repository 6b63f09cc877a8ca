"""A sound file (.wav, .flac, .ogg) behind the same `info` and `samples` as a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from benchmark.data.container import MediaInfo, failure

SOUND_FILES = frozenset({".wav", ".flac", ".ogg"})
LAST = 0.1  # s of the end that are read to see whether they are there; chosen


class SoundFile:
    """A sound file. Raises MediaError where it does not open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise failure(path, "the file is missing", "restore it, or leave it out of the list")
        try:
            header = soundfile.info(str(path))
        except soundfile.LibsndfileError as error:
            raise failure(path, f"it does not open as a sound file ({error})") from error
        if not header.samplerate or not header.frames:
            raise failure(path, "it holds no sound")
        self._total = header.frames
        self.info = MediaInfo(
            duration=header.frames / header.samplerate,
            fps=0.0,
            frames=0,
            width=0,
            height=0,
            has_video=False,
            has_audio=True,
            sample_rate=header.samplerate,
        )

    def check(self) -> bool:
        """Look whether the last samples are there; returns True, it can be heard."""
        count = round(LAST * self.info.sample_rate)
        self.samples(max(self._total - count, 0), min(count, self._total))
        return True

    def samples(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Media.samples`."""
        wave, there = np.zeros(count, np.float32), np.zeros(count, bool)
        low, high = max(first, 0), min(first + count, self._total)
        if high > low:
            wave[low - first : high - first] = self._read(low, high).mean(1)
            there[low - first : high - first] = True
        return wave, there

    def _read(self, low: int, high: int) -> np.ndarray:
        try:
            read, _ = soundfile.read(
                str(self.path), start=low, stop=high, dtype="float32", always_2d=True
            )
        except soundfile.LibsndfileError as error:
            raise failure(self.path, f"reading it stops with '{error}'") from error
        if len(read) < high - low:
            raise failure(self.path, f"{len(read)} of {high - low} samples can be read")
        if not np.isfinite(read).all():
            raise failure(self.path, "it holds samples that are no numbers")
        return read
