"""Names for cells: equal inputs give equal keys on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

KEY_DIGITS = 16  # chosen: 64 bits, a chance collision among a million cells below 1e-7


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON with sorted keys and no spaces.

    Raises ValueError for NaN and TypeError for what JSON cannot hold.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """SHA-256 over the canonical JSON of `value`, 64 hex digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def cell_key(mapping: Mapping[str, Any]) -> str:
    """First 16 hex digits of the digest of `mapping`: all that changes the cell's number, no more.

    Tuples count as lists. Keys that are no strings are refused: JSON would merge 1 and "1".
    """
    _refuse_other_keys(mapping, "key")
    return digest(dict(mapping))[:KEY_DIGITS]


def flat(entries: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as dotted names and printed values, for setting two side by side."""
    for name, value in entries.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_other_keys(value: Any, place: str) -> None:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise TypeError(f"{place}: mapping key {name!r} is not a string; write it as one")
            _refuse_other_keys(inner, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _refuse_other_keys(inner, f"{place}[{index}]")
