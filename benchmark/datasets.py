"""Where each dataset of a run comes from.

A configured root, or a generated stand-in. Never a silent fallback.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmark.data import adapters
from benchmark.data.manifest import Manifest
from benchmark.data.miniature.build import ensure
from benchmark.data.miniature.clip import Tier
from benchmark.data.ready import opened
from benchmark.data.source import ClipSource
from benchmark.data.store import FrameStore
from benchmark.paths import cache_dir
from benchmark.plan_request import RunRequest
from benchmark.settings import Recipe
from registries.errors import NotReadyError
from registries.registry import TASKS
from registries.task import Inputs, Task, TaskCard

MINIATURE_PREFIX = "mini-"
Known = dict[str, dict[str, Manifest]]
STANDS_FOR = {"mini-ks": "kinetics_sound", "mini-ucf": "ucf101"}  # the others by their own names


@dataclass
class Datasets:
    """Roots, stores and tasks of one run; everything is located before anything is trained.

    known: manifests read so far, by dataset and root, which the plans of one process share.
    """

    request: RunRequest
    recipe: Recipe
    known: Known = field(default_factory=dict)

    def task(self, name: str, card: TaskCard, *, seed: int, inputs: Inputs) -> Task:
        """The task on its data. Raises NotReadyError where the data is not there."""
        root = self._task_root(card)
        source = ClipSource(
            adapter=card.dataset,
            root=root,
            size=self.recipe.size_for(name),
            seed=seed,
            store=self.store(),
            follow_links=self.request.follow_links,
            manifests=self.known.setdefault(f"{card.dataset} {root}", {}),
        )
        options = self.recipe.task_options(name)
        if len(card.inputs) > 1:
            options = {**options, "inputs": inputs}
        task: Task = TASKS.build({"type": name, "source": source, **options})
        task.inputs = inputs
        return task

    def pretraining(self) -> Manifest:
        """The pretraining set of this run, cut to the recipe's number of clips: the first n."""
        name = self.request.pretrain_data or self.recipe.pretrain_data
        if name.startswith(MINIATURE_PREFIX):
            root = self._miniature(name, self._pretrain_tier())
            name = STANDS_FOR.get(name, name.removeprefix(MINIATURE_PREFIX))
        else:
            root = self._root(name)
        known = self.known.setdefault(f"pretrain {name} {root}", {})
        if "" not in known:  # what a task tests is never pretrained on
            listed = adapters.read(name, root)
            known[""] = opened(listed, follow_links=self.request.follow_links).split("train")
        manifest = known[""]
        clips = self.recipe.pretrain_clips
        return manifest if clips is None or clips >= len(manifest) else manifest.take(clips)

    def store(self) -> FrameStore | None:
        """Decoded clips on disk, where the recipe asks for it."""
        return FrameStore(cache_dir() / "frames") if self.recipe.frame_cache else None

    def _task_root(self, card: TaskCard) -> Path:
        if self._has_root(card.dataset):
            return adapters.locate(card.dataset, self._root(card.dataset))
        if not card.miniature:
            raise NotReadyError(
                f"{card.name} has no generated stand-in. Give its owners' data with --data "
                f"{card.dataset}=ROOT; `bench data verify {card.dataset} --root ROOT` says what is "
                "expected there."
            )
        return self._miniature(card.miniature, self.recipe.tier)

    def _has_root(self, dataset: str) -> bool:
        return dataset in self.request.data or "" in self.request.data

    def _root(self, dataset: str) -> Path:
        return self.request.data.get(dataset) or self.request.data.get("") or Path()

    def _pretrain_tier(self) -> Tier:
        return self.recipe.pretrain_tier or self.recipe.tier

    def _miniature(self, name: str, tier: Tier) -> Path:
        return ensure(name, tier=tier, cache=cache_dir(), jobs=self.request.jobs)
