"""Upper anchor: the same encoders, taught what the clips hold instead of guessing from sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from objectives.parts.latents import Latents, clip_name, read_latents
from objectives.parts.pathways import anchor_encoders
from registries.distributed import mean_over_processes, world_size
from registries.encoder import Encoder, Modality
from registries.errors import NotReadyError
from registries.objective import NO_PRETEXT, Objective
from registries.registry import OBJECTIVES
from registries.sampling import ClipSampling, View

WINDOW = 3  # audio steps per frame, as GLCM has them
GRID = 3  # cells a side, as in the head for lip reading
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
    clips, as passed to `sampling`. pathways: True hands down the encoder that GLCM does. one_face:
    clips are cropped to the face whose visemes are named; otherwise clips in which two faces speak
    teach no visemes (whose?). They never do so by sound; clips with another clip's sound teach the
    audio trunk nothing. Visemes and the mouth are read from 3 x 3 cells of the map, as the lip
    reading head does, the rest from the mean over time of their maximum.
    """

    version = 2  # 1: everything from the mean of the map
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
        one_face: bool = False,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        self.source, self.seconds, self.one_face = latents, seconds, one_face
        truth = read_latents(Path(latents))
        self.rows, self.fps = truth.rows, truth.fps
        for name in ("visemes", "mouth", "shapes", "motions", "alone", "acts", "heard"):
            # read again from the file on resuming: not part of the state
            self.register_buffer(name, getattr(truth, name), persistent=False)
        self.trunks = nn.ModuleDict(anchor_encoders(video, audio, pathways=pathways))
        self.heads = nn.ModuleDict(
            {name: _heads(sum(e.channels), truth, name) for name, e in self.trunks.items()}
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
        cells = _cells(self.trunks["video"](inputs["video"]))
        named = ~self.acts[rows] if self.one_face else self.alone[rows]
        used = torch.ones_like(named)
        seen = self._terms(
            self.heads["video"], cells, rows=rows, starts=starts, masks=(named, used)
        )
        if "audio" not in self.trunks:
            return seen
        cells, heard = _cells(self.trunks["audio"](inputs["audio"])), self.heard[rows]
        masks = (self.alone[rows] & heard, heard)
        sound = self._terms(self.heads["audio"], cells, rows=rows, starts=starts, masks=masks)
        return seen | {_of_audio(key): value for key, value in sound.items()}

    def _terms(
        self,
        heads: nn.ModuleDict,
        cells: Tensor,
        *,
        rows: Tensor,
        starts: Tensor,
        masks: tuple[Tensor, Tensor],
    ) -> dict[str, Tensor]:
        """Every term of one trunk from its cells (B, T, C, P).

        masks: clips that teach visemes, clips of any use at all; (B,) each.
        """
        frames, inside = self._frames(starts, cells.shape[1])
        named = self.visemes[rows[:, None], frames]
        spoken = inside & (named >= 0) & masks[0][:, None]  # (B, T)
        shown = (masks[1] & self.acts[rows])[:, None]  # (B, 1)
        steps, clips = cells.flatten(2), cells.amax(dim=3).mean(dim=1)
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
                score = heads[part](clips).float()
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


def _heads(channels: int, truth: Latents, trunk: str) -> nn.ModuleDict:
    """One linear layer for each thing that a trunk is to learn."""
    every = channels * (GRID**2 if trunk == "video" else 1)
    sizes = {
        "viseme": (every, len(truth.viseme_names)),
        "mouth": (every, truth.mouth.shape[2]),
        "shape": (channels, len(truth.shape_names)),
        "motion": (channels, len(truth.motion_names)),
    }
    return nn.ModuleDict({name: nn.Linear(*sizes[name]) for name in TAUGHT[trunk]})


def _of_audio(key: str) -> str:
    """Key of the audio trunk's term: loss_viseme -> loss_audio_viseme."""
    return f"loss_audio_{key.removeprefix('loss_')}" if key.startswith("loss_") else f"audio_{key}"


def _cells(maps: tuple[Tensor, ...]) -> Tensor:
    """Maps (B, C, t[, h, w]) -> (B, T, sum C, P), P = 9 cells or 1; slow pathways are repeated."""
    rows = []
    length = max(found.shape[2] for found in maps)
    for found in maps:
        size = (found.shape[2], GRID, GRID)
        grid = F.adaptive_avg_pool3d(found, size) if found.dim() > 3 else found[..., None, None]
        flat = grid.flatten(3)  # (B, C, t, P)
        rows.append(F.interpolate(flat, size=(length, flat.shape[3])))
    return torch.cat(rows, dim=1).transpose(1, 2)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the masked entries of all processes, whose mean of this it is.

    0, with a gradient path, where no process has any.
    """
    weight = mask.to(values.dtype)
    return (values * weight).sum() / mean_over_processes(weight.sum()).clamp_min(1 / world_size())
