"""Does an object hop when something is heard? A probe on impacts and the onsets of the sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.data.miniature.audit_features import log_bands

SYNC_CLIPS = 200  # scenes decoded for the shift probe; chosen, standard error some 3 %
SHIFTS = (0.0, 0.05, 0.1, 0.15, 0.2)  # seconds by which the sound comes late; chosen
PULSE = 0.025  # seconds, width of an impact as the probe sees it; chosen
FADE = 0.05  # seconds to 1/e of an onset, as frames hear it; chosen
STEP, MIDDLE = 0.01, 0.0125  # seconds from onset to onset, and to the middle of the later window


def agreement(
    wave: np.ndarray, things: Sequence[Mapping[str, Any]], shifts: Sequence[float]
) -> np.ndarray:
    """Correlation of each object's impacts with the onsets of a sound, (shifts, objects).

    shifts: seconds added to the impacts.
    """
    onset, times = _onsets(wave)
    found = np.zeros((len(shifts), len(things)))
    for row, shift in enumerate(shifts):
        for column, thing in enumerate(things):
            seen = np.array(thing["impacts"])[:, None] + shift
            pulse = np.exp(-(((times - seen) / PULSE) ** 2)).sum(axis=0)
            found[row, column] = _correlation(pulse, onset)
    return found


def touching(
    wave: np.ndarray, things: Sequence[Mapping[str, Any]], *, fps: int, every: int
) -> np.ndarray:
    """Correlation of what each `every`-th frame shows with what is heard then, (objects,).

    Shown is how low an object is (lower edge of its box, camera and all); heard are the onsets,
    each fading within 50 ms.
    """
    onset, times = _onsets(wave)
    count = len(things[0]["boxes"])
    frames = ((np.arange(count) + 0.5) / fps)[every // 2 :: every]
    since = frames[:, None] - times
    heard = (np.exp(-np.maximum(since, 0) / FADE) * (since >= 0)) @ onset
    low = [np.array(thing["boxes"])[every // 2 :: every, 3] for thing in things]
    return np.array([_correlation(track, heard) for track in low])


def _onsets(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rises of the log energy, and the seconds at which they are."""
    onset = np.clip(np.diff(log_bands(wave).mean(axis=1)), 0, None)
    return onset, (np.arange(len(onset)) + 1) * STEP + MIDDLE


def _correlation(pulse: np.ndarray, heard: np.ndarray) -> float:
    """Pearson's, 0 where one of both is constant."""
    if not pulse.std() or not heard.std():
        return 0.0
    return float(np.corrcoef(pulse, heard)[0, 1])
