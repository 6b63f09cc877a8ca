"""Fixtures for every test: one thread a worker, real media, miniatures made once a session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# before torch or numpy are imported: tests run in as many workers as there are cores
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real clips in their owners' layouts: BENCH_REAL_DATA."""
    place = os.environ.get("BENCH_REAL_DATA")
    if not place:
        pytest.skip("BENCH_REAL_DATA is not set: no real clips on this machine")
    folder = Path(place).resolve()
    if not folder.is_dir():
        pytest.fail(f"BENCH_REAL_DATA={place} is not a folder")
    return folder


@pytest.fixture(scope="session")
def mini_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Cache of generated data, shared by the session's workers; BENCH_TEST_CACHE keeps it.

    `build.ensure(name, tier="ci", cache=mini_cache)` holds a file lock, so one worker generates and
    the others wait.
    """
    if place := os.environ.get("BENCH_TEST_CACHE"):
        cache = Path(place).resolve()
    else:
        base = tmp_path_factory.getbasetemp()
        # under xdist each worker has a folder of its own inside the session's
        shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
        cache = shared / "bench-cache"
    cache.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(cache))
        yield cache
