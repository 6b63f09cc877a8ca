"""Where each dataset of a run comes from.

A configured root, or a generated stand-in. Never a silent fallback.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.data import adapters
from benchmark.data.clip_store import ClipStore
from benchmark.data.manifest import Manifest
from benchmark.data.miniature.build import ensure
from benchmark.data.miniature.clip import Tier
from benchmark.data.pack.read import PACKS, PackStore
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
            store=self.store(card),
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
        adapter, root = self._located(self._pretrained_on())
        known = self.known.setdefault(f"pretrain {adapter} {root}", {})
        if "" not in known:  # what a task tests is never pretrained on
            known[""] = self.whole(self._pretrained_on()).split("train")
        manifest = known[""]
        clips = self.recipe.pretrain_clips
        return manifest if clips is None or clips >= len(manifest) else manifest.take(clips)

    def whole(self, name: str) -> Manifest:
        """All samples of a dataset, or of a miniature, whose files open."""
        adapter, root = self._located(name)
        return opened(adapters.read(adapter, root), follow_links=self.request.follow_links)

    def store(self, task: TaskCard | None = None) -> ClipStore | None:
        """Packs or decoded clips on disk, where the recipe asks for them.

        task: whose clips are to be read; None: those that are pretrained on.
        """
        if self.recipe.pack is not None:
            command = self._pack_command(task)
            return PackStore(cache_dir() / PACKS, self.recipe.pack, command=command)
        return FrameStore(cache_dir() / "frames") if self.recipe.frame_cache else None

    def _pack_command(self, task: TaskCard | None) -> str:
        """What makes the packs that `store` reads."""
        generated = self._pretrained_on().startswith(MINIATURE_PREFIX)
        name = self._pretrained_on()
        if task is not None:
            generated = not self._has_root(task.dataset)
            name = task.miniature if generated else task.dataset
        words = ["bench", "data", "pack", str(name)]
        if not generated:
            words += ["--root", str(self._root(name))]
        words += ["--task", task.name] if task is not None else []
        words += ["--preset", str(self.request.preset)]
        words += ["--follow-links"] if self.request.follow_links else []
        for flag, values in (("-o", self.request.overrides), ("--plugin", self.request.plugins)):
            for value in values:
                words += [flag, str(value)]
        return shlex.join(words)

    def _pretrained_on(self) -> str:
        return self.request.pretrain_data or self.recipe.pretrain_data

    def _located(self, name: str) -> tuple[str, Path]:
        """Adapter and root of a dataset, or of a miniature, which is generated."""
        if not name.startswith(MINIATURE_PREFIX):
            return name, self._root(name)
        root = self._miniature(name, self._pretrain_tier())
        return STANDS_FOR.get(name, name.removeprefix(MINIATURE_PREFIX)), root

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
