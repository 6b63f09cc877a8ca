"""How a sound is recorded: room, noise, microphone and level, drawn apart from what sounds.

The low-pass comes last but for the level, over sound and noise alike: in ESC-50 the band limit of a
file depends on its class (the owners warn of it); here it depends on nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from benchmark.data.miniature.clip import SAMPLE_RATE
from benchmark.data.miniature.impacts import room

LOUDNESS = (-40.0, -28.0)  # dB full scale, RMS of a clip; chosen: room for peaks of 28 dB
LOW_PASS = (3000.0, 7900.0)  # Hz; chosen: below 8,000, half the sample rate
REVERB = (0.1, 0.5)  # seconds until the reverberation is 60 dB down; chosen
WET = (0.05, 0.6)  # its power over the direct sound's; chosen
PEAK = 0.98  # largest sample; chosen


def record(
    sound: np.ndarray, rng: np.random.Generator, *, snr: tuple[float, float]
) -> tuple[np.ndarray, dict[str, Any]]:
    """A recording of `sound` (N,), float32, and what was drawn for it; snr: range in dB."""
    samples = len(sound)
    drawn = {
        "snr_db": rng.uniform(*snr),
        "loudness_db": rng.uniform(*LOUDNESS),
        "low_pass_hz": rng.uniform(*LOW_PASS),
        "reverb_seconds": rng.uniform(*REVERB),
        "wet": rng.uniform(*WET),
    }
    wet = _unit(_reverberate(sound, rng, drawn))
    noise = 10 ** (-drawn["snr_db"] / 20) * room(rng, seconds=samples / SAMPLE_RATE)
    limit = butter(6, drawn["low_pass_hz"], fs=SAMPLE_RATE, output="sos")
    wave = _unit(sosfilt(limit, wet + noise)) * 10 ** (drawn["loudness_db"] / 20)
    # a rare peak is cut, not scaled: scaling would tie the level to sounds with high peaks
    drawn["cut_samples"] = int((np.abs(wave) > PEAK).sum())
    return np.clip(wave, -PEAK, PEAK).astype(np.float32), drawn


def _reverberate(
    sound: np.ndarray, rng: np.random.Generator, drawn: Mapping[str, float]
) -> np.ndarray:
    """The sound and its decaying echo: (N,) -> (N,)."""
    time = np.arange(round(drawn["reverb_seconds"] * SAMPLE_RATE)) / SAMPLE_RATE
    # 60 dB are a factor of 1,000 in amplitude
    tail = rng.standard_normal(len(time)) * 1000.0 ** (-time / drawn["reverb_seconds"])
    tail *= np.sqrt(drawn["wet"] / (tail**2).sum())
    tail[0] += 1.0
    return fftconvolve(sound, tail)[: len(sound)]


def _unit(wave: np.ndarray) -> np.ndarray:
    """Scaled to a root mean square of 1; silence stays silent."""
    return wave / np.sqrt(np.mean(wave**2) + 1e-12)
