"""Which objectives are pretexts, and one of them built by a recipe: for the measuring commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from torch import nn

from benchmark.pretrain import objective_class
from benchmark.settings import Recipe
from registries.errors import UsageError
from registries.objective import Objective
from registries.registry import OBJECTIVES


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


def build_pretext(name: str, recipe: Recipe, preprocessor: nn.Module) -> Objective:
    """The objective with the recipe's backbones and options."""
    config: dict[str, Any] = {"type": name, "video": recipe.video, "audio": recipe.audio}
    options = recipe.objectives.get(name, {})
    built: Objective = OBJECTIVES.build({**config, **options, "data_preprocessor": preprocessor})
    return built


def _is_pretext(name: str) -> bool:
    found = objective_class(name)
    return found.pretrains and "latents" not in inspect.signature(found.__init__).parameters
