"""Files that appear whole or not at all.

Content goes to a temporary name in the same folder, is forced to disk, and only then takes its
name. Temporary names start with a dot: readers of records skip them. A killed writer leaves one
behind, and `sweep` takes it away.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEFT_AFTER = 3600.0  # seconds, chosen: no write of a few megabytes takes an hour
TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")  # .NAME.PID.RANDOM


def write_new(path: Path, content: bytes | memoryview) -> None:
    """Put `content` at `path`, or raise FileExistsError and leave what is there."""
    with _written(path, content) as temporary:
        _link_new(temporary, path)
    sync_folder(path.parent)


def write_over(path: Path, content: bytes | memoryview) -> None:
    """Put `content` at `path`, in place of what may be there."""
    with _written(path, content) as temporary:
        temporary.replace(path)
    sync_folder(path.parent)


def sweep(folder: Path, *, older_than: float = LEFT_AFTER) -> list[Path]:
    """Remove what killed writers left in `folder`; what was removed.

    older_than: seconds without a change after which no writer can be alive.
    """
    removed, now = [], time.time()
    for path in sorted(folder.glob(".*")):
        if not TEMPORARY.fullmatch(path.name):
            continue
        with contextlib.suppress(FileNotFoundError):  # its writer, or another sweep, was faster
            if now - path.stat().st_mtime >= older_than:
                path.unlink()
                removed.append(path)
    return removed


def sync_folder(folder: Path) -> None:
    """Force a folder's names to disk, where the platform can open folders."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _written(path: Path, content: bytes | memoryview) -> Iterator[Path]:
    """A temporary file beside `path` that holds `content` on disk; gone at the end."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _link_new(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)  # unlike a rename, fails where the name is taken
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV):
            raise
        # a file system without hard links (FAT, some network mounts): the lock guards this pair
        if path.exists():
            raise FileExistsError(str(path)) from error
        temporary.rename(path)
