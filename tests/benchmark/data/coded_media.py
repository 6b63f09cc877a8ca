"""Small media whose every frame and sample says when it is: frame i shows i in binary."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIDE, CELL = 64, 16  # pixels; 4 x 4 cells, the first 8 carry the bits of the frame's index


def coded(index: int, *, width: int = SIDE) -> np.ndarray:
    """(64, width, 3): frame `index`; the code is in the left 64 pixels."""
    bits = np.array([(index >> bit) & 1 for bit in range(8)] + [0] * 8).reshape(4, 4)
    tile = np.kron(bits, np.ones((CELL, CELL))) * 200 + 20
    image = np.full((SIDE, width), 20.0)
    image[:, :SIDE] = tile
    return np.repeat(image[..., None], 3, axis=2).astype(np.uint8)


def read_code(frames: np.ndarray) -> list[int]:
    """Index shown by each of (T, h, w, 3), at any resolution, code in a left square."""
    side = frames.shape[1]
    cells = frames[:, :, :side].mean(-1).reshape(len(frames), 4, side // 4, 4, side // 4)
    bits = (cells.mean((2, 4)) > 120).reshape(len(frames), 16)[:, :8]
    return [int(code) for code in bits @ (1 << np.arange(8))]


def noise(seconds: float, rate: int, *, seed: int = 0) -> np.ndarray:
    """Sound in which no two moments are alike, below 3 kHz so that any codec carries it."""
    white = np.random.default_rng(seed).normal(0, 1, round(seconds * rate))
    spectrum = np.fft.rfft(white)
    spectrum[np.fft.rfftfreq(len(white), 1 / rate) > 3000] = 0
    wave = np.fft.irfft(spectrum, len(white))
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


def write_video(
    path: Path,
    *,
    stamps: Sequence[float],
    fps: int = 25,
    wave: np.ndarray | None = None,
    rate: int = 16_000,
    codecs: tuple[str, str] = ("libx264", "aac"),
    width: int = SIDE,
) -> Path:
    """Frames shown at `stamps` seconds (frame i shows the code i), and a mono wave from 0 s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codecs[0], rate=fps)
        video.width, video.height, video.pix_fmt = width, SIDE, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 1000 if fps == 1000 else fps)
        audio = None
        if wave is not None:
            audio = container.add_stream(codecs[1], rate=rate, layout="mono")
        unit = video.time_base
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(coded(index, width=width), format="rgb24")
            frame.pts, frame.time_base = round(stamp / unit), unit
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if wave is not None and audio is not None:
            for start in range(0, len(wave), 1024):
                part = (wave[None, start : start + 1024] * 32767).astype(np.int16)
                block = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
                block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return path
