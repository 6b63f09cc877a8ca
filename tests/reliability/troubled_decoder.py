"""Decoders in trouble, for processes that shall start quickly: this module imports little."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from benchmark.data.look import Look


def trouble(path: Path) -> str:
    """A decoder that hangs in its own code, one that crashes, one that answers."""
    if path.name == "hangs":
        ctypes.PyDLL(None).sleep(600)  # holds the interpreter's lock: no signal, no thread helps
    if path.name == "crashes":
        os.abort()
    if path.name == "raises":
        raise ValueError("a mistake of ours")
    return f"seen {path.name}"


def troubled_look(path: Path) -> Look:
    """A look at a file with such a decoder."""
    trouble(path)
    return Look(3.0, True, "")
