"""Lip reading of single words: LRW, and anything written in its layout."""

from __future__ import annotations

from dataclasses import replace

from benchmark.data.crops import choose_crop
from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.tasks.parts import WordTask
from registries.registry import TASKS
from registries.sampling import ClipSampling, View
from registries.task import Split, TaskCard

MINIATURE_SECONDS = 1.6  # of the miniature's clips
LRW_SECONDS = 1.16  # 29 frames at 25 fps


@TASKS.register_module(name="lrw")
class LRW(WordTask):
    """Word classification from the lips alone (Chung & Zisserman 2016): top-1 over 500 words.

    The whole clip is one sample at `fps`; lip_frac: nominal lip width / crop width. Crop "lip"
    is cut by landmarks where the root has them, else it is the fixed window of LRW. The
    head is a BiGRU over the encoder's steps; flip and a small random crop are the only
    augmentation (a colour or scale change would be a nuisance of another task). Differs from the
    paper: GLCM states no finetuning recipe, all of it is the harness's.
    """

    card = TaskCard(
        name="lrw",
        title="Lip reading, words (LRW)",
        dataset="lrw",
        miniature="mini-lrw",
        reference="Chung & Zisserman, Lip Reading in the Wild, ACCV 2016",
        licence="BBC, research agreement required",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="local",
        version=1,
        published_task="LRW",
        published_metric="top1_pct",
    )

    def __init__(
        self,
        *,
        source: ClipSource,
        crop: str = "lip",
        lip_frac: float = 1 / 3,
        fps: float = 25.0,
        width: int = 256,
        hidden: int = 512,
        layers: int = 2,
    ) -> None:
        super().__init__(source=source, crop=crop, width=width, hidden=hidden, layers=layers)
        self.fps, self.lip_frac = fps, lip_frac

    def sampling(self) -> ClipSampling:
        """One video view: the whole clip."""
        seconds = MINIATURE_SECONDS if self.manifest().kind == "miniature" else LRW_SECONDS
        view = View(modality="video", clip_len=round(seconds * self.fps), seconds=seconds)
        return ClipSampling({"video": view})

    def manifest(self, fold: int = 0) -> Manifest:
        """Owners' train, val and test; there is one fold."""
        return self.source.manifest()

    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> ClipDataset:
        """A clip is one sample whatever `clips` says: the word fills it."""
        manifest = self.manifest()
        crop = replace(choose_crop(self.crop, manifest), lip_frac=self.lip_frac)
        return self.source.dataset(manifest, split, self.sampling(), crop=crop)

    def chance(self) -> float:
        """Test sets are balanced: one over the number of words, in percent."""
        return 100.0 / len(self.manifest().labels)
