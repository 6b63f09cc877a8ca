"""All records in one file, so that reading thousands takes one open instead of thousands.

Derived and never trusted over the records: an entry counts only while its file has the size, times
and inode that it had when it was read; an index that is missing, torn or changed counts for
nothing. `bench results verify` reads the records themselves.

    root/.index   SHA-256 of the rest, newline, JSON of path -> [offset, stamp], newline, contents
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from benchmark.results.atomic import write_over

NAME = ".index"
SETTLED = 2 * 10**9  # nanoseconds; the coarsest clock of a file system in use (FAT) is 2 s

Stamp = list[int]


class Index:
    """The contents that an index holds, as long as their files have not changed since."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._entries, self._contents = _load(root / NAME)

    def read(self, path: Path) -> bytes:
        """Content of a record: from the index while the file is as it was, else from the file."""
        entry = self._entries.get(path.relative_to(self.root).as_posix())
        if entry is None or entry[1] != stamp(found := path.stat()):
            return path.read_bytes()
        return self._contents[entry[0] : entry[0] + found.st_size]


def rebuild(root: Path, paths: Iterable[Path]) -> int:
    """Write the index anew from the files; how many it holds.

    Leaves out what changed a moment ago: a change that follows at once might bear the same time.
    """
    entries: dict[str, tuple[int, Stamp]] = {}
    contents = bytearray()
    for path in paths:
        found = path.stat()
        if time.time_ns() - found.st_ctime_ns >= SETTLED:
            entries[path.relative_to(root).as_posix()] = (len(contents), stamp(found))
            contents += path.read_bytes()
    body = json.dumps(entries, separators=(",", ":")).encode() + b"\n" + contents
    write_over(root / NAME, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    return len(entries)


def stamp(found: os.stat_result) -> Stamp:
    """What changes with a file: size, times of content and of inode (ns), inode."""
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _load(path: Path) -> tuple[dict[str, tuple[int, Stamp]], bytes]:
    """Entries and contents of a sound index, else nothing."""
    try:
        digest, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return {}, b""
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return {}, b""
    entries, _, contents = body.partition(b"\n")
    return json.loads(entries), contents
