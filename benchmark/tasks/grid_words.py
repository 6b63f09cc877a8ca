"""Lip reading of single words in GRID's sentences."""

from __future__ import annotations

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.tasks.parts import WordTask
from registries.registry import TASKS
from registries.sampling import ClipSampling, View
from registries.task import Split, TaskCard


@TASKS.register_module(name="grid_words")
class GridWords(WordTask):
    """Word classification from the lips alone, on words cut from GRID (Cooke et al. 2006): top-1.

    slots: digit (10 words), letter (25), colour (4) or all (51). window: seconds around the middle
    of a word, by the official alignments. Five folds that keep sentences whole; speakers are seen
    in training, so that a number says "GRID" and never "LRW". Head and augmentation as in `lrw`.
    """

    card = TaskCard(
        name="grid_words",
        title="Lip reading, words (GRID)",
        dataset="grid_words",
        miniature="",
        reference="Cooke et al., An audio-visual corpus for speech perception, JASA 2006",
        licence="free for research use",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="local",
        version=1,
        folds=(0, 1, 2, 3, 4),
    )

    def __init__(
        self,
        *,
        source: ClipSource,
        slots: str = "letter",
        crop: str = "lip",
        window: float = 0.6,  # chosen: letters last 0.1 to 0.5 s
        fps: float = 25.0,
        width: int = 256,
        hidden: int = 512,
        layers: int = 2,
    ) -> None:
        super().__init__(source=source, crop=crop, width=width, hidden=hidden, layers=layers)
        self.slots, self.window = slots, window
        self.view = View(modality="video", clip_len=round(window * fps), seconds=window)

    def sampling(self) -> ClipSampling:
        """One video view: the window."""
        return ClipSampling({"video": self.view})

    def manifest(self, fold: int = 0) -> Manifest:
        """Words of one kind; fold `fold` is tested, the next one chooses the epoch."""
        return self.source.manifest(slots=self.slots, fold=fold, window=self.window)

    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> ClipDataset:
        """A word is one sample whatever `clips` says."""
        return self.source.dataset(self.manifest(fold), split, self.sampling(), crop=self.crop)

    def chance(self) -> float:
        """Share of the most frequent word of the test part, in percent."""
        test = self.manifest().split("test").rows["label"]
        return 100.0 * float(test.value_counts(normalize=True).max())
