"""The sound of an utterance: pulses that each ring three formants, plus friction and bursts.

Every pulse at time t adds, u seconds after it,

    sum_k a_k exp(-pi b_k u) sin(2 pi F_k(t) u)

F_k follows the visemes with the same window as the lips and is scaled by the speaker's vocal tract.
Unvoiced phones replace the glottal pulses by a dense random train. F adds noise around 5 kHz; C is
silence that ends in a burst exactly at the segment's end. Formant-wave synthesis (Rodet 1984) in
its plainest form. Differs: no attack ramp, fixed bandwidths.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.signal import butter, sosfilt

from benchmark.data.miniature.clip import SAMPLE_RATE
from benchmark.data.miniature.speaker import Speaker
from benchmark.data.miniature.viseme import Utterance

# Hz, first three formants; textbook values for vowels and l, chosen for the closed mouth and the
# labiodental
FORMANTS = {
    "C": (280.0, 1000.0, 2200.0),
    "A": (750.0, 1200.0, 2500.0),
    "I": (300.0, 2250.0, 3000.0),
    "U": (320.0, 800.0, 2250.0),
    "F": (350.0, 1350.0, 2400.0),
    "L": (400.0, 1050.0, 2800.0),
}
BANDWIDTHS = (70.0, 100.0, 150.0)  # Hz; chosen
AMPLITUDES = (1.0, 0.55, 0.3)  # chosen: a falling glottal spectrum
# loudness of the voiced pulses, of the unvoiced ones and of the 5 kHz noise, by viseme; chosen by
# ear
VOICED = {"C": 0.10, "A": 1.0, "I": 0.85, "U": 0.85, "F": 0.30, "L": 0.7}
WHISPER = {"C": 0.0, "A": 0.40, "I": 0.40, "U": 0.40, "F": 0.0, "L": 0.30}
FRICTION = {"C": 0.0, "A": 0.0, "I": 0.0, "U": 0.0, "F": 0.45, "L": 0.0}
BURST = (0.9, 0.004, 0.02)  # peak, decay and length in seconds; chosen
RING = (0.020, 0.010)  # seconds kept of a voiced and of an unvoiced ring; chosen
WHISPER_RATE = 900.0  # random pulses per second; chosen
GAIN_HALF_WIDTH = 0.010  # seconds; sound switches faster than lips move; chosen
RMS = 0.08  # root mean square of speech before the clip's own loudness; chosen
FLOOR = 0.002  # room noise; chosen


def synthesise(
    rng: np.random.Generator, utterance: Utterance, who: Speaker, *, seconds: float
) -> np.ndarray:
    """Speech of one clip: (N,) float32, N = seconds * 16,000, root mean square 0.08."""
    samples = round(seconds * SAMPLE_RATE)
    out = np.zeros(samples)
    out += _train(
        utterance, who, _glottal_times(rng, who, seconds=seconds), samples=samples, kind="voiced"
    )
    whisper = np.sort(rng.uniform(0, seconds, rng.poisson(WHISPER_RATE * seconds)))
    signs = rng.choice((-1.0, 1.0), len(whisper))
    out += _train(utterance, who, whisper, samples=samples, kind="whisper", signs=signs)
    out += _noise(rng, utterance, who, samples=samples)
    _add_bursts(rng, out, utterance)
    return (out * (RMS / max(1e-6, float(np.sqrt(np.mean(out**2)))))).astype(np.float32)


def finish(
    rng: np.random.Generator, voices: np.ndarray, *, loudness: tuple[float, float] = (0.6, 1.4)
) -> np.ndarray:
    """Mix speakers, add room noise, draw the loudness: (S, N) -> (N,) float32 in [-1, 1]."""
    mixed = voices.sum(axis=0) if len(voices) else np.zeros(voices.shape[1:])
    noisy = mixed + FLOOR * rng.standard_normal(len(mixed))
    return np.clip(noisy * rng.uniform(*loudness), -1, 1).astype(np.float32)


def _glottal_times(rng: np.random.Generator, who: Speaker, *, seconds: float) -> np.ndarray:
    """Times at which the integrated pitch (vibrato plus a slow melody) passes whole numbers."""
    grid = np.linspace(-0.03, seconds, int(seconds * 1000))
    vibrato = who.vibrato[1] * np.sin(2 * np.pi * who.vibrato[0] * grid + rng.uniform(0, 2 * np.pi))
    melody = rng.uniform(0.02, 0.08) * np.sin(
        2 * np.pi * rng.uniform(0.2, 0.8) * grid + rng.uniform(0, 2 * np.pi)
    )
    phase = np.cumsum(who.f0 * (1 + vibrato + melody)) * (grid[1] - grid[0]) + rng.random()
    return np.interp(np.arange(1, int(phase[-1]) + 1), phase, grid)


def _train(
    utterance: Utterance,
    who: Speaker,
    times: np.ndarray,
    *,
    samples: int,
    kind: str,
    signs: np.ndarray | None = None,
) -> np.ndarray:
    """Add one ring per pulse: (P,) seconds -> (N,)."""
    segments = utterance.segments
    if kind == "voiced":
        gains = [VOICED[s.viseme] if s.voiced else 0.0 for s in segments]
    else:
        gains = [
            WHISPER[s.viseme] if not s.voiced else who.breath * VOICED[s.viseme] for s in segments
        ]
    strength = utterance.follow(np.array(gains)[:, None], times, half_width=GAIN_HALF_WIDTH)[:, 0]
    audible = strength > 0.01
    times, strength = times[audible], strength[audible]
    if signs is not None:
        strength = strength * signs[audible]
    formants = who.tract * utterance.follow(np.array([FORMANTS[s.viseme] for s in segments]), times)
    first = np.ceil(times * SAMPLE_RATE).astype(np.int64)
    length = round(RING[0 if kind == "voiced" else 1] * SAMPLE_RATE)
    lag = (first - times * SAMPLE_RATE)[:, None] + np.arange(length)
    rings = np.zeros((len(times), length), dtype=np.float32)
    for index in range(3):
        turns = (2 * np.pi / SAMPLE_RATE) * formants[:, index : index + 1] * lag
        rings += np.sin(turns.astype(np.float32)) * _decay(index, length)
    rings *= strength[:, None].astype(np.float32)
    places = first[:, None] + np.arange(length)
    inside = (places >= 0) & (places < samples)
    return np.bincount(places[inside], weights=rings[inside], minlength=samples)


@lru_cache(maxsize=8)
def _decay(index: int, length: int) -> np.ndarray:
    lag = np.arange(length) / SAMPLE_RATE
    return (AMPLITUDES[index] * np.exp(-np.pi * BANDWIDTHS[index] * lag)).astype(np.float32)


def _noise(
    rng: np.random.Generator, utterance: Utterance, who: Speaker, *, samples: int
) -> np.ndarray:
    """Friction of F: white noise around 5 kHz under its envelope, (N,)."""
    centre = 5000.0 * who.tract**0.5  # a shorter tract hisses a little higher
    band = _band(round(centre / 100) * 100)
    hiss = sosfilt(band, rng.standard_normal(samples))
    grid = np.arange(0, samples + 16, 16) / SAMPLE_RATE  # 1 kHz is dense against a 10 ms window
    gains = np.array([FRICTION[s.viseme] * (0.6 if s.voiced else 1.0) for s in utterance.segments])
    envelope = utterance.follow(gains[:, None], grid, half_width=GAIN_HALF_WIDTH)[:, 0]
    return hiss * np.interp(np.arange(samples) / SAMPLE_RATE, grid, envelope)


@lru_cache(maxsize=32)
def _band(centre: int) -> np.ndarray:
    high = min(centre + 1200, SAMPLE_RATE // 2 - 200)
    return butter(2, (centre - 1200, high), btype="bandpass", fs=SAMPLE_RATE, output="sos")


def _add_bursts(rng: np.random.Generator, out: np.ndarray, utterance: Utterance) -> None:
    """A short decaying noise at the exact sample where each closure ends; in place."""
    peak, decay, length = BURST
    shape = np.exp(-np.arange(round(length * SAMPLE_RATE)) / (decay * SAMPLE_RATE))
    for segment in utterance.segments:
        first = round(segment.stop * SAMPLE_RATE)
        if segment.viseme != "C" or not 0 <= first < len(out):
            continue
        stop = min(len(out), first + len(shape))
        loud = peak * (0.6 if segment.voiced else 1.0)
        out[first:stop] += loud * shape[: stop - first] * rng.standard_normal(stop - first)
