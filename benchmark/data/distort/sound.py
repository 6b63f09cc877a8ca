"""Distortions of sound, as copies of videos have them; strengths chosen.

Each is a pure function: wave (N,) float32 in [-1, 1], its rate in Hz and a generator, from which
the strength is drawn once -> a new wave of the same length, cut at [-1, 1].
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np

Array = np.ndarray[Any, Any]

SNR = (0.0, 20.0)  # dB; chosen
LOW, HIGH = (100.0, 500.0), (2000.0, 4000.0)  # Hz, edges of the band; chosen, around a telephone's
ORDER = 4  # of the filter, 24 dB an octave after both passes; chosen
GAIN = (-10.0, 10.0)  # dB; chosen
BITS = (12_000, 24_000)  # bit/s of AAC; chosen: a fifth to two fifths of the miniatures' own
BLOCK = 1024  # samples in one AAC frame (ISO/IEC 14496-3)
SEMITONES = (-1.0, 1.0)  # one of both; chosen
WINDOW = 2048  # samples, librosa's own for stretching time


def noise(wave: Array, rng: np.random.Generator, *, rate: int) -> Array:
    """White noise, 0 to 20 dB below the sound; silence stays silent."""
    snr = rng.uniform(*SNR)
    level = np.sqrt(np.mean(wave.astype(np.float64) ** 2)) * 10 ** (-snr / 20)
    return _cut(wave + level * rng.standard_normal(len(wave)))


def band(wave: Array, rng: np.random.Generator, *, rate: int) -> Array:
    """What a small loudspeaker leaves: a band from 100-500 Hz to 2-4 kHz, without delay."""
    from scipy.signal import butter, sosfiltfilt  # half a second to import

    edges = (rng.uniform(*LOW), min(rng.uniform(*HIGH), 0.45 * rate))
    sections = butter(ORDER, edges, btype="bandpass", fs=rate, output="sos")
    long_enough = len(wave) > 6 * (ORDER + 1)  # what the filter pads with at both ends
    return _cut(sosfiltfilt(sections, wave) if long_enough else wave)


def gain(wave: Array, rng: np.random.Generator, *, rate: int) -> Array:
    """Up to 10 dB softer or louder; what leaves [-1, 1] is cut."""
    return _cut(wave * 10 ** (rng.uniform(*GAIN) / 20))


def aac(wave: Array, rng: np.random.Generator, *, rate: int) -> Array:
    """Coded as AAC of 12 to 24 kbit/s and decoded again, in step with the original."""
    bits, file = int(rng.integers(*BITS)), io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(
            "aac", rate=rate, layout="mono", options={"flags": "+bitexact"}
        )
        stream.bit_rate = bits
        for start in range(0, len(wave), BLOCK):
            part = np.ascontiguousarray(wave[None, start : start + BLOCK], np.float32)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    out = np.zeros(len(wave), np.float32)
    with av.open(file) as container:
        for frame in container.decode(container.streams.audio[0]):
            heard = frame.to_ndarray().reshape(-1)
            first = round(frame.time * rate)  # before 0: the coder's own delay
            low, high = max(first, 0), min(first + len(heard), len(out))
            if high > low:
                out[low:high] = heard[low - first : high - first]
    return _cut(out)


def pitch(wave: Array, rng: np.random.Generator, *, rate: int) -> Array:
    """A semitone up or down at the same speed; what is shorter than a window stays."""
    from librosa.effects import pitch_shift  # seconds to import

    steps = float(rng.choice(SEMITONES))
    if len(wave) < WINDOW:
        return _cut(wave)
    return _cut(pitch_shift(wave.astype(np.float32), sr=rate, n_steps=steps))


def _cut(wave: Array) -> Array:
    """As a file holds it."""
    return np.clip(wave, -1.0, 1.0).astype(np.float32)


SOUND: Mapping[str, Callable[..., Array]] = {
    "noise": noise,
    "band": band,
    "gain": gain,
    "aac": aac,
    "pitch": pitch,
}
