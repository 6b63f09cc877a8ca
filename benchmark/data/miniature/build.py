"""Generate a miniature on first use, in parallel, and carry on after an interruption.

`ensure("mini-lrw", tier="base", cache=cache_dir())` returns a folder in the owners' layout:

    <cache>/miniature/mini-lrw-v1-base/
        ...                    clips and list files, as the owners lay them out
        landmarks/<stem>.npy   float32 (T, 5, 2), for sets that report landmarks
        gt.jsonl               one line a clip with everything that was drawn; for tests, audits
                               and `supervised` only
        index.csv              path, split, label, group, bytes, sha256, frames, seconds of a clip
        files.csv              path, bytes, sha256 of every other file but the card
        card.json              written last: a folder with a card is complete

Until then `.journal.jsonl` holds one line a finished clip; a clip named there whose file has the
recorded size is not drawn again. A lock beside the folder keeps two processes from building one set
at the same time.
"""

from __future__ import annotations

import importlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmark.data.miniature.clip import TIERS, Item, MiniSet, Tier
from benchmark.data.miniature.meter import meter
from benchmark.data.miniature.store import CARD, JOURNAL, finish, finished, make, verify
from registries.errors import NotReadyError, UsageError, unknown

__all__ = ["SETS", "ensure", "folder", "load_set", "verify"]

HERE = "benchmark.data.miniature"
SETS: dict[str, str] = {
    "mini-kav": f"{HERE}.kav:MiniKAV",
    "mini-lrw": f"{HERE}.lrw:MiniLRW",
    "mini-lrs2": f"{HERE}.lrs2:MiniLRS2",
    "mini-dfdc": f"{HERE}.dfdc:MiniDFDC",
    "mini-ucf": f"{HERE}.ucf:MiniUCF",
    "mini-esc50": f"{HERE}.esc:MiniESC50",
    "mini-dcase": f"{HERE}.dcase:MiniDCASE",
    "mini-dcase50": f"{HERE}.dcase:MiniDCASE50",
    "mini-hmdb51": f"{HERE}.hmdb:MiniHMDB",
    "mini-ks": f"{HERE}.ks:MiniKS",
    "mini-fingerprint": f"{HERE}.fingerprint:MiniFingerprint",
    "mini-loc": f"{HERE}.loc:MiniLoc",
}
BUILDING = (
    "BENCH_MINIATURE_BUILDING"  # set for the workers of a build: the folder under construction
)
GUARD = 'a script that generates data keeps its own calls under `if __name__ == "__main__":`'
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def load_set(name: str, sets: Mapping[str, str] | None = None) -> MiniSet:
    """Import and build one set by its name; `sets` (name -> "module:Class") replaces SETS.

    Raises UsageError for a name that is not listed.
    """
    known = SETS if sets is None else sets
    if name not in known:
        raise unknown("miniature", name, known)
    return _load(known[name])


def _load(spec: str) -> MiniSet:
    """Build the set of "module:Class"."""
    module, _, attribute = spec.partition(":")
    return getattr(importlib.import_module(module), attribute)()


def folder(name: str, *, tier: Tier, cache: Path, sets: Mapping[str, str] | None = None) -> Path:
    """Where a set of this name, version and tier lives; nothing is generated."""
    return _folder(load_set(name, sets), tier, cache)


def _folder(dataset: MiniSet, tier: Tier, cache: Path) -> Path:
    """The folder of a set that has been built already, or will be."""
    if tier not in TIERS:
        raise unknown("miniature tier", tier, TIERS)
    return Path(cache) / "miniature" / f"{dataset.name}-v{dataset.version}-{tier}"


def ensure(
    name: str,
    *,
    tier: Tier,
    cache: Path,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    sets: Mapping[str, str] | None = None,
) -> Path:
    """Folder of a complete miniature, generated here if it is not there yet.

    jobs: processes (None: all cores; 1: this process). progress: called with (done, total) after
    each clip, instead of the bar or the plain lines on stderr. sets: name -> "module:Class", for
    tests and plug-ins. Raises UsageError for an unknown name or tier, NotReadyError where workers
    die or the disk refuses.
    """
    dataset = load_set(name, sets)
    root = _folder(dataset, tier, cache)
    if (root / CARD).exists():
        return root
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs is {jobs}; at least one process is needed, or None for all cores")
    if os.environ.get(BUILDING) == str(
        root
    ):  # a worker that ran the caller's script again: see _rows
        raise UsageError(f"{name} is being built by the parent of this process; {GUARD}")
    spec = (SETS if sets is None else sets)[name]
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{root}.lock"):
            # another process may have finished it while this one waited
            if not (root / CARD).exists():
                _build(dataset, spec, root, tier=tier, jobs=jobs, progress=progress)
    except OSError as error:
        raise NotReadyError(
            f"{name} ({tier}) could not be written to {root}: {error}. Free some space or set "
            "BENCH_CACHE to a writable folder; what is finished is kept, the same command carries "
            "on"
        ) from error
    return root


def _build(
    dataset: MiniSet,
    spec: str,
    root: Path,
    *,
    tier: Tier,
    jobs: int | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Draw what is missing, then write lists, ground truth, indices and, last, the card."""
    items = dataset.items(tier)
    if repeated := [p for p, n in Counter(item.path for item in items).items() if n > 1]:
        raise ValueError(
            f"{dataset.name} plans {repeated[0]} more than once; every clip needs its own path"
        )
    done = finished(root)
    missing = [item for item in items if item.path not in done]
    with (
        meter(
            f"{dataset.name} ({tier})",
            len(items),
            start=len(items) - len(missing),
            callback=progress,
        ) as step,
        (root / JOURNAL).open("a", encoding="utf-8") as journal,
    ):
        for row in _rows(spec, missing, root, jobs=jobs):
            journal.write(json.dumps(row) + "\n")
            journal.flush()
            done[row["index"]["path"]] = row
            step()
    rows = [done[item.path] for item in items]
    finish(dataset, items, rows, root, tier=tier)


def _rows(
    spec: str, items: Sequence[Item], root: Path, *, jobs: int | None
) -> Iterator[dict[str, Any]]:
    """Draw and write `items`, here or in a pool; rows come as they finish, in any order."""
    jobs = min(jobs or os.cpu_count() or 1, max(len(items), 1))
    if jobs == 1:
        dataset = _load(spec)
        yield from (make(dataset, item, root) for item in items)
        return
    # spawned, not forked: the caller may hold threads (a Runner, a GPU) that do not survive a fork.
    # A spawned worker imports the caller's script; one that builds at import would wait for ever
    # for its parent's lock, hence the variable
    with _environment({BUILDING: str(root)} | dict.fromkeys(ONE_THREAD, "1")):
        pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_start, initargs=(spec,))
        try:
            futures = [pool.submit(_work, item, root) for item in items]
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise NotReadyError(
                f"a worker that draws {root.name} died: out of memory (lower jobs, now {jobs}), "
                f"killed from outside, or started by an unguarded script ({GUARD}). What is "
                "finished is kept, the same command carries on"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let children start with these variables; numerical libraries read theirs when imported."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_WORKER: dict[str, MiniSet] = {}  # the set of this worker process, built once by `_start`


def _start(spec: str) -> None:
    """Prepare a worker: build its set, keep OpenCV to one thread."""
    import cv2

    cv2.setNumThreads(1)
    _WORKER["set"] = _load(spec)


def _work(item: Item, root: Path) -> dict[str, Any]:
    """`make` inside a worker."""
    return make(_WORKER["set"], item, root)
