"""What a dataset asks of whatever holds its clips: decoded ones, packed ones, distorted copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from benchmark.data.crops import CropRecipe
from benchmark.data.manifest import Manifest
from benchmark.data.opened import OpenClip, Sample
from benchmark.data.store import BadFile


class ClipStore(Protocol):
    """Where clips are read from instead of their files."""

    def open(self, sample: Sample, *, sample_rate: int) -> OpenClip:
        """The clip of a sample. Raises MediaError, NotReadyError."""
        ...

    def warm(
        self,
        manifest: Manifest,
        *,
        size: int,
        crop: CropRecipe | str = "full",
        sample_rate: int = 16_000,
        jobs: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        max_bad: float = 0.01,
    ) -> list[BadFile]:
        """See to it, before training, that every clip can be opened; returns the unreadable ones.

        Raises NotReadyError where more than `max_bad` of the clips cannot be.
        """
        ...
