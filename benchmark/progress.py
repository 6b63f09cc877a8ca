"""What a run says while it works.

One live line on a terminal, a plain line every half minute elsewhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

PLAIN_EVERY = 30.0  # seconds between plain lines
REFRESH = 0.5  # seconds between refreshes of the live line; chosen


class RunProgress:
    """Turns the reports of training into one line with an ETA for the whole run.

    work: what each phase is worth, in clips to be seen; the ETA assumes that clips cost the same.
    """

    def __init__(self, work: dict[str, float], console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.work, self.done = work, dict.fromkeys(work, 0.0)
        self.found: dict[str, float] = {}  # work that an interrupted run had done already
        self.phase, self.title, self.val = "", "", ""
        self._began = time.monotonic()
        self._spoke = self._shown = 0.0
        self._live: Live | None = None

    @contextmanager
    def running(self) -> Iterator[RunProgress]:
        """Show the live line, where there is a terminal."""
        if not self.console.is_terminal:
            yield self
            return
        with Live(
            Text(""), console=self.console, refresh_per_second=4, transient=True
        ) as self._live:
            yield self
        self._live = None

    def begin(self, phase: str, title: str) -> None:
        """A new phase of the run."""
        self.phase, self.title, self.val = phase, title, ""
        self._spoke = 0.0

    def end(self, note: str) -> None:
        """The phase is done; say so on a line that stays."""
        if self.phase in self.work:
            self.done[self.phase] = self.work[self.phase]
        self.say(note)

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def report(self, event: dict[str, Any]) -> None:
        """Take one report of the hooks and refresh the line when it is due."""
        if "warning" in event:
            self.say(f"WARNING {event['warning']}")
        elif "val" in event:
            self.val = "  ".join(f"val {name} {value:.1f}" for name, value in event["val"].items())
        elif "step" in event:
            share = event["step"] / event["steps"]
            before = (event["step"] - 1) / event["steps"] * self.work.get(self.phase, 0.0)
            self.found.setdefault(self.phase, before)
            self.done[self.phase] = share * self.work.get(self.phase, 0.0)
            now = time.monotonic()
            if now - self._shown >= REFRESH or event["step"] == event["steps"]:
                self._shown = now  # reading a loss waits for the device: not at every step
                self._show(event)
        elif "test" in event:
            self._line(f"{self.title}  test batch {event['test']}/{event['tests']}")

    def decoded(self, done: int, total: int) -> None:
        """Take one report of the decoder."""
        self._line(f"{self.title}  {done}/{total} clips")

    def eta(self) -> float | None:
        """Seconds left for all phases, from the work done so far; None at the very start."""
        found = sum(self.found.values())
        done, total = sum(self.done.values()) - found, sum(self.work.values()) - found
        elapsed = time.monotonic() - self._began
        return elapsed * (total - done) / done if done > 0.005 * total else None

    def _show(self, event: dict[str, Any]) -> None:
        loss = sum(float(v.detach()) for k, v in event["logs"].items() if k.startswith("loss_"))
        parts = [
            self.title,
            f"epoch {event['epoch']}/{event['epochs']}",
            f"step {event['step']}/{event['steps']}",
            f"loss {loss:.3f}",
            self.val,
            f"eta {clock(self.eta())}",
            f"data wait {100 * event['data_wait']:.0f}%",
        ]
        self._line("  ".join(part for part in parts if part))

    def _line(self, text: str) -> None:
        if self._live is not None:
            self._live.update(Text(text, overflow="ellipsis", no_wrap=True))
            return
        now = time.monotonic()
        if now - self._spoke >= PLAIN_EVERY:
            self._spoke = now
            self.say(text)
            sys.stderr.flush()


def clock(seconds: float | None) -> str:
    """`75` -> `1m15s`; `?` where unknown."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
    )
