"""A manifest as a CSV under a line of JSON: for people, spreadsheets and other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.rows.columns import COLUMNS

EMPTY = {name: [""] for name in ("start", "stop", "has_audio", "seconds")}  # empty: not known


def write(path: Path, head: Mapping[str, Any], rows: pd.DataFrame) -> None:
    """The head as a comment line, then the rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {json.dumps(head)}\n")
        # all text in quotes: a carriage return in a name is no end of a line
        rows.to_csv(file, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)


def read(path: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Head and rows. Raises what the parsing of other files ends in."""
    with path.open(encoding="utf-8", newline="") as file:
        head = json.loads(file.readline().removeprefix("#"))
        rows = pd.read_csv(
            file,
            dtype=COLUMNS,
            keep_default_na=False,
            na_values=EMPTY,
        )
    if "seconds" not in rows:  # written before it was a column
        rows = rows.assign(seconds=float("nan"))
    return head, rows[list(COLUMNS)]
