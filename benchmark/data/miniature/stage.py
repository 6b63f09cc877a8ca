"""Where objects act: a still scene wider than the picture, and the path of the camera over it."""

from __future__ import annotations

import cv2
import numpy as np

from benchmark.data.miniature.camera import draw_background, pan
from benchmark.data.miniature.clip import SIZE

MARGIN = 28  # pixels of scene around the picture, more than drift and jitter together; chosen


def draw_stage(rng: np.random.Generator) -> np.ndarray:
    """A still background (SIZE + 2 MARGIN, same, 3) float32, softened as by a lens out of focus."""
    return cv2.GaussianBlur(draw_background(rng, frames=1, size=SIZE + 2 * MARGIN)[0], (0, 0), 0.7)


def film(stage: np.ndarray, path: np.ndarray) -> np.ndarray:
    """The scene shifted by `path` (T, 2) pixels: (T, SIZE, SIZE, 3)."""
    return pan(stage, MARGIN - path, size=SIZE)


def drift(rng: np.random.Generator, times: np.ndarray, *, reach: float) -> np.ndarray:
    """A slow excursion of at most `reach` pixels to each side, periods of 3-9 s: (T, 2)."""
    size = rng.uniform(0.2, 1.0, 2) * reach
    period, phase = rng.uniform(3.0, 9.0, 2), rng.uniform(0, 2 * np.pi, 2)
    return size * np.sin(phase + 2 * np.pi * times[:, None] / period)


def shake(rng: np.random.Generator, frames: int, *, strength: float) -> tuple[np.ndarray, float]:
    """Hand-held jitter, fresh in each frame: (T, 2) pixels, and its s.d. around `strength`."""
    spread = strength * rng.uniform(0.1, 1.9)
    return np.clip(spread * rng.standard_normal((frames, 2)), -MARGIN / 3, MARGIN / 3), spread
