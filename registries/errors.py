"""Errors a user can act on.

Each class carries the exit code that the command line returns (see README).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Base: the message says what was found, what is allowed, and what to do."""

    exit_code = 1


class UsageError(BenchError):
    """Unknown name, misspelt option, impossible combination."""

    exit_code = 2


class NotReadyError(BenchError):
    """The environment or the data is not ready; found before any training."""

    exit_code = 3


class NotApplicableError(UsageError):
    """What is asked cannot be asked of this: a task of sound of encoders that hear nothing.

    Of one cell among others it is no failure, and its record says so; of a single call it is wrong
    usage.
    """


class VerificationError(BenchError):
    """A hash or a recomputed score differs from what was recorded."""

    exit_code = 5


def unknown(kind: str, name: str, allowed: Iterable[str], *, hint: str = "") -> UsageError:
    """An error for an unknown name, with the nearest allowed one and the whole list.

    kind: what was looked for ("objective", "task", "option"), as it reads in the message.
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    listing = ", ".join(names) if names else "none"
    return UsageError(
        f"unknown {kind} {name!r}.{guess} Known: {listing}.{' ' + hint if hint else ''}"
    )
