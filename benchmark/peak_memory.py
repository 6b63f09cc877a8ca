"""How much memory was held at most: of the GPU where there is one, else of this process."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

GIB = 2**30
OWN = Path("/proc/self")  # Linux


def forget_peak_memory() -> None:
    """Have `peak_memory_gb` count from here, where the system can."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif (OWN / "clear_refs").exists():
        try:
            (OWN / "clear_refs").write_text("5")
        except OSError:
            return  # not allowed here: the peak stays that of the whole process


def peak_memory_gb() -> float | None:
    """Most memory held since `forget_peak_memory` or the start, in GiB; None where unknown."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / GIB
    if (OWN / "status").exists():
        lines = (OWN / "status").read_text().splitlines()
        held = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        return int(held[0]) * 1024 / GIB if held else None
    if sys.platform == "win32":
        return None
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB
