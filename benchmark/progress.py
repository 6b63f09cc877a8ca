"""What a run says while it works.

One live table on a terminal, a row for each phase that is under way; elsewhere, or with NO_COLOR,
a plain line of each every half minute.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

PLAIN_EVERY = 30.0  # seconds between plain lines
REFRESH = 0.5  # seconds between refreshes of a row; chosen


class Progress(Protocol):
    """Who is told how it goes: the terminal, or the process that shares out the work."""

    def begin(self, phase: str, title: str) -> None:
        """A phase, by its key, and how it is called."""

    def report(self, event: dict[str, Any]) -> None:
        """What the hooks of a training say at every step."""

    def end(self, note: str) -> None:
        """The phase is done; a line that stays."""

    def close(self, phase: str) -> None:
        """A phase is over, well or not."""

    def say(self, text: str) -> None:
        """A line that stays."""


@dataclass
class Row:
    """A phase under way, as last heard of. phase: what it does now; memory: peak, GiB."""

    title: str
    phase: str = ""
    step: str = ""
    loss: str = ""
    metric: str = ""
    memory: float | None = None
    data_wait: float | None = None
    eta: float | None = None
    shown: float = 0.0  # when it was last refreshed, when it last had a plain line
    spoke: float = 0.0
    began: tuple[float, float] | None = field(default=None)  # time and share of its first report

    def hear(self, share: float, now: float) -> None:
        """Guess the time left from the share of all steps that is done."""
        if self.began is None:
            self.began = (now, share)
        then, before = self.began
        if share - before > 0.005:
            self.eta = (now - then) * (1.0 - share) / (share - before)

    def cells(self) -> list[str]:
        """Under the heads of the table."""
        wait = "" if self.data_wait is None else f"{100 * self.data_wait:.0f}%"
        memory = "" if self.memory is None else f"{self.memory:.1f} GB"
        left = "" if self.eta is None else clock(self.eta)
        texts = [self.title, self.phase, self.step, self.loss, self.metric, left, memory, wait]
        return [escape(text) for text in texts]

    def line(self, eta: float | None) -> str:
        """As a plain line; eta: of the whole run."""
        parts = [
            self.title,
            self.phase,
            self.step and f"step {self.step}",
            self.loss and f"loss {self.loss}",
            self.metric and f"val {self.metric}",
            f"eta {clock(eta)}" if self.step else "",
            "" if self.memory is None else f"{self.memory:.1f} GB",
            "" if self.data_wait is None else f"data wait {100 * self.data_wait:.0f}%",
        ]
        return "  ".join(part for part in parts if part)


class RunProgress:
    """Turns the reports of training into rows, with an ETA for the whole run.

    work: what each phase is worth, in clips to be seen; the ETA assumes that clips cost the same.
    phase, title: of what reports come from now; with cells side by side they alternate.
    """

    def __init__(self, work: dict[str, float], console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.work, self.done = work, dict.fromkeys(work, 0.0)
        self.found: dict[str, float] = {}  # work that an interrupted run had done already
        self.phase, self.title = "", ""
        self.rows: dict[str, Row] = {}
        self._began = time.monotonic()
        self._live: Live | None = None

    @contextmanager
    def running(self) -> Iterator[RunProgress]:
        """Show the live table, where there is a terminal that takes one."""
        if not self.console.is_terminal or self.console.no_color or self.console.is_dumb_terminal:
            yield self
            return
        with Live(
            self.table(), console=self.console, refresh_per_second=4, transient=True
        ) as self._live:
            yield self
        self._live = None

    def begin(self, phase: str, title: str) -> None:
        """A new phase of the run."""
        self.rows.pop("", None)  # decoding: a phase without a cell, before all others
        self.phase, self.title = phase, title
        self.rows[phase] = Row(title, spoke=-PLAIN_EVERY, shown=-REFRESH)

    def end(self, note: str) -> None:
        """The phase is done; say so on a line that stays."""
        self.close(self.phase)
        self.say(note)

    def close(self, phase: str) -> None:
        """A phase is over, well or not: its row goes."""
        if phase in self.work:
            self.done[phase] = self.work[phase]
        self.rows.pop(phase, None)
        self._refresh()

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)

    def report(self, event: dict[str, Any]) -> None:
        """Take one report of the hooks and show it when it is due."""
        row = self.rows.setdefault(self.phase, Row(self.title))
        if "warning" in event:
            self.say(f"WARNING {event['warning']}")
        elif "val" in event:
            row.metric = "  ".join(f"{name} {value:.1f}" for name, value in event["val"].items())
        elif "step" in event:
            share = event["step"] / event["steps"]
            before = (event["step"] - 1) / event["steps"] * self.work.get(self.phase, 0.0)
            self.found.setdefault(self.phase, before)
            self.done[self.phase] = share * self.work.get(self.phase, 0.0)
            now = time.monotonic()
            row.hear(share, now)
            if now - row.shown >= REFRESH or event["step"] == event["steps"]:
                row.shown = now  # reading a loss waits for the device: not at every step
                self._show_step(row, event)
        elif "test" in event:
            self._show_count(row, f"test batch {event['test']}/{event['tests']}")

    def decoded(self, done: int, total: int) -> None:
        """Take one report of the decoder."""
        row = self.rows.setdefault(self.phase, Row(self.title))
        self._show_count(row, f"{done}/{total} clips")
        if done == total:
            self.close(self.phase)

    def eta(self) -> float | None:
        """Seconds left for all phases, from the work done so far; None at the very start."""
        found = sum(self.found.values())
        done, total = sum(self.done.values()) - found, sum(self.work.values()) - found
        elapsed = time.monotonic() - self._began
        return elapsed * (total - done) / done if done > 0.005 * total else None

    def table(self) -> Table:
        """What is under way, in 80 columns."""
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), expand=False)
        for head in ("cell", "phase", "step", "loss", "metric", "eta", "memory", "wait"):
            right = head in ("step", "loss", "eta", "memory", "wait")
            table.add_column(
                head,
                justify="right" if right else "left",
                no_wrap=head != "cell",
                overflow="fold" if head == "cell" else "ellipsis",
                header_style="dim",
            )
        for row in self.rows.values():
            table.add_row(*row.cells())
        if self.work:
            share = sum(self.done.values()) / (sum(self.work.values()) or 1.0)
            table.caption = f"whole run {100 * share:.0f}%, eta {clock(self.eta())}"
            table.caption_justify = "left"
        return table

    def _show_step(self, row: Row, event: dict[str, Any]) -> None:
        loss = sum(float(v) for k, v in event["logs"].items() if k.startswith("loss_"))
        row.phase = f"epoch {event['epoch']}/{event['epochs']}"
        row.step, row.loss = f"{event['step']}/{event['steps']}", f"{loss:.3f}"
        row.data_wait, row.memory = event["data_wait"], event.get("memory_gb")
        self._show(row)

    def _show_count(self, row: Row, text: str) -> None:
        row.phase, row.step, row.loss, row.eta, row.data_wait = text, "", "", None, None
        self._show(row)

    def _show(self, row: Row) -> None:
        if self._live is not None:
            self._refresh()
            return
        now = time.monotonic()
        if now - row.spoke >= PLAIN_EVERY:
            row.spoke = now
            self.say(row.line(self.eta()))
            sys.stderr.flush()

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self.table())


class LastStep:
    """Passes reports on and remembers the last step, for the record of a failure."""

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        self.report = report
        self.step: int | None = None

    def __call__(self, event: dict[str, Any]) -> None:
        """One report."""
        self.step = event.get("step", self.step)
        self.report(event)


def clock(seconds: float | None) -> str:
    """`75` -> `1m15s`; `?` where unknown."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
    )
