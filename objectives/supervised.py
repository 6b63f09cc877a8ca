"""Upper anchor: the same encoders, taught what the clips hold instead of guessing from sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from objectives.parts.latents import Latents, clip_name, read_latents
from objectives.parts.pathways import anchor_encoders
from registries.encoder import Encoder, Modality
from registries.errors import NotReadyError
from registries.objective import NO_PRETEXT, Objective
from registries.registry import OBJECTIVES
from registries.sampling import ClipSampling, View

WINDOW = 3  # audio steps per frame, as GLCM has them
TAUGHT = {"video": ("viseme", "mouth", "shape", "motion"), "audio": ("viseme", "shape")}
SLACK = 0.05  # seconds by which a clip may reach beyond its video: one native frame at 20 fps


@OBJECTIVES.register_module(name="supervised")
class Supervised(Objective):
    """Upper anchor: trained on the latents of the miniature pretraining set, which no pretext sees.

    L = L_viseme + L_mouth + L_shape + L_motion + L_audio_viseme + L_audio_shape. Cross-entropy per
    step over visemes and silence, smooth L1 of the mouth's (opening, width, teeth, tongue), binary
    cross-entropy of the shapes and motions that a clip shows; the audio trunk learns visemes and
    shapes from sound. No source: a construction of this suite. Differs from the paper: Ma et al.
    2021 compare with supervised networks trained on the task itself.

    video (B, 3, T, H, W), audio (B, F, M * T). latents: path of `gt.jsonl`. seconds: span of the
    clips, as passed to `sampling`. pathways: True hands down the encoder that GLCM does. Clips in
    which two faces speak teach no visemes (whose?), clips with another clip's sound teach the audio
    trunk nothing.
    """

    paper = "none (anchor)"
    expected_failures = dict.fromkeys(
        (*NO_PRETEXT, "check_build", "check_encoders"),
        "learns from the latents of the miniature set, which synthetic clips do not have",
    )

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any] | None = None,
        latents: str,
        seconds: float = 3.2,
        pathways: bool = True,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        self.source, self.seconds = latents, seconds
        truth = read_latents(Path(latents))
        self.rows, self.fps = truth.rows, truth.fps
        for name in ("visemes", "mouth", "shapes", "motions", "talks", "acts", "heard"):
            # read again from the file on resuming: not part of the state
            self.register_buffer(name, getattr(truth, name), persistent=False)
        self.trunks = nn.ModuleDict(anchor_encoders(video, audio, pathways=pathways))
        self.heads = nn.ModuleDict(
            {name: _heads(sum(e.channels), truth, TAUGHT[name]) for name, e in self.trunks.items()}
        )

    @classmethod
    def sampling(cls, *, clip_len: int = 32, seconds: float = 3.2) -> ClipSampling:
        """The views of GLCM: the densest clip and the audio of the same span."""
        return ClipSampling(
            views={
                "video": View(modality="video", clip_len=clip_len, seconds=seconds),
                "audio": View(modality="audio", clip_len=WINDOW * clip_len, seconds=seconds),
            }
        )

    def encoders(self) -> dict[Modality, Encoder]:
        """The trunks without their heads."""
        return dict(self.trunks.items())

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Losses of both trunks; a kind of clip that the batch lacks adds zero."""
        rows = self._rows(data_samples["id"])
        starts = data_samples["times"]["video"].start[:, 0].to(rows.device)
        steps = _steps(self.trunks["video"](inputs["video"]))
        seen = self._terms(self.heads["video"], steps, rows=rows, starts=starts)
        if "audio" not in self.trunks:
            return seen
        steps = _steps(self.trunks["audio"](inputs["audio"]))
        sound = self._terms(self.heads["audio"], steps, rows=rows, starts=starts, needs_sound=True)
        return seen | {_of_audio(key): value for key, value in sound.items()}

    def _terms(
        self,
        heads: nn.ModuleDict,
        steps: Tensor,
        *,
        rows: Tensor,
        starts: Tensor,
        needs_sound: bool = False,
    ) -> dict[str, Tensor]:
        """Every term of one trunk from its features (B, T, C)."""
        frames, inside = self._frames(starts, steps.shape[1])
        named = self.visemes[rows[:, None], frames]
        use = self.heard[rows] if needs_sound else torch.ones_like(self.heard[rows])
        spoken = (inside & (named >= 0)) & (use & self.talks[rows])[:, None]  # (B, T)
        shown = (use & self.acts[rows])[:, None]  # (B, 1)
        scores, target = heads["viseme"](steps).float(), named.clamp_min(0)
        each = F.cross_entropy(scores.transpose(1, 2), target, reduction="none")
        hit = (scores.argmax(dim=2) == target).float()
        terms = {"loss_viseme": _mean(each, spoken), "viseme_accuracy": _mean(hit, spoken)}
        if "mouth" in heads:
            track = self.mouth[rows[:, None], frames]
            off = F.smooth_l1_loss(heads["mouth"](steps).float(), track, reduction="none")
            terms["loss_mouth"] = _mean(off.mean(dim=2), spoken)
        for part, truth in (("shape", self.shapes), ("motion", self.motions)):
            if part in heads:
                score = heads[part](steps.mean(dim=1)).float()
                wrong = F.binary_cross_entropy_with_logits(score, truth[rows], reduction="none")
                terms[f"loss_{part}"] = _mean(wrong.mean(dim=1, keepdim=True), shown)
        return terms

    def _frames(self, starts: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Native frame at the middle of each step (B, T), and whether the video has one there."""
        order = torch.arange(steps, device=starts.device, dtype=torch.float64)
        moments = starts.double()[:, None] + (order + 0.5) * (self.seconds / steps)
        # a moment on the boundary belongs to the frame that begins there, whatever float64 makes of
        # it
        frames = (moments * self.fps + 1e-6).floor().long()
        length = self.visemes.shape[1]
        ends = starts + self.seconds
        # a clip that is longer than its video starts at 0; a late one cannot end outside
        if bool(((starts > SLACK) & (ends > length / self.fps + SLACK)).any()):
            raise ValueError(
                f"clips of {self.seconds} s reach beyond videos of {length / self.fps} s: "
                "`seconds` differs from what `sampling` was given; pass the same value to both"
            )
        return frames.clamp(0, length - 1), (frames >= 0) & (frames < length)

    def _rows(self, identities: list[str]) -> Tensor:
        """Row of each sample in the truth, (B,)."""
        names = [clip_name(identity) for identity in identities]
        if missing := [name for name in names if name not in self.rows]:
            raise NotReadyError(
                f"{self.source} does not describe {missing[0]!r} (and {len(missing) - 1} more of "
                "this batch). "
                "Pretrain on the set that the file lies beside."
            )
        return torch.tensor([self.rows[name] for name in names], device=self.visemes.device)


def _heads(channels: int, truth: Latents, taught: tuple[str, ...]) -> nn.ModuleDict:
    """One linear layer for each thing to learn."""
    sizes = {
        "viseme": len(truth.viseme_names),
        "mouth": truth.mouth.shape[2],
        "shape": len(truth.shape_names),
        "motion": len(truth.motion_names),
    }
    return nn.ModuleDict({name: nn.Linear(channels, sizes[name]) for name in taught})


def _of_audio(key: str) -> str:
    """Key of the audio trunk's term: loss_viseme -> loss_audio_viseme."""
    return f"loss_audio_{key.removeprefix('loss_')}" if key.startswith("loss_") else f"audio_{key}"


def _steps(maps: tuple[Tensor, ...]) -> Tensor:
    """Maps (B, C, t[, h, w]) -> (B, T, sum C): mean over the grid, slower pathways repeated."""
    rows = [found.flatten(3).mean(dim=3) if found.dim() > 3 else found for found in maps]
    length = max(row.shape[2] for row in rows)
    return torch.cat([F.interpolate(row, size=length) for row in rows], dim=1).transpose(1, 2)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the masked entries; 0, with a gradient path, where there is none."""
    weight = mask.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp_min(1.0)
