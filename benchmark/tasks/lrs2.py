"""Lip reading of sentences: LRS2, and anything written in its layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import pandas as pd
from mmengine.evaluator import BaseMetric
from torch.utils.data import Dataset

from benchmark.data.crops import CropRecipe, choose_crop
from benchmark.data.curriculum import CurriculumDataset
from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.heads.ctc import CTCHead
from benchmark.metrics_text import TextMetric
from registries.errors import NotReadyError, UsageError
from registries.registry import TASKS
from registries.sampling import ClipSampling, View
from registries.task import Split, Task, TaskCard, TextHead

MINIATURE_SECONDS = 4.8  # of the miniature's clips
LRS2_SECONDS = 16.0  # chosen
PIECES = (2, 4, 8, 16)  # words; chosen
WHOLE = (0,)  # the miniature's fragments are as short as pieces, with silence around them
STAGE = "pretrain-"  # split of the rows of a stage, followed by its words


@TASKS.register_module(name="lrs2")
class LRS2(Task):
    """Sentence recognition from the lips alone (Afouras et al. 2018): WER over the test corpus.

    An utterance is one sample of `max_seconds` at `fps`, its last frame held to the end; only the
    steps inside the file are read, so padding changes no text. A longer one loses both ends.
    Crop as in `lrw`. The head is a BiGRU (or Conformer) with CTC over 40 characters, decoded by
    "greedy", "beam" or "flashlight" without a language model, so that the
    number reflects the features; it is not to be compared with those of attention models.

    curriculum: share of the training spent on pieces of `pretrain` before the sentences of `main`
    (0: none). words: pieces of so many words, one stage each; 0 takes whole clips, which suits the
    miniature alone. Differs from the paper: GLCM names a protocol (Zhang et al. 2019) that could
    not be read, all of it is the harness's.
    """

    card = TaskCard(
        name="lrs2",
        title="Lip reading, sentences (LRS2)",
        dataset="lrs2",
        miniature="mini-lrs2",
        reference="Afouras et al., Deep Audio-Visual Speech Recognition, TPAMI 2018",
        licence="BBC, research agreement required",
        main_metric="wer",
        unit="%",
        higher_is_better=False,
        scope="local",
        version=1,
        protocols=("finetune",),
        extra_metrics=("cer",),
        published_task="LRS2",
        published_metric="WER_pct",
    )

    def __init__(
        self,
        *,
        source: ClipSource,
        crop: str = "lip",
        lip_frac: float = 1 / 3,
        fps: float = 25.0,
        max_seconds: float | None = None,
        decoder: str = "greedy",
        curriculum: float = 0.25,  # chosen
        words: Sequence[int] | None = None,
        context: Literal["gru", "conformer"] = "gru",
        width: int = 256,
        hidden: int = 512,
        layers: int = 2,
    ) -> None:
        self.source, self.crop, self.lip_frac = source, crop, lip_frac
        self.fps, self.seconds, self.decoder = fps, max_seconds, decoder
        self.curriculum, self.words = curriculum, words
        self.context, self.width, self.hidden, self.layers = context, width, hidden, layers
        self.notes = (f"decoder=ctc_{decoder}",)
        self._manifest: Manifest | None = None
        if not 0 <= curriculum < 1:
            raise UsageError(
                f"tasks.lrs2.curriculum={curriculum} is the share of the training spent on pieces "
                "of speech: 0 (none) or more, and below 1, to leave some for the sentences"
            )

    def sampling(self) -> ClipSampling:
        """One video view: the whole utterance."""
        length = self._seconds(self.source.manifest())
        return ClipSampling(
            {"video": View(modality="video", clip_len=round(length * self.fps), seconds=length)}
        )

    def augment(self) -> dict[str, Any]:
        """Small crop and flip only."""
        return {"scale": None, "flip": 0.5, "jitter": 0.0}

    def manifest(self, fold: int = 0) -> Manifest:
        """Owners' train, val and test of `main`, then the stages, each a split of its own."""
        if self._manifest is None:
            self._manifest = self._with_stages(self.source.manifest())
        return self._manifest

    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> Dataset[dict[str, Any]]:
        """An utterance is one sample whatever `clips` says; training goes through the stages."""
        manifest, sampling = self.manifest(), self.sampling()
        crop = replace(choose_crop(self.crop, manifest), lip_frac=self.lip_frac)
        stages = _stages(manifest)
        if split != "train" or not stages:
            return self.source.dataset(manifest, split, sampling, crop=crop)
        return self._staged(manifest, stages, sampling, crop)

    def head(self, channels: int) -> TextHead:
        """Characters by CTC."""
        return CTCHead(
            channels,
            width=self.width,
            hidden=self.hidden,
            layers=self.layers,
            context=self.context,
            decoder=self.decoder,
        )

    def metrics(self) -> list[BaseMetric]:
        """Word and character error rate."""
        return [TextMetric("wer"), TextMetric("cer")]

    def chance(self) -> float:
        """Who says nothing gets every word wrong."""
        return 100.0

    def _seconds(self, manifest: Manifest) -> float:
        longest = MINIATURE_SECONDS if manifest.kind == "miniature" else LRS2_SECONDS
        return longest if self.seconds is None else self.seconds

    def _with_stages(self, main: Manifest) -> Manifest:
        """Rows of the curriculum behind those of `main`, a piece in the first stage that has it."""
        if not self.curriculum:
            return main
        miniature = main.kind == "miniature"
        words = (WHOLE if miniature else PIECES) if self.words is None else tuple(self.words)
        if not miniature and 0 in words:
            raise UsageError(
                f"tasks.lrs2.words={words}: 0 stands for whole clips, and those of pretrain last "
                f"minutes; name words of a piece, such as {PIECES}"
            )
        parts = [main.rows]
        for count in words:
            pieces = self._pieces(count)
            fits = ~(pieces["stop"] - pieces["start"] > self._seconds(main))  # NaN: whole clips
            parts.append(pieces[fits].assign(split=f"{STAGE}{count}"))
        rows = pd.concat(parts, ignore_index=True).drop_duplicates("id", ignore_index=True)
        return replace(main, rows=rows, expected=main.expected + len(rows) - len(main))

    def _pieces(self, words: int) -> pd.DataFrame:
        """Rows of `pretrain` cut to so many words. Raises NotReadyError where there is none."""
        try:
            return self.source.training(part="pretrain", words=words).rows
        except NotReadyError as error:
            raise NotReadyError(
                f"{error}\nThe curriculum of lrs2 begins with `pretrain`; without that part, train "
                "on sentences alone with -o tasks.lrs2.curriculum=0"
            ) from error

    def _staged(
        self, manifest: Manifest, stages: list[str], sampling: ClipSampling, crop: CropRecipe
    ) -> CurriculumDataset:
        rows = manifest.keep(manifest.rows["split"].isin(["train", *stages]))
        counts = rows.rows["split"].value_counts()
        ends = [int(counts["train"])]
        for stage in stages:
            ends.append(ends[-1] + int(counts[stage]))
        clips = ClipDataset(
            rows,
            sampling,
            size=self.source.size,
            crop=crop,
            train=True,
            seed=self.source.seed,
            store=self.source.store,
        )
        return CurriculumDataset(
            clips,
            main=ends[0],
            stages=list(pairwise(ends)),
            share=self.curriculum,
        )


def _stages(manifest: Manifest) -> list[str]:
    """Splits of the curriculum, in order."""
    names = manifest.rows["split"]
    return list(dict.fromkeys(names[names.str.startswith(STAGE)]))
