"""Fingerprinting: a distorted copy of a clip looks for the clip; nothing is trained."""

from __future__ import annotations

from typing import Any, NoReturn

from mmengine.evaluator import BaseMetric

from benchmark.data.dataset import ClipDataset
from benchmark.data.distort.copies import CopyStore, distortions, with_copies
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.metrics import SampleMetric
from benchmark.tasks.parts import STEPS
from registries.errors import NotReadyError, UsageError
from registries.registry import TASKS
from registries.sampling import ClipSampling, View
from registries.task import MODALITIES, Inputs, Split, Task, TaskCard


@TASKS.register_module(name="fingerprint")
class Fingerprint(Task):
    """Robust fingerprinting on VGGSound (Jenni et al. 2023): R@1 of distorted copies.

    The gallery is `gallery` clips of the test part; each of them is a query once for each
    distortion, and looks for itself by the cosine of frozen features, averaged over clips, of sight
    and sound each of unit length side by side. r1 is the mean over all distortions, r1:blur that of
    one. tpr_at_fpr1: copies that are found and believed where one in a hundred copies of clips that
    are not in the gallery is (`benchmark.results.scores_match`). Of both inputs, both are
    distorted: `benchmark.data.distort.copies.applied`.

    Differs from the paper: its protocol could not be read; distortions and strengths are chosen,
    and copies are made of the frames as the encoder sees them, not of the files. On the miniature,
    of 10 frames a second, the distortion "fps" moves frames by a few hundredths of a second only.
    """

    card = TaskCard(
        name="fingerprint",
        title="Finding distorted copies (VGGSound)",
        dataset="vggsound",
        miniature="mini-fingerprint",
        reference="Jenni et al., Audio-Visual Contrastive Learning with Temporal Self-Supervision, "
        "AAAI 2023; Chen et al., VGGSound, ICASSP 2020",
        licence="CC BY 4.0 for the list, video rights with their owners",
        main_metric="r1",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        inputs=("v", "a", "av"),
        protocols=("fingerprint",),
        extra_metrics=("r5", "r10", "median_rank", "tpr_at_fpr1"),
    )

    def __init__(
        self,
        *,
        source: ClipSource,
        inputs: Inputs = "v",
        gallery: int = 10_000,  # chosen
        clip_len: int = 32,
        fps: float = 10.0,
    ) -> None:
        if gallery < 2:
            raise UsageError(f"gallery={gallery}: a search needs at least two clips to choose from")
        self.source, self.inputs, self.gallery = source, inputs, gallery
        self.clip_len, self.seconds = clip_len, clip_len / fps
        self._clips: Manifest | None = None

    def sampling(self) -> ClipSampling:
        """One view of each modality of the inputs, over the same seconds."""
        lengths = {"video": self.clip_len, "audio": round(STEPS * self.seconds)}
        return ClipSampling(
            {
                name: View(modality=name, clip_len=lengths[name], seconds=self.seconds)
                for name in MODALITIES[self.inputs]
            }
        )

    def augment(self) -> dict[str, Any]:
        """Nothing is trained."""
        return {}

    def clips(self) -> Manifest:
        """The gallery: the first clips of the test part in a fixed random order, read once.

        Clips without sound are left out where it is listened to. Raises NotReadyError where fewer
        than two are left.
        """
        if self._clips is None:
            # `training`: the owners' own parts, nothing held out of train
            test = self.source.training().split("test")
            if "a" in self.inputs:
                test = test.keep(test.rows["has_audio"].fillna(True).to_numpy(bool))
            self._clips = test.ranked().take(self.gallery)
        if len(self._clips) < 2:
            raise NotReadyError(
                f"{self._clips.name}: {len(self._clips)} clip of the test part in "
                f"{self._clips.root} can be searched for; fingerprinting needs at least two"
            )
        return self._clips

    def manifest(self, fold: int = 0) -> Manifest:
        """Clips and their distorted copies, whose tag is the distortion."""
        return with_copies(self.clips(), distortions(self.inputs))

    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> ClipDataset:
        """`clips` spans of every clip and every copy; there is a test part alone."""
        return ClipDataset(
            self.manifest().split(split),
            self.sampling(),
            size=self.source.size,
            train=False,
            clips=clips,
            seed=self.source.seed,
            store=CopyStore(self.source.store, self.inputs),
        )

    def head(self, channels: int) -> NoReturn:
        """There is none."""
        raise UsageError("fingerprint trains nothing, it has no head; use --protocol fingerprint")

    def metrics(self) -> list[BaseMetric]:
        """The name of the main metric; scores come from `benchmark.search`."""
        return [SampleMetric(self.card.main_metric)]

    def chance(self) -> float:
        """One clip of the gallery, in percent."""
        return 100.0 / len(self.clips())
