"""Does an object hop when something is heard? A probe on impacts and the onsets of the sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.data.miniature.audit_features import log_bands

SYNC_CLIPS = 200  # scenes decoded for the shift probe; chosen, standard error some 3 %
SHIFTS = (0.0, 0.05, 0.1, 0.15, 0.2)  # seconds by which the sound comes late; chosen
PULSE = 0.025  # seconds, width of an impact as the probe sees it; chosen
STEP, MIDDLE = 0.01, 0.0125  # seconds from onset to onset, and to the middle of the later window


def agreement(
    wave: np.ndarray,
    things: Sequence[Mapping[str, Any]],
    shifts: Sequence[float],
    *,
    fps: float | None = None,
) -> np.ndarray:
    """Correlation of each object's impacts with the onsets of a sound, (shifts, objects).

    shifts: seconds added to the impacts. fps: impacts are seen at the middles of so many frames a
    second, and onsets summed over each frame; None keeps the 10 ms of the onsets.
    """
    onset = np.clip(np.diff(log_bands(wave).mean(axis=1)), 0, None)
    times = (np.arange(len(onset)) + 1) * STEP + MIDDLE
    found = np.zeros((len(shifts), len(things)))
    for row, shift in enumerate(shifts):
        for column, thing in enumerate(things):
            seen = np.array(thing["impacts"])[:, None] + shift
            if fps is None:
                pulse, heard = np.exp(-(((times - seen) / PULSE) ** 2)).sum(axis=0), onset
            else:
                pulse, heard = _at_frames(seen, times, onset, fps)
            found[row, column] = _correlation(pulse, heard)
    return found


def _at_frames(
    seen: np.ndarray, times: np.ndarray, onset: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """What sparse frames show of impacts (a swell that decays in 50 ms), and onsets by frame."""
    count = int(times[-1] * fps)
    frames = (np.arange(count) + 0.5) / fps
    since = frames - seen
    pulse = np.where(since >= 0, np.exp(-np.maximum(since, 0) / 0.05), 0).sum(axis=0)
    heard = np.exp(-np.maximum(frames[:, None] - times, 0) / 0.05) * (times <= frames[:, None])
    return pulse, heard @ onset


def _correlation(pulse: np.ndarray, heard: np.ndarray) -> float:
    """Pearson's, 0 where one of both is constant."""
    if not pulse.std() or not heard.std():
        return 0.0
    return float(np.corrcoef(pulse, heard)[0, 1])
