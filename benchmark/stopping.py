"""SIGTERM and Ctrl-C let the step that is under way end and its checkpoint be written.

Outside a training both end the work at once: what is finished is in the records already. A second
Ctrl-C never waits. Signals belong to the process, and so does what is remembered here.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

EXIT_CODES = {
    signal.SIGTERM: 75,  # EX_TEMPFAIL of sysexits.h: run it again
    signal.SIGINT: 128 + signal.SIGINT,  # the shell's convention
}


class StopRequested(BaseException):
    """Ends the run without a failure record; no `except Exception` may hold it up."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = EXIT_CODES[signal.Signals(number)]


@dataclass
class _Heard:
    process: int = 0  # whose signals are heeded; children of a fork inherit the handler
    number: int = 0  # the signal that asked for the stop, 0 for none
    training: bool = False


_heard = _Heard()


@contextmanager
def heeded() -> Iterator[None]:
    """Heed SIGTERM and Ctrl-C inside; outside they do what they did before.

    Only the main thread can; in any other this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _heed) for number in EXIT_CODES}
    _heard.process, _heard.number, _heard.training = os.getpid(), 0, False
    try:
        yield
    finally:
        _heard.process = _heard.number = 0
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def between_steps() -> Iterator[None]:
    """A training inside: a stop waits until `asked` is looked at, at the latest until the end."""
    _heard.training = True
    try:
        yield
    finally:
        _heard.training = False
    raise_if_asked()


def asked() -> bool:
    """Whether the process has been told to stop."""
    return bool(_heard.number)


def raise_if_asked() -> None:
    """Raise StopRequested where the process has been told to stop."""
    if asked():
        stop()


def stop() -> NoReturn:
    """Raise StopRequested, as for SIGTERM where it was another process that was told."""
    raise StopRequested(_heard.number or signal.SIGTERM)


def _heed(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _heard.process:
        _as_a_child(number)
        return
    again = number == _heard.number == signal.SIGINT
    _heard.number = _heard.number or number
    if again or not _heard.training:
        raise StopRequested(_heard.number)


def _as_a_child(number: int) -> None:
    """Ctrl-C reaches every process of the terminal: the one that heeds it ends its children."""
    if number != signal.SIGINT:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
