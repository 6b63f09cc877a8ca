"""What a task needs to make its datasets.

An adapter's name, a root, and how clips are read here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.data import adapters
from benchmark.data.clip_store import ClipStore
from benchmark.data.crops import CropRecipe
from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.ready import opened
from benchmark.data.splits import hold_out
from registries.sampling import ClipSampling
from registries.task import Split


@dataclass
class ClipSource:
    """One dataset root, read through its adapter; shared by all tasks and objectives.

    size: pixels a side of what the encoder sees. seed: of the training draws. store: decoded
    clips kept on disk, or None to decode each time. follow_links: also files that lie outside the
    root, behind links. manifests: those read so far, by adapter
    options; a dict that several sources of one root may share.
    """

    adapter: str
    root: Path
    size: int
    seed: int = 0
    store: ClipStore | None = None
    follow_links: bool = False
    manifests: dict[str, Manifest] = field(default_factory=dict, repr=False)

    def manifest(self, **options: Any) -> Manifest:  # noqa: ANN401 - checked by the adapter's signature
        """The manifest under these adapter options, with a validation part; read once."""
        key = repr(sorted(options.items()))
        if key not in self.manifests:
            # held out of train by group only where the owners have no validation part
            self.manifests[key] = hold_out(self.training(**options))
        return self.manifests[key]

    def training(self, **options: Any) -> Manifest:  # noqa: ANN401 - checked by the adapter's signature
        """The manifest of a part that is only trained on: nothing is held out of it."""
        listed = adapters.read(self.adapter, self.root, **options)
        return opened(listed, follow_links=self.follow_links)

    def dataset(
        self,
        manifest: Manifest,
        split: Split,
        sampling: ClipSampling,
        *,
        crop: CropRecipe | str,
        clips: int = 1,
    ) -> ClipDataset:
        """Clips of one split; random spans in training, `clips` evenly spread ones otherwise."""
        return ClipDataset(
            manifest.split(split),
            sampling,
            size=self.size,
            crop=crop,
            train=split == "train",
            clips=1 if split == "train" else clips,
            seed=self.seed,
            store=self.store,
        )
