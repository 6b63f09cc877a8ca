"""One person's landmarks through a clip: detect, follow, fill in between.

The largest face is followed: boxes of consecutive frames belong to one track where they overlap
(intersection over union at least 0.5, a gap of at most 40 frames: MDS, Chugh et al. 2020), and the
track with the largest sum of box areas wins, the earlier one of equals. Other faces of the clip
never fill its gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

import numpy as np

from benchmark.data.media import Media

OVERLAP = 0.5  # intersection over union; MDS
GAP = 40  # frames; MDS
NOTHING = np.zeros((1, 1, 3), np.uint8)  # kept of a frame once it has been looked at


class Face(NamedTuple):
    """box (4,): x0, y0, x1, y1 · points (5, 2), see points.py; pixels of the frame."""

    box: np.ndarray
    points: np.ndarray


class Detector(Protocol):
    """Finds the faces of one picture."""

    name: str
    version: str

    def faces(self, image: np.ndarray) -> list[Face]:
        """Every face of an RGB picture (H, W, 3) uint8, in any order."""
        ...


class Tracked:
    """A detector as a provider of landmarks; build: makes a detector, one for each busy thread.

    fps: pictures looked at a second, those between are interpolated (5: chosen);
    None: every picture, which lip reading needs.
    """

    def __init__(self, build: Callable[[], Detector], *, fps: float | None = None) -> None:
        first = build()
        self.name, self.version, self.fps = first.name, first.version, fps
        self._build, self._idle = build, SimpleQueue[Detector]()
        self._idle.put(first)

    def points(self, clip: Path, name: str) -> np.ndarray:
        """Five points of every frame of a clip, (T, 5, 2). Raises MediaError."""
        try:
            detector = self._idle.get_nowait()
        except Empty:
            detector = self._build()
        try:
            return track(clip, detector, fps=self.fps)
        finally:
            self._idle.put(detector)


def track(clip: Path, detector: Detector, *, fps: float | None = None) -> np.ndarray:
    """(T, 5, 2) float64 of the largest face, NaN where it is not found; row = frame of the file."""
    seen: dict[int, list[Face]] = {}
    with Media(clip) as media:
        step = 1 if fps is None else max(round(media.info.fps / fps), 1)
        due, last = 0, 0

        def look(image: np.ndarray, index: int) -> np.ndarray:
            nonlocal due, last
            last = max(last, index)
            if index >= due:
                seen[index] = detector.faces(image)
                due = index + step
            return NOTHING

        media.all_frames(0.0, np.inf, transform=look)
    return fill(follow(seen), sorted(seen), count=last + 1)


def follow(seen: Mapping[int, Sequence[Face]]) -> dict[int, Face]:
    """The faces of one person by frame, from the faces of all; empty where there is none."""
    tracks: list[dict[int, Face]] = []
    for index in sorted(seen):
        for face in sorted(seen[index], key=_area, reverse=True):
            near = []
            for known in tracks:
                last = next(reversed(known))
                overlap = _overlap(known[last].box, face.box)
                if 0 < index - last <= GAP and overlap >= OVERLAP:
                    near.append((overlap, known))
            if near:
                max(near, key=lambda pair: pair[0])[1][index] = face
            else:
                tracks.append({index: face})
    return max(tracks, key=lambda known: sum(map(_area, known.values())), default={})


def fill(found: Mapping[int, Face], looked: Sequence[int], *, count: int) -> np.ndarray:
    """(count, 5, 2): frames between two that were looked at are interpolated, the ends held.

    A frame beside one that was looked at in vain stays NaN: a miss is not covered up here.
    """
    at, known = np.arange(count), np.asarray(looked)
    points = np.full((len(looked), 5, 2), np.nan)
    for row, index in enumerate(looked):
        if index in found:
            points[row] = found[index].points
    left = np.clip(np.searchsorted(known, at, side="right") - 1, 0, None)
    right = np.minimum(left + 1, len(known) - 1)
    width = np.maximum(known[right] - known[left], 1)
    share = np.where(right > left, (at - known[left]) / width, 0.0).clip(0.0, 1.0)[:, None, None]
    mixed = (1 - share) * points[left] + share * points[right]
    return np.where(share == 0, points[left], mixed)  # 0 * NaN is NaN


def _area(face: Face) -> float:
    left, top, right, bottom = face.box
    return float(max(right - left, 0) * max(bottom - top, 0))


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    total = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - shared
    return shared / total if total > 0 else 0.0
