"""Ask a function about many files, in processes of their own.

A decoder that hangs inside its own code cannot be interrupted from Python, and one that crashes
takes its process along. Here either costs the one file: its process is ended and another takes up
the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

SHARE = 50  # items that are worth a process, which takes half a second to start; chosen
START = 60.0  # s that a process may take to start, beside its first item; chosen


class Lost(NamedTuple):
    """An item without an answer, and why."""

    reason: str


def ask(
    question: Callable[[Item], Answer], items: Sequence[Item], *, jobs: int, limit: float
) -> Iterator[tuple[int, Answer | Lost]]:
    """Position and answer of every item, as they come; Lost after `limit` seconds or a crash.

    question: a function at the top of a module: it travels to the processes by its name. What it
    raises is raised here.
    """
    todo = iter(range(len(items)))
    workers = [_Worker(question) for _ in range(max(1, min(jobs, -(-len(items) // SHARE))))]
    busy: dict[object, _Worker] = {}  # by its end of the pipe
    try:
        for worker, position in zip(workers, todo, strict=False):
            worker.give(position, items[position], limit + START)
            busy[worker.pipe] = worker
        while busy:
            nearest = min(worker.deadline for worker in busy.values())
            ready = wait(
                [worker.pipe for worker in busy.values()], timeout=max(nearest - monotonic(), 0.0)
            )
            late = [pipe for pipe, worker in busy.items() if worker.deadline <= monotonic()]
            for pipe in dict.fromkeys([*ready, *late]):
                worker = busy.pop(pipe)
                yield worker.position, worker.answer()
                patience = limit
                if worker.pipe.closed:
                    worker, patience = _Worker(question), limit + START
                    workers.append(worker)
                following = next(todo, None)
                if following is not None:
                    worker.give(following, items[following], patience)
                    busy[worker.pipe] = worker
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process and what it was asked last."""

    def __init__(self, question: Callable[..., object]) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.position, self.deadline, self._limit = -1, 0.0, 0.0
        self._process: BaseProcess = context.Process(
            target=_serve, args=(question, theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    def give(self, position: int, item: object, limit: float) -> None:
        """Ask about an item."""
        self.position, self._limit, self.deadline = position, limit, monotonic() + limit
        self.pipe.send(item)

    def answer(self) -> Any:  # noqa: ANN401 - what `question` returns
        """What the process says, or Lost; then it is ended."""
        if not self.pipe.poll():
            self.end()
            return Lost(f"no answer within {self._limit:g} s")
        try:
            said, answer = self.pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self.end()
            return Lost(f"the decoder crashed (exit code {code})")
        if said == "raised":
            raise answer
        return answer

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.pipe.close()
        self._process.kill()
        self._process.join()


def _serve(question: Callable[..., object], pipe: Connection) -> None:
    """Answer until the other end is closed."""
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(("said", question(item)))
        except Exception as error:
            pipe.send(("raised", error))
