"""Which time is taken: a GPU's by the wall, once it is done; a CPU's as this process's own.

The own time of a process does not count how busy others keep the machine; it counts all threads,
so that what is timed on a CPU runs in one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


def settled() -> None:
    """Wait until the device has done what it was asked to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def now() -> float:
    """Seconds of the wall on a GPU that has nothing left to do, else of this process."""
    if not torch.cuda.is_available():
        return time.process_time()
    settled()
    return time.perf_counter()


def seconds(run: Callable[[], object]) -> float:
    """How long it takes."""
    began = now()
    run()
    return now() - began


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The lower and the upper one; of a single value, itself."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


@contextmanager
def one_thread() -> Iterator[None]:
    """Several would spin while they wait, which is time too: torch's, and those of NumPy's BLAS."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
