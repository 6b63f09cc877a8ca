"""Progress of a generation on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY = 10.0  # seconds between plain lines; chosen


@contextmanager
def meter(
    title: str, total: int, *, start: int = 0, callback: Callable[[int, int], None] | None = None
) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each finished clip.

    start: clips that were there before. callback: receives (done, total) instead of any display.
    """
    if callback is not None:
        yield _counter(callback, total, start)
    elif sys.stderr.isatty():
        with _bar(title, total, start) as step:
            yield step
    else:
        yield _lines(title, total, start)


def _counter(callback: Callable[[int, int], None], total: int, start: int) -> Callable[[], None]:
    """Count calls and hand the count on."""
    done = start

    def step() -> None:
        nonlocal done
        done += 1
        callback(done, total)

    return step


@contextmanager
def _bar(title: str, total: int, start: int) -> Iterator[Callable[[], None]]:
    """A rich bar with elapsed and remaining time."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"generating {title}", total=total, completed=start)
        yield lambda: bar.advance(task)


def _lines(title: str, total: int, start: int) -> Callable[[], None]:
    """Plain lines with the remaining time, at most one in `EVERY` seconds, and one at the end."""
    began = last = time.monotonic()

    def show(done: int, _: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last < EVERY:
            return
        last = now
        pace = (done - start) / max(now - began, 1e-6)
        left = (total - done) / pace
        line = f"generating {title}: {done}/{total} clips, {pace:.1f}/s, {left:.0f} s left\n"
        sys.stderr.write(line)
        sys.stderr.flush()

    return _counter(show, total, start)
