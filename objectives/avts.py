"""AVTS: audio-visual temporal synchronisation.

Source: Korbar, Tran, Torresani: "Cooperative Learning of Audio and Video Models from
Self-Supervised Synchronization", NeurIPS 2018 (arXiv 1807.00230), whose full text was not at hand;
the loss, the masks and the curriculum are those of AVSlowFast's public code, which contains it.

    video ------> trunk -> mean -> linear -> v, |v| = 1/2 --.-- near: the sound of its moment
    audio ------> trunk -> mean -> linear -> a, |a| = 1/2 --|
                                                            '-- far: another video's sound (easy),
    audio_hard -> the same ----------------> n, |n| = 1/2 ----- or its own at another time (hard)
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from objectives.parts.alignment import aligned
from objectives.parts.draws import Draws
from objectives.parts.sync_pairs import (
    Easy,
    SyncHead,
    check_curriculum,
    choose_negatives,
    two_sounds,
)
from objectives.parts.synchrony import (
    MARGIN,
    half_unit,
    hard_fraction,
    margin_loss,
    order_accuracy,
)
from registries.alignment import Alignment
from registries.distributed import gather
from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling


@OBJECTIVES.register_module(name="avts")
class AVTS(Objective):
    """AVTS: does this sound belong to this moment of this video? First other videos', then its own.

    L = 1/(2N) sum_i [ |v_i - a_i|^2 + max(margin - |v_i - n_i|, 0)^2 ],  one negative n per clip.
    Korbar et al. 2018. Easy negatives until `switch`, then a share `hard` of hard ones.

    video (B, 3, T, H, W); audio and audio_hard (B, F, 3 T), of the same length in seconds.

    gap: least seconds between the clip's span and that of its hard negative; negative where they
    may overlap (gap = d - seconds: starts d seconds apart). switch: part of training with easy
    negatives alone. hard: share of hard ones after it. easy: other videos' sounds are their
    positives ("now") or their hard ones ("apart"), see `objectives.parts.sync_pairs`. dim: of the
    common space. segments: stretches of time kept apart up to the linear layers. margin. normalize:
    embeddings of length 1/2, so that distances lie in [0, 1].
    masked: leave out silent and equal pairs. gather: negatives from all processes.

    Differs from the paper: its text was not at hand; 128 dimensions, the switch (50 of 90 epochs
    there), 75 % easy and the gap of 0.5 s are from memory or from AVSlowFast's code. There linear
    layers see the whole map, here `segments` means of it; one mean (AVSlowFast's code) would be
    blind to a shift of the sound within the clip. Trunks and the
    log-mel of 80 bands are the harness's, not MC3 and a VGG over 40 bands. `normalize` and `masked`
    are that code's; whether the paper does so is not known. Thresholds of the mask refer to the
    harness's standardised log-mel, whose scale is within a sixth of theirs. Which samples get a
    hard negative is drawn by dataset index; in that code it is the end of the batch, and easy
    negatives are "apart", which a few clips suffice to solve without looking at the video.
    """

    paper = (
        "Korbar et al. 2018, Cooperative Learning of Audio and Video Models from Self-Supervised "
        "Synchronization, NeurIPS"
    )
    expected_failures: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any],
        gap: float = 0.5,  # Korbar et al. 2018, from memory; AVSlowFast's code: 32 steps of 16 ms
        switch: float = 0.5,  # chosen; AVSlowFast's code: epoch 96 of 196
        hard: float = 0.25,  # AVSlowFast's code: EASY_NEG_RATIO 0.75
        dim: int = 128,  # from memory
        segments: int = 4,  # chosen
        margin: float = MARGIN,
        normalize: bool = True,
        easy: Easy = "now",  # chosen
        masked: bool = True,
        gather: bool = False,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        check_curriculum(switch=switch, hard=hard, easy=easy)
        self.switch, self.hard, self.easy = switch, hard, easy
        self.margin, self.normalize, self.masked, self.gather = margin, normalize, masked, gather
        self.video, self.audio = BACKBONES.build(video), BACKBONES.build(audio)
        wide, loud = sum(self.video.channels), sum(self.audio.channels)
        self.head = SyncHead(wide, loud, dim, segments=segments)
        self.draws = Draws()

    @classmethod
    def sampling(
        cls, *, clip_len: int = 32, seconds: float = 3.2, gap: float = 0.5
    ) -> ClipSampling:
        """A clip with its sound, and the sound of another moment of the same video."""
        return two_sounds(clip_len=clip_len, seconds=seconds, gap=gap)

    def encoders(self) -> dict[Modality, Encoder]:
        """Both trunks, without the linear layers."""
        return {"video": self.video, "audio": self.audio}

    def alignment(self) -> Alignment | None:
        """The linear layers: |v - a| is small where <v, a>, the mean over cells, is large.

        None for a trunk of several maps, whose cells lie on no common grid.
        """
        if len(self.video.channels) > 1 or len(self.audio.channels) > 1:
            return None
        head = self.head
        return aligned(head.ref, head.query, self.encoders(), segments=head.segments)

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Margin loss. video (B, 3, T, H, W), audio and audio_hard (B, F, 3 T)."""
        self.draws.advance()
        seen = self._unit(self.head.see(self.video(inputs["video"])))  # (B, D)
        sounds = torch.cat([inputs["audio"], inputs["audio_hard"]])
        near, apart = self._unit(self.head.hear(self.audio(sounds))).chunk(2)
        self.embeddings = {"video": seen.detach(), "audio": near.detach()}
        seen, near, apart = self._gather(seen), self._gather(near), self._gather(apart)
        negatives = choose_negatives(
            self._gather(inputs["audio"]),
            self._gather(inputs["audio_hard"]),
            self._gather(data_samples["index"]),
            draws=self.draws,
            hard=hard_fraction(self.progress, switch=self.switch, fraction=self.hard),
            masked=self.masked,
            easy=self.easy,
        )
        far, valid = negatives.pick(near, apart), negatives.valid
        chance = torch.full_like(seen[0, 0], 0.5).detach()
        return {
            "loss_sync": margin_loss(seen, near, far, valid=valid, margin=self.margin),
            "sync_accuracy": order_accuracy(seen, near, far, valid=valid),
            "sync_chance": chance,
            "hard_accuracy": order_accuracy(seen, near, apart),
            "hard_chance": chance,
            "valid_share": valid.float().mean(),
        }

    def _unit(self, x: Tensor) -> Tensor:
        return half_unit(x) if self.normalize else x

    def _gather(self, rows: Tensor) -> Tensor:
        return gather(rows) if self.gather else rows
