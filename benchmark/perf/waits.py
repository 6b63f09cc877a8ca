"""Where the time of real training steps goes: waiting for a batch, the step, and each hook.

    wait     from the end of a step (or the begin of an epoch) until its batch is there; of the wall
    step     from there until the last hook is done, on a GPU until the device is
    hooks    of each, what it does around a step (`before_train_iter`, `after_train_iter`)

The device is awaited after every step, so nothing that the loader does hides behind its work but
what its own workers do meanwhile: the wait is an upper bound. What happens between epochs is
counted as neither.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from benchmark.perf.clock import now, settled

AROUND_A_STEP = ("before_train_iter", "after_train_iter")


class Ledger:
    """What was noted of each step, in seconds: waits, steps, and of each hook by its class."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.steps: list[float] = []
        self.hooks: dict[str, list[float]] = defaultdict(list)
        self._free = self._begun = 0.0

    def free(self) -> None:
        """Nothing to do but to wait for the next batch."""
        self._free = time.perf_counter()

    def begin(self) -> None:
        """It is there."""
        self._begun = time.perf_counter()
        self.waits.append(self._begun - self._free)

    def end(self) -> None:
        """The step is done."""
        settled()
        self.free()
        self.steps.append(self._free - self._begun)

    def share(self, *, after: int) -> float:
        """Of the time of all steps but the first `after`, what was spent waiting; 0 to 1."""
        return sum(self.waits[after:]) / self.seconds(after=after)

    def seconds(self, *, after: int) -> float:
        """All the time of these steps."""
        return sum(self.waits[after:]) + sum(self.steps[after:])

    def hooks_ms(self, *, after: int) -> dict[str, float]:
        """Milliseconds of a step that each hook takes, means, the dearest first."""
        places, steps = len(AROUND_A_STEP), len(self.steps) - after
        means = {
            name: 1e3 * sum(found[places * after :]) / steps for name, found in self.hooks.items()
        }
        return dict(sorted(means.items(), key=lambda item: -item[1]))


class First(Hook):
    """Before all others: the batch has arrived. Puts a clock on each of the others, once."""

    priority = "HIGHEST"

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def before_train(self, runner: Runner) -> None:
        """All hooks are there."""
        for hook in runner.hooks:
            if not isinstance(hook, First | Last):
                for place in AROUND_A_STEP:
                    _time(hook, place, self.ledger.hooks[type(hook).__name__])

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """A step begins."""
        self.ledger.begin()


class Last(Hook):
    """After all others: the step is done."""

    priority = "LOWEST"

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def before_train_epoch(self, runner: Runner) -> None:
        """From here on the loader is waited for."""
        self.ledger.free()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """A step ends."""
        self.ledger.end()


def _time(hook: Hook, place: str, found: list[float]) -> None:
    """Shadow a method of one hook by one that notes how long it takes."""
    method: Callable[..., None] = getattr(hook, place)

    def timed(*args: object, **kwargs: object) -> None:
        began = now()
        method(*args, **kwargs)
        found.append(now() - began)

    setattr(hook, place, timed)
