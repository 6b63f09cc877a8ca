"""What a worker tells its parent, over a pipe."""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

STEP_EVERY = 2.0  # seconds between the steps a worker reports; chosen


@dataclass(frozen=True)
class Said:
    """A line that stays."""

    text: str


@dataclass(frozen=True)
class Stepped:
    """A step of a phase, or its begin where there is no event."""

    phase: str
    title: str
    event: dict[str, Any] | None = None


@dataclass(frozen=True)
class Ended:
    """The unit is over. failed: keys of its cells that have a failure record now."""

    phase: str
    failed: tuple[str, ...] = ()


class Relay:
    """`progress.Progress` of a worker: passes on what it hears, steps only now and then."""

    def __init__(self, parent: Connection) -> None:
        self.parent, self.phase, self.title, self._sent = parent, "", "", 0.0

    def begin(self, phase: str, title: str) -> None:
        """A new phase."""
        self.phase, self.title = phase, title
        self.parent.send(Stepped(phase, title))

    def end(self, note: str) -> None:
        """A line that stays; the unit's end says that the phase is over."""
        self.say(note)

    def close(self, phase: str) -> None:
        """Said by the unit's end."""

    def say(self, text: str) -> None:
        """A line that stays."""
        self.parent.send(Said(text))

    def report(self, event: dict[str, Any]) -> None:
        """A step now and then (reading a loss waits for the device); all else at once."""
        now = time.monotonic()
        last = event.get("step") == event.get("steps")
        if "step" in event and now - self._sent < STEP_EVERY and not last:
            return
        self._sent = now
        logs = {name: float(value) for name, value in event.get("logs", {}).items()}
        self.parent.send(Stepped(self.phase, self.title, {**event, "logs": logs}))
