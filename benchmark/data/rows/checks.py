"""What is refused in rows from elsewhere: a column at a time, ten million rows in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from registries.errors import NotReadyError

LEAVES = r"^/|\\|(^|/)\.\.(/|$)"  # absolute, with backslashes, or climbing


def check(rows: pd.DataFrame, *, name: str, root: Path) -> None:
    """Raises NotReadyError for a path that leaves the root, an id that occurs twice, wrong times.

    name, root: of the dataset, for the message.
    """
    for column in ("path", "landmarks"):
        _stay_inside(as_text(rows[column]), name)
    if pc.count_distinct(as_text(rows["id"])).as_py() < len(rows):
        repeated = rows["id"][rows["id"].duplicated()].iloc[0]
        raise NotReadyError(
            f"{name}: {repeated!r} is listed twice in {root}; every sample needs its own id"
        )
    _check_times(rows, name)


def as_text(column: pd.Series) -> pa.ChunkedArray:
    """A column of text as Arrow holds it, without a copy where pandas does too."""
    found = pa.array(column, type=pa.large_string())
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


def _stay_inside(paths: pa.ChunkedArray, name: str) -> None:
    """Refuse paths that are absolute or climb out of the root."""
    leaves = pc.match_substring_regex(paths, LEAVES)
    if pc.any(leaves).as_py():
        first = paths.filter(leaves)[0].as_py()
        raise NotReadyError(
            f"{name}: the listed path {first!r} leaves the dataset's folder; list paths relative "
            "to it, with forward slashes and without '..'"
        )


def _check_times(rows: pd.DataFrame, name: str) -> None:
    start, stop = rows["start"], rows["stop"]
    wrong = ~np.isfinite(start) | (start < 0) | (stop < start) | np.isinf(stop)
    if wrong.any():
        first = rows[wrong].iloc[0]
        raise NotReadyError(
            f"{name}: {first['id']!r} lasts from {first['start']} to {first['stop']} s; expected "
            "seconds from 0 on, stop after start"
        )
