"""A full disk is said as such: which folders are meant, how much is left, what to do."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registries.errors import BenchError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, no quota, file larger than allowed


class DiskFullError(BenchError):
    """Nothing more can be written; what was written before is whole."""


@contextmanager
def explained(*folders: Path) -> Iterator[None]:
    """Turn the OSError of a full disk into a DiskFullError that names `folders`, all others pass.

    A write that fails does not say where: the folders are all that are written to inside.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        left = ", ".join(f"{folder} has {_free(folder)} left" for folder in folders)
        raise DiskFullError(
            f"the disk is full ({error.strerror}): {left}. Free some space, or give another folder "
            "with --out (records, checkpoints) or BENCH_CACHE (decoded clips, features). Then run "
            "the same command again: what is finished is kept."
        ) from error


def _free(folder: Path) -> str:
    while not folder.exists():
        folder = folder.parent
    return f"{shutil.disk_usage(folder).free / 2**20:,.1f} MB"
