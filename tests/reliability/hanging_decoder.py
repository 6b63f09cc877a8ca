"""A decoder that never answers, for processes that are spawned: they find it by its name."""

from __future__ import annotations

import ctypes
from pathlib import Path

from benchmark.data import watch


def hang(path: Path) -> None:
    """Read a file for ten minutes, in C and without the interpreter's lock, as codecs do."""
    watch.LIMIT, watch.EVERY = 0.3, 0.05
    with watch.reading(path):
        ctypes.CDLL(None).sleep(600)
