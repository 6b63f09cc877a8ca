"""Six kinds of sound, each a function of a few numbers: strikes, tones, motors, notes and so on.

    render("strikes", {"rate": 3, ...}, rng, seconds=2.0)     # (N,) float64 at 16 kHz, unit power

A family of `sound_families.py` names a kind and a range for each number; the numbers are a
source's, what is drawn here from `rng` is one recording of it. Own construction, no paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.signal import lfilter

from benchmark.data.miniature.clip import SAMPLE_RATE

TOP = 7600.0  # Hz, no partial above; chosen, below half the sample rate
PARTIALS = 5  # of a struck body; chosen
HARMONICS = 6  # of a tone or a motor; chosen
FORMANTS = (1.0, 2.1)  # of a voice, over its "formant"; chosen
WIDTHS = (120.0, 220.0)  # Hz, bandwidths of the formants; chosen
Numbers = Mapping[str, float]


def render(kind: str, numbers: Numbers, rng: np.random.Generator, *, seconds: float) -> np.ndarray:
    """One recording of a source: (N,), N = seconds * 16,000, root mean square 1."""
    wave = KINDS[kind](numbers, rng, round(seconds * SAMPLE_RATE))
    return wave / np.sqrt(np.mean(wave**2) + 1e-12)


def onsets(
    rng: np.random.Generator, *, rate: float, unevenness: float, seconds: float
) -> np.ndarray:
    """Seconds at which a renewal process fires in [0, seconds), from a random phase on.

    Gaps follow a gamma law of mean 1 / rate and s.d. unevenness / rate: 0 is a clock, 1 is Poisson.
    """
    shape = 1 / max(unevenness, 0.01) ** 2
    count = int(2 * rate * seconds) + 20
    gaps = rng.gamma(shape, 1 / (rate * shape), count)
    times = np.cumsum(gaps) - rng.uniform(0, 1) * gaps[0]
    return times[times < seconds]


def _strikes(p: Numbers, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Decaying partials pitch * k**stretch and a burst of noise at each onset."""
    wave = np.zeros(samples)
    length = round(6 * p["decay"] * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    attack = np.minimum(time / 0.001, 1.0)  # a millisecond: no click of its own
    times = onsets(rng, rate=p["rate"], unevenness=p["unevenness"], seconds=samples / SAMPLE_RATE)
    for when in times:
        pitch = p["pitch"] * 2 ** rng.normal(0, 0.03)  # no two blows are the same
        body = np.zeros(length)
        for k in range(1, PARTIALS + 1):
            hertz = pitch * k ** p["stretch"]
            if hertz < TOP:
                # high partials die faster, as in every struck body
                fade = np.exp(-time * (1 + 0.4 * k) / p["decay"])
                body += fade * np.sin(2 * np.pi * (hertz * time + rng.random())) / k**0.5
        burst = rng.standard_normal(length) * np.exp(-time / (0.2 * p["decay"]))
        _add(wave, (body + p["noise"] * burst) * attack * rng.uniform(0.6, 1.0), when)
    return wave


def _tones(p: Numbers, rng: np.random.Generator, samples: int) -> np.ndarray:
    """A tone whose pitch swings by +-depth octaves; `square`: from a sine to two steps."""
    time = np.arange(samples) / SAMPLE_RATE
    swing = np.sin(2 * np.pi * (p["rate"] * time + rng.random()))
    swing = np.tanh(p["square"] * swing) / np.tanh(p["square"])
    return _harmonics(p["pitch"] * 2 ** (p["depth"] * swing), fall=p["fall"], rng=rng)


def _motors(p: Numbers, rng: np.random.Generator, samples: int) -> np.ndarray:
    """A buzz whose speed swings by +-depth octaves at `rate`, with noise at each turn."""
    time = np.arange(samples) / SAMPLE_RATE
    swing = np.sin(2 * np.pi * (p["rate"] * time + rng.random()))
    hertz = p["pitch"] * 2 ** (p["depth"] * swing)
    buzz = _harmonics(hertz, fall=0.6, rng=rng)
    puffs = 0.5 + 0.5 * np.cos(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE)
    noise = lfilter([1.0], [1.0, -0.9], rng.standard_normal(samples))  # pink enough; chosen
    return buzz / buzz.std() + p["noise"] * puffs * noise / noise.std()


def _notes(p: Numbers, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Short tones that glide by `glide` octaves and trill at `trill` hertz."""
    wave = np.zeros(samples)
    length = round(p["length"] * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    place = time / p["length"] - 0.5
    times = onsets(rng, rate=p["rate"], unevenness=p["unevenness"], seconds=samples / SAMPLE_RATE)
    for when in times:
        hertz = p["pitch"] * 2 ** (p["glide"] * place + rng.normal(0, 0.05))
        shake = 0.5 + 0.5 * np.cos(2 * np.pi * (p["trill"] * time + rng.random()))
        note = _harmonics(np.minimum(hertz, TOP), fall=2.0, rng=rng, count=2)
        _add(wave, note * shake * np.hanning(length) * rng.uniform(0.6, 1.0), when)
    return wave


def _voices(p: Numbers, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Bursts of a buzz and of breath through two formants; the pitch drops by `drop` octaves."""
    wave = np.zeros(samples)
    length = round(p["length"] * SAMPLE_RATE)
    place = np.arange(length) / length
    shape = np.minimum(place / 0.1, 1.0) * np.cos(np.pi / 2 * place)  # fast rise, slow fall; chosen
    times = onsets(rng, rate=p["rate"], unevenness=p["unevenness"], seconds=samples / SAMPLE_RATE)
    for when in times:
        hertz = p["pitch"] * 2 ** (p["drop"] * (0.5 - place) + rng.normal(0, 0.05))
        turns = np.cumsum(hertz) / SAMPLE_RATE
        pulses = np.diff(np.floor(turns), prepend=0.0)  # one sample a period: a flat spectrum
        pulses /= np.sqrt(np.mean(pulses**2) + 1e-9)
        source = pulses + p["breath"] * rng.standard_normal(length)
        _add(wave, _formants(source, p["formant"]) * shape * rng.uniform(0.6, 1.0), when)
    return wave


def _hiss(p: Numbers, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Noise that falls as 1 / f**slope above `corner`, swelling by `depth`, over a hum.

    A swell is a sine at `rate` whose speed wanders with `wander` octaves.
    """
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum *= (1 + (hertz / p["corner"]) ** 2) ** (-p["slope"] / 2)
    noise = np.fft.irfft(spectrum, samples)
    time = np.arange(samples) / SAMPLE_RATE
    wander = p["wander"] * np.sin(2 * np.pi * (0.37 * p["rate"] * time + rng.random()))
    turns = np.cumsum(p["rate"] * 2**wander) / SAMPLE_RATE + rng.random()
    swell = 1 + p["depth"] * np.sin(2 * np.pi * turns)
    hum = _harmonics(np.full(samples, p["pitch"]), fall=1.0, rng=rng)
    return noise / noise.std() * swell + p["hum"] * hum / hum.std()


def _harmonics(
    hertz: np.ndarray, *, fall: float, rng: np.random.Generator, count: int = HARMONICS
) -> np.ndarray:
    """Multiples of a moving pitch, the k-th at 1 / k**fall: (N,) Hz -> (N,); none above TOP."""
    turns = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    wave = np.zeros(len(hertz))
    for k in range(1, count + 1):
        audible = k * hertz <= TOP
        wave += audible * np.sin(k * turns + rng.uniform(0, 2 * np.pi)) / k**fall
    return wave


def _formants(source: np.ndarray, formant: float) -> np.ndarray:
    """Two resonators in a row: (N,) -> (N,)."""
    for ratio, width in zip(FORMANTS, WIDTHS, strict=True):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        turn = 2 * np.pi * min(ratio * formant, TOP) / SAMPLE_RATE
        source = lfilter([1 - radius], [1.0, -2 * radius * np.cos(turn), radius**2], source)
    return source


def _add(wave: np.ndarray, event: np.ndarray, when: float) -> None:
    """Add an event that starts at `when` seconds; what leaves the end is cut. In place."""
    start = round(when * SAMPLE_RATE)
    stop = min(start + len(event), len(wave))
    wave[start:stop] += event[: stop - start]


KINDS: dict[str, Callable[[Numbers, np.random.Generator, int], np.ndarray]] = {
    "strikes": _strikes,
    "tones": _tones,
    "motors": _motors,
    "notes": _notes,
    "voices": _voices,
    "hiss": _hiss,
}
