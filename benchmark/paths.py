"""Where things are: files that travel with the package, and the cache of generated data.

In a checkout `configs/` and `results/published/` stand beside the packages; in an installed wheel
they are carried inside `benchmark/`. `packaged()` finds them in both. Imports nothing heavy.
"""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent


def packaged(name: str) -> Path:
    """Folder `name` ("configs", "results/published") of the wheel or of the checkout.

    Raises FileNotFoundError where neither carries it, which means a broken installation.
    """
    for place in (PACKAGE / "_packaged" / name, CHECKOUT / name):
        if place.exists():
            return place
    raise FileNotFoundError(
        f"{name} is missing from this installation ({PACKAGE}); reinstall the package"
    )


def cache_dir() -> Path:
    """`BENCH_CACHE`, else `XDG_CACHE_HOME/bench-av`, else `~/.cache/bench-av`."""
    if place := os.environ.get("BENCH_CACHE"):
        return Path(place).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "bench-av"
