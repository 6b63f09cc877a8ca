"""Landmarks for every clip of a dataset: run a provider, write the files and what is known of them.

A clip without landmarks in more than half of its frames gets no file: it is listed with the reason,
and a crop that needs landmarks refuses it. An interrupted run goes on where it stopped.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Protocol

import numpy as np

from benchmark.data.container import MediaError
from benchmark.data.landmarks import places
from benchmark.data.landmarks.files import Files, read_points
from benchmark.data.landmarks.points import MAX_MISSED, missed
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError, UsageError


class Provider(Protocol):
    """Gives the landmarks of a clip."""

    name: str
    version: str

    def points(self, clip: Path, name: str) -> np.ndarray:
        """(T, 5, 2), NaN in missed frames; name: the clip's path in its dataset."""
        ...


@dataclass(frozen=True)
class Made:
    """Where the landmarks lie, the share of frames missed by clip, and who has none and why."""

    folder: Path
    rates: dict[str, float]
    without: dict[str, str]

    @property
    def failure_rate(self) -> float:
        """Mean over the clips of the share of frames without landmarks."""
        return sum(self.rates.values()) / len(self.rates)


class _Result(NamedTuple):
    path: str
    rate: float
    reason: str


def make(
    manifest: Manifest,
    provider: Provider,
    *,
    settings: dict[str, Any] | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Made:
    """Write landmarks/<path without suffix>.npy for the clips of a dataset, and crop_meta.json.

    settings: of the provider, kept in crop_meta.json; files made under others are refused. jobs:
    threads, None for all cores. progress: called with (done, total).
    Raises NotReadyError where landmarks of another origin lie there already, and UsageError for a
    miniature, which brings its own.
    """
    if manifest.kind == "miniature":
        raise UsageError(f"{manifest.name} is a miniature and brings its own landmarks")
    folder = places.folder(manifest.root)
    origin = {"provider": provider.name, "version": provider.version, "settings": settings or {}}
    _check_origin(folder, origin)
    paths = list(dict.fromkeys(manifest.rows["path"]))
    _check_names(paths)
    meta = folder / places.META
    places.write(meta, json.dumps(origin).encode())  # an interrupted run is known as this one

    def one(path: str) -> _Result:
        return _clip(path, manifest.root / path, provider=provider, folder=folder)

    results = []
    pool = ThreadPoolExecutor(jobs or os.cpu_count() or 1)
    try:
        for done, result in enumerate(pool.map(one, paths), start=1):
            results.append(result)
            if progress is not None:
                progress(done, len(paths))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    rates = {result.path: round(result.rate, 4) for result in results}
    made = Made(folder, rates, {each.path: each.reason for each in results if each.reason})
    facts = {
        **origin,
        "clips": len(paths),
        "failure_rate": round(made.failure_rate, 6),
        "max_missed": MAX_MISSED,
        "without": made.without,
        "files": rates,
    }
    places.write(meta, json.dumps(facts, indent=1).encode())
    return made


def _clip(path: str, clip: Path, *, provider: Provider, folder: Path) -> _Result:
    """Landmarks of one clip: those that are there, or new ones."""
    target = folder / PurePosixPath(path).with_suffix(".npy")
    there = target.is_file()
    try:
        points = read_points(target) if there else provider.points(clip, path)
    except MediaError as error:
        return _Result(path, 1.0, str(error))
    rate = missed(points)
    if rate > MAX_MISSED:
        share = f"{rate:.0%} of the frames, at most {MAX_MISSED:.0%} may be missed"
        return _Result(path, rate, f"no face in {share}")
    if not there:
        buffer = io.BytesIO()
        np.save(buffer, points.astype(np.float32))
        places.write(target, buffer.getvalue())
    return _Result(path, rate, "")


def _check_origin(folder: Path, origin: dict[str, Any]) -> None:
    """Landmarks of two origins are never mixed."""
    known = places.meta_in(folder)
    if known is not None:
        differing = [key for key in origin if known.get(key) != origin[key]]
        if differing:
            raise NotReadyError(
                f"{folder} holds landmarks with {differing[0]} {known.get(differing[0])!r}, asked "
                f"is {origin[differing[0]]!r}; move that folder away to make others"
            )
    elif origin["provider"] != Files.name and next(folder.rglob("*.npy"), None) is not None:
        raise NotReadyError(
            f"{folder} holds landmarks of unknown origin (no {places.META}); check them with "
            "provider 'precomputed', or move that folder away to make others"
        )


def _check_names(paths: list[str]) -> None:
    """Two clips that differ in their suffix alone would share one file."""
    stems: dict[PurePosixPath, str] = {}
    for path in paths:
        other = stems.setdefault(PurePosixPath(path).with_suffix(""), path)
        if other != path:
            raise NotReadyError(
                f"{other} and {path} differ in their suffix only, and their landmarks would be one "
                "file; rename one of them"
            )
