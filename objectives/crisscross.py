"""CrissCross: two moments of a video predict each other within and across picture and sound.

Source: Sarkar and Etemad: "Self-Supervised Audio-Visual Representation Learning with Relaxed
Cross-Modal Synchronicity", AAAI 2023 (arXiv 2111.05329).

    video_1 --.                      .--> z --> predictor --> p      for each of the four views;
    video_2 --+--> encoder --> projector                             every p is held against the z
    audio_1 --+     (one of each per modality)                       of the other views of its pair
    audio_2 --'

    intra  video_1 - video_2, audio_1 - audio_2      sync   video_1 - audio_1, video_2 - audio_2
    async  video_1 - audio_2, video_2 - audio_1      L = mean over the active pairs of S(x, y)
    S(x, y) = (D(p_x, z_y) + D(p_y, z_x)) / 2,  D(p, z) = -cos(p, sg(z))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from objectives.parts.cosine import FAMILIES, check_families, crisscross
from objectives.parts.projector import mlp
from objectives.parts.relaxation import RELAXATIONS, Relaxation, placement
from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling, View
from registries.synced_norm import sync_norms

WINDOW = 3  # audio steps per frame where nothing else is asked for: those of GLCM, so equal input
AUGMENT = {1: "a", 2: "b"}  # the two views of a modality are changed independently: sec. 3
VIEWS: dict[str, Modality] = {
    "video_1": "video",
    "video_2": "video",
    "audio_1": "audio",
    "audio_2": "audio",
}


@OBJECTIVES.register_module(name="crisscross")
class CrissCross(Objective):
    """CrissCross: each view predicts the others, of its own modality and of the other one.

    L = (1/n) sum of S(x, y) over the n active pairs, S(x, y) = (D(p_x, z_y) + D(p_y, z_x)) / 2,
    D(p, z) = -cos(p, sg(z)); in [-1, 1]. No negatives: what keeps the encoders from giving one
    answer to all is the predictor with the gradient stopped behind it, and batch norm. Sarkar and
    Etemad 2023, sec. 3.

    video_1, video_2 (B, 3, T, H, W) and audio_1, audio_2 (B, F, M): two moments of one video, as
    far apart as `relaxation` says (none, mild, medium, mixed, extreme; objectives.parts.relaxation
    draws them and gives the names of the authors' code). B of at least 2, for batch norm.

    families: which pairs count, of intra, sync, async; the divisor n shrinks with them. dim,
    hidden, bottleneck: widths of z, inside the projector and inside the predictor.
    projector_layers: 2 or more. pre_norm: z of unit length goes into the predictor.
    video_seconds, audio_seconds: span of a view; None is the standard clip's, so that all
    objectives see the same. audio_steps: spectrogram steps of an audio view; None is three for each
    frame's time. strict_sync: where the spans differ, the shorter view lies in the middle of the
    longer one; else anywhere in it, as in the authors' code.

    gather: batch norm of the heads over all processes, as the authors have it.

    Differs from the paper: sign and divisor are those of the authors' code; their poster writes
    +cos and divides by 3. Views of "extreme" lie in the two halves of the video, as the poster
    says; in the code the second may begin before the middle. The code's two further forms (far
    video with the same audio, and the reverse) are left out. Matched setting: both modalities span
    the same seconds; the paper's 0.5 s of video and 2 s of audio are options. Augmentation is the
    harness's: no blur, no cut-out, and none of sound, so that with "none" both audio views are
    one. LARC and the predictor's constant rate belong to the preset (`larc`, `constant_lr`).
    """

    paper = (
        "Sarkar and Etemad 2023, Self-Supervised Audio-Visual Representation Learning with "
        "Relaxed Cross-Modal Synchronicity, AAAI"
    )
    expected_failures: ClassVar[dict[str, str]] = {
        "check_batch_sizes": "batch norm in the heads: a batch of one has no variance"
    }
    small: ClassVar[dict[str, Any]] = {"dim": 64, "hidden": 64, "bottleneck": 16}

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any],
        relaxation: Relaxation = "mild",  # the released configuration
        families: Sequence[str] = FAMILIES,
        dim: int = 2048,  # this and the next three: the released configuration
        hidden: int = 2048,
        bottleneck: int = 512,
        projector_layers: int = 3,
        pre_norm: bool = False,
        video_seconds: float | None = None,
        audio_seconds: float | None = None,
        audio_steps: int | None = None,
        strict_sync: bool = False,
        gather: bool = False,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        check_families(families)
        if relaxation not in RELAXATIONS:
            raise ValueError(f"relaxation must be one of {RELAXATIONS}, got {relaxation!r}")
        if projector_layers < 2:
            raise ValueError(f"projector_layers must be at least 2, got {projector_layers}")
        self.families, self.pre_norm = tuple(families), pre_norm
        self.trunks = nn.ModuleDict(
            {"video": BACKBONES.build(video), "audio": BACKBONES.build(audio)}
        )
        widths = [hidden] * (projector_layers - 1) + [dim]
        self.projectors = nn.ModuleDict(
            {
                name: mlp(sum(trunk.channels), *widths, norm=True, last_norm=True)
                for name, trunk in self.trunks.items()
            }
        )
        self.predictors = nn.ModuleDict(
            {name: mlp(dim, bottleneck, dim, norm=True) for name in self.trunks}
        )
        if gather:
            sync_norms(self.projectors)
            sync_norms(self.predictors)

    @classmethod
    def sampling(
        cls,
        *,
        clip_len: int = 32,
        seconds: float = 3.2,
        relaxation: Relaxation = "mild",
        video_seconds: float | None = None,
        audio_seconds: float | None = None,
        audio_steps: int | None = None,
        strict_sync: bool = False,
    ) -> ClipSampling:
        """Two views of each modality; a video must last 1 (none), 1.5 (mild) or 2 spans.

        "mixed" needs one span. clip_len frames cover `video_seconds`.
        """
        spans: dict[Modality, float] = {
            "video": video_seconds or seconds,
            "audio": audio_seconds or seconds,
        }
        steps = audio_steps or round(WINDOW * clip_len * spans["audio"] / spans["video"])
        lengths = {"video": clip_len, "audio": steps}
        placed = placement(relaxation, spans, strict_sync=strict_sync)
        views = {
            name: View(
                modality=modality,
                clip_len=lengths[modality],
                seconds=spans[modality],
                anchor=placed.of_view[name],
                augment=AUGMENT[int(name[-1])],
            )
            for name, modality in VIEWS.items()
        }
        return ClipSampling(views=views, anchors=placed.anchors)

    def encoders(self) -> dict[Modality, Encoder]:
        """Both trunks, without projectors and predictors."""
        return {"video": self.trunks["video"], "audio": self.trunks["audio"]}

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """One term for each active family. video (B, 3, T, H, W), audio (B, F, M)."""
        projected = {
            name: self.projectors[modality](_pooled(self.trunks[modality](inputs[name])))
            for name, modality in VIEWS.items()
        }
        predicted = {
            name: self.predictors[VIEWS[name]](F.normalize(z, dim=1) if self.pre_norm else z)
            for name, z in projected.items()
        }
        self.embeddings = {
            "video": projected["video_1"].detach(),
            "audio": projected["audio_1"].detach(),
        }
        terms = crisscross(predicted, projected, families=self.families)
        return {f"loss_{family}": value for family, value in terms.items()}


def _pooled(maps: tuple[Tensor, ...]) -> Tensor:
    """Mean over time and grid of every map, side by side: (B, C, t[, h, w]) -> (B, sum C)."""
    return torch.cat([found.flatten(2).mean(dim=2) for found in maps], dim=1)
