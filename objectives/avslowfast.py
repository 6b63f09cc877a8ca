"""AVSlowFast's pretext: hierarchical audio-visual synchronisation and rotation, with DropPathway.

Source: Xiao, Lee, Grauman, Malik, Feichtenhofer: "Audiovisual SlowFast Networks for Video
Recognition", 2020 (arXiv 2001.08740), and its public code; Ma et al. 2021, Table 4, name the
pretext "AVS + Rot". Rotation: Jing et al. 2018.

    clip turned by r --.-- every 4th frame: [stages] -> layer2 -(+)-> layer3 -(+)-> layer4 --.-> r?
                       '-- every frame:     [stages] -> layer2 -----> layer3 -----> layer4 --'
    audio, audio_hard ------ trunk -------------> layer2 ---'  layer3 ---'     layer4
                                                    |             |              |
                      synchrony with the video's maps at each of the three, before (+)
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from objectives.parts.audio_fusion import AudioFusion
from objectives.parts.draws import Draws
from objectives.parts.pathways import global_local
from objectives.parts.rotation import TURNS, all_turns, rotate
from objectives.parts.stage_maps import Maps, last_stages, stage_maps, stage_widths
from objectives.parts.sync_pairs import (
    Easy,
    Negatives,
    SyncHead,
    check_curriculum,
    choose_negatives,
    pooled,
    two_sounds,
)
from objectives.parts.synchrony import (
    MARGIN,
    avs_pattern,
    half_unit,
    hard_fraction,
    margin_loss,
    order_accuracy,
)
from registries.distributed import gather
from registries.encoder import Encoder, Inject, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling

TURN, DROP = 1, 2  # keys of the draws; sync_pairs has 0


@OBJECTIVES.register_module(name="avslowfast")
class AVSlowFast(Objective):
    """AVSlowFast: synchrony at several depths, the clip's rotation, sound dropped from the fusion.

    L = CE(r) + sum_s w_s L_s, L_s = 1/(2N) sum_i [ |v_i - a_i|^2 + max(margin - |v_i - n_i|, 0)^2 ]
    at stage s. Xiao et al. 2020 (their code). With chance `drop` a pass adds no sound to the
    visual maps, and w_s = 1 at every stage; else w_s = 1 only where no sound came in before.

    video (B, 3, T, S, S), square; audio and audio_hard (B, F, 3 T), of the same length in seconds.

    rotation: "one" turn a clip, "all" four (four times the cost), "none". rotation_input: "visual"
    maps, or "fused" with the sound's. fuse: False adds no sound to visual maps. drop. stages: how
    many of the last stages take part; 1 takes any backbone and cannot fuse. every: frame stride of
    the slow pathway. fast_video: options of the fast trunk that differ from `video`. dim: of the
    common spaces. shift: least seconds between the starts of a sound and its hard negative. switch,
    hard, easy, margin, masked, gather: as in AVTS.

    Differs from the paper: its section on self-supervision was not at hand, its code has no
    rotation; the design of "AVS + Rot" is this suite's. No connections from the fast to the slow
    pathway: both trunks are the harness's, and what is handed down is what GLCM hands down. Hence
    sound enters the slow trunk alone; their fusion output, itself synchronised, is the audio
    trunk's map here. Downstream no sound is added. Losses are not divided by the
    number of machines. Turns, drops and hard negatives are drawn by dataset index and step; in
    that code the end of the batch gets the hard negatives, and easy ones are "apart".
    """

    paper = "Xiao et al. 2020, Audiovisual SlowFast Networks for Video Recognition, arXiv"
    expected_failures: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any],
        rotation: Literal["one", "all", "none"] = "one",
        rotation_input: Literal["visual", "fused"] = "visual",
        fuse: bool = True,
        drop: float = 0.8,  # their code
        stages: int = 3,  # res3 to res5 in their code
        every: int = 4,  # their 8 x 8 networks; 8 in 4 x 16
        fast_video: dict[str, Any] | None = None,
        dim: int = 64,  # their code
        margin: float = MARGIN,
        shift: float = 0.5,  # their code: 32 steps of 16 ms
        switch: float = 0.5,  # their code: epoch 96 of 196
        hard: float = 0.25,  # their code: EASY_NEG_RATIO 0.75
        easy: Easy = "now",  # chosen; their code: "apart"
        masked: bool = True,
        gather: bool = False,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        check_curriculum(switch=switch, hard=hard, easy=easy)
        _check(rotation=rotation, rotation_input=rotation_input, drop=drop, stages=stages)
        self.rotation, self.rotates_fused = rotation, rotation_input == "fused"
        self.drop, self.switch, self.hard, self.easy = drop, switch, hard, easy
        self.margin, self.masked, self.gather = margin, masked, gather
        pathways = global_local(video, every=every, local_video=fast_video)
        self.video = BACKBONES.build({"type": "pathways", "pathways": pathways})
        self.audio = BACKBONES.build(audio)
        self.seen, self.heard = last_stages(self.video, stages), last_stages(self.audio, stages)
        wide, loud = stage_widths(self.video, self.seen), stage_widths(self.audio, self.heard)
        self.heads = nn.ModuleList(
            SyncHead(sum(w), sum(h), dim) for w, h in zip(wide, loud, strict=True)
        )
        into = range(stages - 1) if fuse else ()  # after the last stage nothing follows
        self.fusions = nn.ModuleDict({str(s): AudioFusion(loud[s][0], wide[s][0]) for s in into})
        if rotation != "none":
            self.turn = nn.Linear(sum(wide[-1]) + self.rotates_fused * loud[-1][0], TURNS)
        self.draws = Draws()

    @classmethod
    def sampling(
        cls, *, clip_len: int = 32, seconds: float = 3.2, shift: float = 0.5
    ) -> ClipSampling:
        """A clip with its sound, and the sound of the same video at least `shift` s off."""
        return two_sounds(clip_len=clip_len, seconds=seconds, gap=shift - seconds)

    def encoders(self) -> dict[Modality, Encoder]:
        """The slow and fast pathway, and the audio trunk; no fusion, no heads."""
        return {"video": self.video, "audio": self.audio}

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Synchrony and rotation. video (B, 3, T, S, S), audio and audio_hard (B, F, 3 T)."""
        self.draws.advance()
        clip, turns = self._turned(inputs["video"], data_samples["index"])
        kept = self._kept()
        heard = stage_maps(
            self.audio, torch.cat([inputs["audio"], inputs["audio_hard"]]), self.heard
        )  # (2 B, C, s) each
        copies = len(clip) // len(inputs["video"])
        sounds = [maps[0].chunk(2)[0].repeat_interleave(copies, dim=0) for maps in heard]
        seen = stage_maps(self.video, clip, self.seen, inject=self._fusing(sounds, kept))
        negatives = choose_negatives(
            self._gather(inputs["audio"]),
            self._gather(inputs["audio_hard"]),
            self._gather(data_samples["index"]),
            draws=self.draws,
            hard=hard_fraction(self.progress, switch=self.switch, fraction=self.hard),
            masked=self.masked,
            easy=self.easy,
        )
        losses = self._synchrony(seen, heard, negatives, kept=kept)
        if self.rotation != "none":
            maps = [*seen[-1], *([sounds[-1]] if self.rotates_fused else [])]
            losses |= _rotation(self.turn(pooled(maps)), turns)
        return losses | {"audio_kept": kept, "valid_share": negatives.valid.float().mean()}

    def _turned(self, clip: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Clips (B * copies, ...) and their turns; copies of a clip stand in a row."""
        if self.rotation == "none":
            return clip, torch.zeros_like(index)
        if self.rotation == "all":
            turns = all_turns(len(clip), clip.device)
            clip = clip.repeat_interleave(TURNS, dim=0)
        else:
            turns = (TURNS * self.draws.uniform(index, TURN)).long()
        return rotate(clip, turns), turns

    def _kept(self) -> Tensor:
        """1 where this pass adds sound to the visual maps, for the whole batch; else 0."""
        if not self.fusions:
            return torch.zeros_like(self.draws.step, dtype=torch.float32)
        drop = self.drop if self.training else 0.0
        return (self.draws.uniform(DROP) >= drop).float()

    def _fusing(self, sounds: list[Tensor], kept: Tensor) -> Inject:
        """What adds sound to the slow pathway; times `kept`, so that it stays in the graph."""
        into = {self.seen[int(place)][0]: place for place in self.fusions}

        def inject(stage: str, found: Tensor) -> Tensor:
            if stage not in into:
                return found
            fusion = self.fusions[into[stage]]
            return found + kept.to(found.dtype) * fusion(sounds[int(into[stage])], found)

        return inject

    def _synchrony(
        self, seen: Maps, heard: Maps, negatives: Negatives, *, kept: Tensor
    ) -> dict[str, Tensor]:
        """Margin losses of the active stages, and what their embeddings order rightly."""
        fused = tuple(str(stage) in self.fusions for stage in range(len(self.heads)))
        active = avs_pattern(kept, avs=(True,) * len(fused), fused=fused)  # (S,)
        terms, hits, hard_hits = [], [], []
        for head, maps, sound in zip(self.heads, seen, heard, strict=True):
            anchor = half_unit(head.see(maps))  # (B * copies, D)
            near, apart = half_unit(head.hear(sound)).chunk(2)  # (B, D) each
            copies = len(anchor) // len(near)
            self.embeddings = {"video": anchor.detach()[::copies], "audio": near.detach()}
            anchor, near, apart = self._gather(anchor), self._gather(near), self._gather(apart)
            near, far, apart, valid = (
                rows.repeat_interleave(copies, dim=0)
                for rows in (near, negatives.pick(near, apart), apart, negatives.valid)
            )
            terms.append(margin_loss(anchor, near, far, valid=valid, margin=self.margin))
            hits.append(order_accuracy(anchor, near, far, valid=valid))
            hard_hits.append(order_accuracy(anchor, near, apart))
        values, chance = torch.stack(terms), torch.full_like(kept, 0.5)
        share = active / active.sum()  # the first stage is always active
        return {
            "loss_sync": (active * values).sum(),
            "sync_accuracy": (share * torch.stack(hits)).sum(),
            "sync_chance": chance,
            "hard_accuracy": (share * torch.stack(hard_hits)).sum(),
            "hard_chance": chance,
            **{f"sync_stage{number}": value for number, value in enumerate(values.detach())},
        }

    def _gather(self, rows: Tensor) -> Tensor:
        return gather(rows) if self.gather else rows


def _rotation(scores: Tensor, turns: Tensor) -> dict[str, Tensor]:
    """Cross-entropy of the four turns. scores (B, 4), turns (B,)."""
    with torch.autocast(device_type=scores.device.type, enabled=False):
        loss = F.cross_entropy(scores.float(), turns)
    return {
        "loss_rotation": loss,
        "rotation_accuracy": (scores.detach().argmax(dim=1) == turns).float().mean(),
        "rotation_chance": torch.full_like(loss.detach(), 1 / TURNS),
    }


def _check(*, rotation: str, rotation_input: str, drop: float, stages: int) -> None:
    if rotation not in ("one", "all", "none"):
        raise ValueError(f"rotation must be 'one', 'all' or 'none', got {rotation!r}")
    if rotation_input not in ("visual", "fused"):
        raise ValueError(f"rotation_input must be 'visual' or 'fused', got {rotation_input!r}")
    if not 0 <= drop <= 1:
        raise ValueError(f"drop={drop} is a chance: from 0 to 1")
    if stages < 1:
        raise ValueError(f"stages={stages}: at least 1, the output")
