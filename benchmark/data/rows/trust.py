"""Which large files of rows need not be read to their end once more: those that are as they were.

A file from elsewhere is read to the end when it is first opened: its checksum, its paths, its ids,
its times, its hash. That is remembered in the cache by the file's place, size, inode and stamps,
and so is a file that was written here; what is as it was remembered is opened as it is. Files small
enough to be read in a fraction of a second are read each time. A change that the stamps do not show
(a failing disk) is found by `bench data verify`, which reads every file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from benchmark.paths import cache_dir

SMALL = 16 << 20  # bytes that are read each time; chosen: some 0.1 s
TICK = 0.05  # s; chosen: a file system's clock stands still for less


Stamp = list[int]


def known(path: Path) -> bool:
    """Whether a file is as it was when it was written here, or last read to its end."""
    if path.stat().st_size < SMALL:
        return False
    try:
        remembered = _place(path).read_text(encoding="utf-8")
        return bool(json.loads(remembered) == stamp(path))
    except (OSError, ValueError):
        return False


def stamp(path: Path) -> Stamp:
    """How a file is now: to be taken before it is read, so that any later change has another."""
    facts = path.stat()
    if time.time() - facts.st_mtime < TICK:
        time.sleep(TICK)
    return [facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns]


def remember(path: Path, seen: Stamp) -> None:
    """A file is known as long as it is as it was `seen`; not where the cache takes no files."""
    if path.stat().st_size < SMALL:
        return
    place = _place(path)
    temporary = place.with_suffix(f".{os.getpid()}.part")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(seen), encoding="utf-8")
        temporary.replace(place)


def forget(path: Path) -> None:
    """A file is read to its end when it is next opened."""
    _place(path).unlink(missing_ok=True)


def _place(path: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return cache_dir() / "manifests" / "known" / f"{digest[:32]}.json"
