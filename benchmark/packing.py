"""What `bench data pack` packs: a dataset as it is pretrained on, or as a task reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

import pandas as pd

from benchmark.data.crops import CropRecipe, choose_crop
from benchmark.data.curriculum import CurriculumDataset
from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.datasets import Datasets
from benchmark.plan import resolve
from benchmark.plan_request import RunRequest
from benchmark.settings import Pack, Recipe
from registries.errors import UsageError
from registries.task import Split, TaskCard


@dataclass(frozen=True)
class ToPack:
    """Samples that are read in one way."""

    manifest: Manifest
    size: int
    crop: CropRecipe
    how: Pack


def to_pack(
    name: str, request: RunRequest, *, size: int | None = None, crop: str | None = None
) -> list[ToPack]:
    """The packs that the recipe of a request needs of a dataset, or a miniature.

    A task in the request: as that task reads its clips. Without: as objectives do; size, crop:
    instead of the recipe's. Where the recipe says nothing of packs, frames are kept at the rate of
    its clips. Raises UsageError for a task that is about another dataset.
    """
    recipe, cards = resolve(request)
    datasets = Datasets(request, recipe)
    if not cards:
        clip, manifest = recipe.clip, datasets.whole(name)
        chosen = choose_crop(crop or recipe.pretrain.crop, manifest)
        how = recipe.pack or Pack(fps=clip.clip_len / clip.seconds)
        return [ToPack(manifest, size or clip.size, chosen, how)]
    (card,) = cards
    if name not in (card.dataset, card.miniature):
        known = " or ".join(filter(None, (card.dataset, card.miniature)))
        raise UsageError(f"task {card.name} reads {known}, not {name!r}; name what is to be packed")
    if size is not None or crop is not None:
        raise UsageError(
            f"--size and --crop are those of task {card.name}; set them with "
            f"-o tasks.{card.name}.size=..., or leave out --task"
        )
    return _merged(list(_read_by(card, datasets, recipe)), recipe)


def _read_by(card: TaskCard, datasets: Datasets, recipe: Recipe) -> Iterator[ClipDataset]:
    """Everything that a task opens."""
    for inputs in recipe.inputs_for(card.name, card.inputs):
        task = datasets.task(card.name, card, seed=0, inputs=inputs)
        for fold in recipe.folds_for(card.name, card.folds):
            splits = set(task.manifest(fold).rows["split"])
            for split in get_args(Split):
                if split in splits:  # some have a test part alone
                    found = task.dataset(split, fold)
                    clips = found.clips if isinstance(found, CurriculumDataset) else found
                    assert isinstance(clips, ClipDataset)
                    yield clips


def _merged(read: list[ClipDataset], recipe: Recipe) -> list[ToPack]:
    """One pack for all that is cropped alike."""
    ways: dict[tuple[str, int], list[ClipDataset]] = {}
    for dataset in read:
        ways.setdefault((dataset.crop.key, dataset.size), []).append(dataset)
    rates = [
        view.clip_len / view.seconds
        for dataset in read
        for view in dataset.sampling.views.values()
        if view.modality == "video"
    ]
    how = recipe.pack or Pack(fps=max(rates, default=None))
    packs = []
    for parts in ways.values():
        rows = pd.concat([part.manifest.rows for part in parts], ignore_index=True)
        rows = rows.drop_duplicates(["path", "start", "stop", "boxes"], ignore_index=True)
        manifest = replace(parts[0].manifest, rows=rows, checked=True)
        packs.append(ToPack(manifest, parts[0].size, parts[0].crop, how))
    return packs
