"""What a lazy probe could read off a file: sizes, levels, colours, spectra, hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmark.data.miniature.clip import SAMPLE_RATE
from benchmark.data.miniature.media import SOUND, read_clip, read_sound

BANDS = 24  # triangular bands between 60 Hz and 7.6 kHz for audio statistics; chosen
WINDOW, HOP = 400, 160  # samples, 25 and 10 ms; the usual speech frame
HASH = 8  # a perceptual hash keeps 8 x 8 coefficients
NUISANCES = (
    "bytes",
    "seconds",
    "bit_rate",
    "loudness_db",
    "red",
    "green",
    "blue",
    "frame_difference",
    "sharpness",
)


@dataclass(frozen=True, kw_only=True)
class Features:
    """Measurements of M files, in the order of the index; what has no picture measures 0 there.

    nuisance (M, len(NUISANCES)) · audio (M, 2 BANDS): mean and s.d. over time of log band energies
    · picture_hash, sound_hash (M,) uint64.
    """

    nuisance: np.ndarray
    audio: np.ndarray
    picture_hash: np.ndarray
    sound_hash: np.ndarray


def measure(root: Path, index: Sequence[Mapping[str, str]]) -> Features:
    """Decode every clip once, in a few threads (decoding releases the interpreter lock)."""
    with ThreadPoolExecutor() as pool:
        parts = list(pool.map(lambda row: _measure(root / row["path"], int(row["bytes"])), index))
    nuisance, audio, picture, sound = zip(*parts, strict=True)
    return Features(
        nuisance=np.array(nuisance),
        audio=np.array(audio),
        picture_hash=np.array(picture, np.uint64),
        sound_hash=np.array(sound, np.uint64),
    )


def _measure(path: Path, size: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Nuisances, audio statistics and both hashes of one clip."""
    if path.suffix == SOUND:
        return _measure_sound(read_sound(path), size)
    frames, wave, step = read_clip(path)
    seconds = len(frames) * step
    grey = np.stack([cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]).astype(np.float32)
    difference = float(np.abs(np.diff(grey, axis=0)).mean())
    sharpness = float(np.mean([cv2.Laplacian(f, cv2.CV_32F).std() for f in grey[::8]]))
    colour = frames[::4].reshape(-1, 3).mean(axis=0)
    nuisance = [size, seconds, size / seconds, _loudness(wave), *colour, difference, sharpness]
    bands = log_bands(wave)
    audio = np.concatenate([bands.mean(axis=0), bands.std(axis=0)])
    return np.array(nuisance), audio, _picture_hash(grey), _sound_hash(bands)


def _measure_sound(wave: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """`_measure` of a sound alone: pictures measure 0 and all look alike."""
    seconds = len(wave) / SAMPLE_RATE
    nuisance = np.zeros(len(NUISANCES))
    nuisance[:4] = size, seconds, size / seconds, _loudness(wave)
    bands = log_bands(wave)
    audio = np.concatenate([bands.mean(axis=0), bands.std(axis=0)])
    return nuisance, audio, 0, _sound_hash(bands)


def _loudness(wave: np.ndarray) -> float:
    """Root mean square, dB of full scale."""
    return float(20 * np.log10(np.sqrt(np.mean(wave**2)) + 1e-9))


def log_bands(wave: np.ndarray, count: int = BANDS) -> np.ndarray:
    """Log energies in `count` bands of equal width in mel: (N,) -> (frames, count), dB."""
    starts = range(0, len(wave) - WINDOW + 1, HOP)
    pieces = np.stack([wave[s : s + WINDOW] for s in starts]) * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(pieces, axis=1)) ** 2
    mel = np.linspace(*(2595 * np.log10(1 + np.array((60.0, 7600.0)) / 700)), count + 2)
    corners = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    rows = zip(corners[:-2], corners[1:-1], corners[2:], strict=True)
    bank = np.stack(
        [
            np.clip(np.minimum((hertz - a) / (b - a), (c - hertz) / (c - b)), 0, None)
            for a, b, c in rows
        ]
    )
    return 10 * np.log10(power @ bank.T + 1e-8)


def _bits(values: np.ndarray) -> int:
    """Pack 64 comparisons with the median into one number."""
    flat = values.ravel()
    return int(np.packbits(flat > np.median(flat)).view(np.uint64)[0])


def _picture_hash(grey: np.ndarray) -> int:
    """Signs of the low DCT coefficients of the mean picture: (T, H, W) -> 64 bits."""
    small = cv2.resize(grey.mean(axis=0), (4 * HASH, 4 * HASH), interpolation=cv2.INTER_AREA)
    return _bits(cv2.dct(small)[:HASH, :HASH])


def _sound_hash(bands: np.ndarray) -> int:
    """Signs of the low DCT coefficients of the spectrogram: (frames, BANDS) -> 64 bits."""
    small = cv2.resize(bands.astype(np.float32), (4 * HASH, 4 * HASH), interpolation=cv2.INTER_AREA)
    return _bits(cv2.dct(small)[:HASH, :HASH])


def mouth_statistics(frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Sharpness, level and change inside the mouth and around it: (T, H, W, 3), (T, 5, 2) -> (12,).

    landmarks: both outer eye corners, nose tip, both mouth corners. Around: the cheeks beside the
    mouth.
    """
    rows = []
    for frame, points in zip(frames[::2], landmarks[::2], strict=True):
        middle, half = points[3:].mean(axis=0), np.linalg.norm(points[4] - points[3]) / 2 + 2
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
        inner = _patch(grey, middle, (1.3 * half, 1.1 * half))
        outer = _patch(grey, points[2], (1.6 * half, 0.7 * half))
        rows.append([value for patch in (inner, outer) for value in _texture(patch)])
    table = np.array(rows)
    return np.concatenate([table.mean(axis=0), table.std(axis=0)])


def _patch(grey: np.ndarray, middle: np.ndarray, half: tuple[float, float]) -> np.ndarray:
    """A window of fixed size 24 x 24 around `middle`, without resampling beyond one affine map."""
    scale = np.array(half) / 12
    matrix = np.array(
        [[scale[0], 0, middle[0] - 12 * scale[0]], [0, scale[1], middle[1] - 12 * scale[1]]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(grey, matrix, (24, 24), flags=flags, borderMode=cv2.BORDER_REFLECT)


def _texture(patch: np.ndarray) -> tuple[float, float, float]:
    """Mean level, contrast, and fine detail of a patch."""
    return float(patch.mean()), float(patch.std()), float(cv2.Laplacian(patch, cv2.CV_32F).std())
