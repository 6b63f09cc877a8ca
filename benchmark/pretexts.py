"""Which objectives are pretexts: for the measuring commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from benchmark.pretrain import objective_class
from registries.errors import UsageError


def pretexts(names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that learn from clips alone; anchors are left out.

    An anchor is not trained at all, or is taught the latents of a miniature. Raises UsageError
    where nothing is left.
    """
    asked = tuple(names)
    found = tuple(name for name in asked if _is_pretext(name))
    if not found:
        raise UsageError(
            f"none of {', '.join(asked) or 'no objectives'} learns from clips alone: the anchors "
            "have no pretext to measure. `bench list objectives` shows the others."
        )
    return found


def _is_pretext(name: str) -> bool:
    found = objective_class(name)
    return found.pretrains and "latents" not in inspect.signature(found.__init__).parameters
