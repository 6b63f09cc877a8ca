"""Contact sounds: the timbre says what was struck (by shape), the times say when (by motion).

A strike is a sum of decaying partials plus a burst of noise. Loudness is set for the whole clip and
drawn apart from what strikes and how often, so it tells nothing about either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from benchmark.data.miniature.clip import SAMPLE_RATE

LOUDNESS = (
    -40.0,
    -30.0,
)  # dB full scale, RMS of a clip; chosen: strikes have a crest of some 30 dB
SNR = (14.0, 30.0)  # dB of the strikes over the room's noise; chosen
PEAK = 0.98  # largest sample; chosen
PITCH = 1 / 6  # octaves, +-12 % from clip to clip; chosen


@dataclass(frozen=True)
class Timbre:
    """How one shape sounds: partials (Hz at pitch 1) with a common decay, noise of the touch.

    decay, touch: seconds to 1/e · noise: level of the touch over the partials · band: Hz, its
    limits.
    """

    partials: tuple[float, ...]
    decay: float
    noise: float
    touch: float
    band: tuple[float, float]


# Ratios: membrane (Bessel zeros), wood block, free bar (1 : 2.76 : 5.40), bell; the rest chosen.
TIMBRES: dict[str, Timbre] = {
    "disc": Timbre((140.0, 223.0, 299.0, 322.0), 0.09, 0.25, 0.010, (60.0, 900.0)),
    "square": Timbre((520.0, 1310.0), 0.03, 0.60, 0.008, (400.0, 2500.0)),
    "triangle": Timbre((2450.0, 3890.0, 5170.0, 6420.0), 0.16, 0.15, 0.004, (2000.0, 7500.0)),
    "bar": Timbre((780.0, 2153.0, 4212.0), 0.11, 0.20, 0.006, (500.0, 5000.0)),
    "ring": Timbre((410.0, 820.0, 984.0, 1230.0, 1640.0), 0.20, 0.10, 0.006, (300.0, 3000.0)),
    "cross": Timbre((1150.0,), 0.02, 2.50, 0.030, (1500.0, 7000.0)),
    # of no shape, for mini-Kinetics-Sound; string: all harmonics, tube: the odd ones, rest chosen
    "string": Timbre((260.0, 520.0, 780.0, 1040.0, 1300.0), 0.25, 0.05, 0.004, (300.0, 2500.0)),
    "tube": Timbre((610.0, 1830.0, 3050.0), 0.07, 0.30, 0.012, (400.0, 3500.0)),
    "box": Timbre((175.0, 390.0, 640.0), 0.04, 0.80, 0.015, (100.0, 1200.0)),
    "shaker": Timbre((5200.0,), 0.01, 3.00, 0.060, (3500.0, 7600.0)),
}


def strikes(
    times: np.ndarray,
    shape: str,
    rng: np.random.Generator,
    *,
    seconds: float,
    shorten: float = 1.0,
    octaves: float = PITCH,
) -> np.ndarray:
    """Place a strike of the shape's timbre at each time: (K,) seconds -> (N,), peak about 1.

    One pitch for a clip, at most `octaves` up or down, small differences between strikes.
    shorten < 1 shortens all decays.
    """
    timbre = TIMBRES[shape]
    wave = np.zeros(round(seconds * SAMPLE_RATE) + 2 * SAMPLE_RATE, np.float32)
    pitch = 2.0 ** rng.uniform(-octaves, octaves)
    decay = timbre.decay * shorten * rng.uniform(0.8, 1.25)
    for when in times:
        strike = _strike(timbre, rng, pitch=pitch * (1 + 0.01 * rng.standard_normal()), decay=decay)
        start = round(when * SAMPLE_RATE)
        wave[start : start + len(strike)] += rng.uniform(0.6, 1.0) * strike
    return wave[: round(seconds * SAMPLE_RATE)]


def _strike(timbre: Timbre, rng: np.random.Generator, *, pitch: float, decay: float) -> np.ndarray:
    """One strike, six decays long; partials start at random phases with a millisecond of attack."""
    length = round(6 * max(decay, timbre.touch) * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    tone = np.zeros(length)
    for order, partial in enumerate(timbre.partials):
        # high partials die faster, as in every struck body
        fade = np.exp(-time * (1 + 0.4 * order) / decay)
        phase = rng.uniform(0, 2 * np.pi)
        level = rng.uniform(0.7, 1.0) / (1 + 0.35 * order)
        tone += level * fade * np.sin(2 * np.pi * min(partial * pitch, 7600.0) * time + phase)
    hiss = _noise(rng, length, timbre.band) * np.exp(-time / timbre.touch)
    attack = np.minimum(time / 0.001, 1.0)
    return ((tone / len(timbre.partials) ** 0.5 + timbre.noise * hiss) * attack).astype(np.float32)


def _noise(rng: np.random.Generator, length: int, band: tuple[float, float]) -> np.ndarray:
    """Band-limited noise of unit power: (length,)."""
    sos = butter(2, band, "bandpass", fs=SAMPLE_RATE, output="sos")
    sound = sosfilt(sos, rng.standard_normal(length + 256))[256:]
    return sound / (np.sqrt(np.mean(sound**2)) + 1e-9)


def room(rng: np.random.Generator, *, seconds: float) -> np.ndarray:
    """Steady background noise of unit power and random colour: (N,) float32."""
    length = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    spectrum *= (np.maximum(hertz, 50.0) / 50.0) ** (
        -rng.uniform(0.2, 1.0)
    )  # between white and pink-brown
    sound = np.fft.irfft(spectrum, length)
    return (sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def music(rng: np.random.Generator, *, seconds: float) -> np.ndarray:
    """A bed of plucked chord notes on a steady beat, unit power: (N,) float32."""
    length = round(seconds * SAMPLE_RATE)
    wave = np.zeros(length + 2 * SAMPLE_RATE)
    root, beat = rng.uniform(90, 200), rng.uniform(0.22, 0.5)
    scale = np.array((0, 3, 5, 7, 10, 12, 15, 17))  # minor pentatonic, semitones
    for start in np.arange(-rng.uniform(0, beat), seconds, beat):
        pitch = root * 2 ** (int(rng.choice(scale)) / 12)
        time = np.arange(round(1.2 * SAMPLE_RATE)) / SAMPLE_RATE
        note = sum(np.sin(2 * np.pi * k * pitch * time) / k**1.5 for k in range(1, 6)) * np.exp(
            -time / 0.4
        )
        note *= np.minimum(time / 0.005, 1.0)
        offset = round(start * SAMPLE_RATE)
        wave[max(offset, 0) : offset + len(note)] += note[max(-offset, 0) :]
    wave = wave[:length]
    return (wave / np.sqrt(np.mean(wave**2) + 1e-12)).astype(np.float32)


def unseen(
    rng: np.random.Generator, timbres: Sequence[str], *, count: int, seconds: float, octaves: float
) -> np.ndarray:
    """What else is struck, out of the picture, over a quiet room; unit power: (N,) float32.

    `count` series of one to four strikes at any time, each of one of `timbres`, up to 6 dB below
    one another (chosen).
    """
    mixed = 0.1 * room(rng, seconds=seconds)  # 20 dB below one series; chosen
    for _ in range(count):
        times = rng.uniform(0, seconds, int(rng.integers(1, 5)))
        wave = strikes(times, str(rng.choice(timbres)), rng, seconds=seconds, octaves=octaves)
        gain = 10 ** (rng.uniform(-6, 0) / 20)
        mixed = mixed + gain * wave / np.sqrt(np.mean(wave**2) + 1e-12)
    return (mixed / np.sqrt(np.mean(mixed**2))).astype(np.float32)


def level(
    sound: np.ndarray,
    bed: np.ndarray,
    rng: np.random.Generator,
    *,
    snr: tuple[float, float] = SNR,
) -> np.ndarray:
    """Mix strikes with a bed of unit power at a random ratio (dB) and a random level, (N,) each.

    Both draws are independent of what sounds. Where the peak would clip, the wave is scaled down to
    fit.
    """
    ratio = 10 ** (-rng.uniform(*snr) / 20)
    loudness = 10 ** (rng.uniform(*LOUDNESS) / 20)
    power = np.sqrt(np.mean(sound**2))
    mixed = sound / power + ratio * bed if power > 1e-6 else bed
    mixed = mixed * (loudness / np.sqrt(np.mean(mixed**2)))
    return (mixed * min(1.0, PEAK / np.abs(mixed).max())).astype(np.float32)
