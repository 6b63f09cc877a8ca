"""A decoder that hangs inside its own code: its process ends, and the file is named.

Between two pictures a reading gives up by itself (container.Deadline), and a look before training
is asked of processes that can be ended (isolated.py). In a reading for training nothing in Python
interrupts one call of a codec, so a thread watches the clock beside it. Where a reading outlasts
LIMIT, its process says the file and ends; who started the process finds the name in shared memory.

    worker of a loader, or of --jobs    MediaError in the failure record; the other cells go on
    processes that decode in advance    NotReadyError, as for any file that does not decode
    the run itself (workers=0)          ends with exit code 3, the file on stderr

Python's thread needs the interpreter's lock, which PyAV and soundfile give up while they decode.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_char
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any, NoReturn

from benchmark.data.container import MediaError, failure

LIMIT = 300.0  # s for one reading; chosen: two passes over the file that each end just in time
EVERY = 1.0  # s between looks at the clock; chosen
LONGEST = 4096  # bytes of the message; chosen: a path and a sentence


class _Watch:
    """The readings that are under way in this process, by thread: end of their time, file."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.readings: dict[int, tuple[float, Path]] = {}
        threading.Thread(target=self._look, name="decoding", daemon=True).start()

    def _look(self) -> NoReturn:
        while True:
            time.sleep(EVERY)
            for end, path in list(self.readings.values()):
                if time.monotonic() > end:
                    _end(path)


@dataclass
class _Process:
    """Of this process. said: what the last one that ended has said; forks share the memory."""

    said: Any = field(default_factory=lambda: RawArray(c_char, LONGEST))
    watch: _Watch | None = None


_here = _Process()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Decode inside: the process ends where that takes longer than LIMIT."""
    if _here.watch is None or _here.watch.process != os.getpid():  # threads do not survive a fork
        _here.watch = _Watch()
    readings, thread = _here.watch.readings, threading.get_ident()
    readings[thread] = (time.monotonic() + LIMIT, path)
    try:
        yield
    finally:
        del readings[thread]


@contextmanager
def named() -> Iterator[None]:
    """What fails inside because a process ended over a file: MediaError with the file's name."""
    taken()
    try:
        yield
    except Exception as error:
        if said := taken():
            raise MediaError(said) from error
        raise


def taken() -> str:
    """What a process said before it ended, once; empty where none did."""
    said: bytes = _here.said.value
    _here.said.value = b""
    return said.decode(errors="replace")


def shared() -> Any:  # noqa: ANN401 - arrays of ctypes have no name
    """The memory in which a process says it; a spawned one is given it, and calls `share`."""
    return _here.said


def share(said: Any) -> None:  # noqa: ANN401
    """Say it in the memory of the process that has spawned this one."""
    _here.said = said


def _end(path: Path) -> NoReturn:
    error = failure(path, f"its decoder hangs: no answer within {LIMIT:g} s")
    _here.said.value = str(error).encode()[: LONGEST - 1]
    os.write(2, f"{error}\n".encode())
    os._exit(error.exit_code)
