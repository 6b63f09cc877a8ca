"""Invented trees in the owners' layouts."""

from __future__ import annotations

from pathlib import Path


def touch(root: Path, *paths: str, content: bytes = b"media") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def write(root: Path, path: str, *lines: str, end: str = "\n") -> None:
    touch(root, path, content=(end.join(lines) + end).encode())
