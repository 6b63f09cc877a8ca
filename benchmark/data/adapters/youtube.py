"""What the sets of YouTube clips share: clips found by name, whatever folder they lie in.

Their owners publish lists, not videos; users fetch and cut the videos themselves, so that only the
names of the files are agreed upon.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from benchmark.data.adapters.common import VIDEO_FILES
from registries.errors import NotReadyError

ID = 11  # characters of a YouTube id; ids may begin with "-" and hold "_"


def clips(root: Path) -> dict[str, str]:
    """Every video file below `root`: name without suffix -> path; the first where there are two."""
    found: dict[str, str] = {}
    # os.walk: several times faster than Path.rglob on the millions of files of AudioSet
    for folder, folders, files in os.walk(root):
        folders.sort()
        inside = Path(folder).relative_to(root).as_posix()
        for name in sorted(files):
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - as above
            if suffix.lower() in VIDEO_FILES and not name.startswith("."):
                found.setdefault(stem, str(PurePosixPath(inside) / name))
    return found


def table(path: Path, columns: int) -> Iterator[list[str]]:
    """The rows of a CSV without header; lines that begin with # and empty ones are left out.

    Raises NotReadyError, naming the line, for a row of another number of columns.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        kept = (line for line in file if line.strip() and not line.startswith("#"))
        for number, row in enumerate(csv.reader(kept, skipinitialspace=True), 1):
            if len(row) != columns:
                raise NotReadyError(
                    f"{path}: row {number} has {len(row)} columns, not {columns}: {row[:4]}; fetch "
                    "the list again"
                )
            yield [value.strip() for value in row]


def seconds(text: str, path: Path) -> float:
    """A time of a list. Raises NotReadyError, naming the file, for anything else."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise NotReadyError(f"{path}: {text!r} is not a time in seconds; fetch the list again")
    return found


def first(root: Path, places: tuple[str, ...]) -> Path | None:
    """The first of some relative paths that is a file, or None."""
    return next((root / place for place in places if (root / place).is_file()), None)
