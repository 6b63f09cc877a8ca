"""Temporal order: which of two clips comes first, how fast and in which direction each one plays.

Source: Jenni, Black and Collomosse, "Audio-Visual Contrastive Learning with Temporal
Self-Supervision", AAAI 2023 (arXiv 2302.07702), of which the abstract alone was available.

    video of one source  ----[ first  )-----------[ second )----   either may come first, or overlap
                              v1, a1                v2, a2         speed, direction: each its own

    contrast   v1 - v2,  v1 - a1,  v2 - a2      against a queue; nearest entries join as positives
    recognise  speed and direction of each;  order of (v1, v2), (a1, a2), (v1, a2), (v2, a1)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from objectives.parts.ordering import (
    Spans,
    audible,
    masked_cross_entropy,
    order_labels,
    recognised,
    swapped,
)
from objectives.parts.projector import mlp
from objectives.parts.supplemented import SupplementedContrast
from objectives.parts.time_views import PLACES, both, ordered_pair, spans, whole
from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling, ClipTimes

ORDERS = {"vv": ("video", "video"), "aa": ("audio", "audio"), "va": ("video", "audio")}
# relation -> (projector of queries, projector of keys): "va" is contrasted in both directions
RELATIONS = {
    "vv": {"vv": ("vv_video", "vv_video")},
    "va": {"va": ("va_video", "va_audio"), "av": ("va_audio", "va_video")},
}


@OBJECTIVES.register_module(name="temporal_order")
class TemporalOrder(Objective):
    """Temporal order: contrast within and across modalities, with speed, direction and order.

    L = L_con(v, v) + L_con(v, a) + L_con(a, v) + c_s sum_m CE_speed^m + c_d sum_m CE_direction^m +
    c_o (CE_order^vv + CE_order^aa + CE_order^va),  L_con = mean_i [ l(q_i, k_i, N_i) + w mean_{p in
    P_i} l(q_i, p, N_i) ], l InfoNCE with keys and negatives from a queue. Task list and contrasts:
    Jenni et al. 2023, abstract. Without tasks and with extra = 0, drop = 0, hardness = 0 it is
    InfoNCE with random negatives.

    video_first, video_second (B, 2, 3, T / 2, H, W): halves of a clip, put together in `loss`;
    their starts tell its span. audio_first, audio_second (B, F, 3 T) over seconds from the same
    starts. A clip spans `part` of the standard clip's seconds at speed 1, at `density` times its
    rate of frames, so that speed 2 shows what a standard clip does. speeds, reverse: what can be
    drawn for each clip and modality, and the chance of playing backwards.

    speed, direction: those tasks, off where False. orders: out of "vv", "aa", "va". contrasts: out
    of "vv", "va" (both directions). weight_speed, weight_direction, weight_order: c_s, c_d, c_o.
    queue, temperature, dim: of the contrast. extra: nearest entries as positives, their weight
    growing to extra_weight in the first part `ramp` of training. drop: share of the nearest entries
    that are no negatives. negatives: how many are drawn, with chances exp(hardness * cosine).
    silence: audio whose log-mel deviates less takes no part in audio's temporal tasks; None: all.

    Differs from the paper: only its abstract was available; sizes, weights and the rules for P_i
    and N_i are this suite's (their meaning: "sample-dependent positives and negatives sampled from
    the evolving feature space"). Keys are detached embeddings of the trained network, no momentum
    twin. Fast sound is resampled, so its pitch tells the speed too. Orders are as frequent as two
    uniform starts make them. Videos shorter than the longest clip are left out.
    """

    paper = "Jenni et al. 2023, Audio-Visual Contrastive Learning with Temporal Self-Supervision"
    small: ClassVar[dict[str, Any]] = {"queue": 64, "negatives": 32, "dim": 16}

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any],
        speed: bool = True,
        direction: bool = True,
        orders: Sequence[str] = tuple(ORDERS),
        contrasts: Sequence[str] = tuple(RELATIONS),
        weight_speed: float = 1.0,  # this and all that follows: chosen
        weight_direction: float = 1.0,
        weight_order: float = 1.0,
        queue: int = 16_384,
        dim: int = 128,
        temperature: float = 0.1,
        extra: int = 5,
        extra_weight: float = 0.5,
        ramp: float = 0.1,
        drop: float = 0.01,
        negatives: int = 1024,
        hardness: float = 1.0,
        silence: float | None = 1e-3,
        speeds: Sequence[int] = (1, 2),
        reverse: float = 0.5,
        part: float = 0.25,
        density: float = 2.0,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        told = {"speeds": speeds if speed else None, "reverse": reverse if direction else None}
        _check({"orders": orders, "contrasts": contrasts}, told)
        trunks = {"video": BACKBONES.build(video), "audio": BACKBONES.build(audio)}
        self.trunks = nn.ModuleDict(trunks)
        self.weights = {"speed": weight_speed, "direction": weight_direction, "order": weight_order}
        self.extra_weight, self.ramp, self.silence = extra_weight, ramp, silence
        self.orders = tuple(orders)
        wide = {name: trunk.channels[0] for name, trunk in trunks.items()}
        self.relations = {k: v for name in contrasts for k, v in RELATIONS[name].items()}
        used = {name: wide[_modality(name)] for two in self.relations.values() for name in two}
        self.projectors = nn.ModuleDict({name: mlp(c, c, dim) for name, c in used.items()})
        choice = {"extra": extra, "drop": drop, "negatives": negatives, "hardness": hardness}
        contrast = partial(SupplementedContrast, queue, dim, temperature=temperature, **choice)
        self.contrasts = nn.ModuleDict({name: contrast() for name in self.relations})
        classes = {"speed": len(speeds) * speed, "direction": 2 * direction}
        self.heads = _heads(wide, classes, self.orders)
        self.register_buffer("speeds", torch.tensor(tuple(speeds)), persistent=False)

    @classmethod
    def sampling(
        cls,
        *,
        clip_len: int = 32,
        seconds: float = 3.2,
        speeds: Sequence[int] = (1, 2),
        reverse: float = 0.5,
        part: float = 0.25,
        density: float = 2.0,
    ) -> ClipSampling:
        """Two clips of each modality; both starts uniform over the video, whichever comes first."""
        return ordered_pair(
            frames=clip_len * part * density,
            seconds=seconds * part,
            speeds=tuple(speeds),
            reverse=reverse,
        )

    def encoders(self) -> dict[Modality, Encoder]:
        """Both trunks, without heads."""
        return {"video": self.trunks["video"], "audio": self.trunks["audio"]}

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """All terms. Rows of everything inside: first clips, then second clips, (2B, ...)."""
        times, index = data_samples["times"], data_samples["index"]
        views = {
            "video": [whole(inputs[f"video_{p}"], times[f"video_{p}"]) for p in PLACES],
            "audio": [inputs[f"audio_{p}"] for p in PLACES],
        }
        clips = {name: torch.cat(pair) for name, pair in views.items()}
        pooled = {m: trunk(clips[m])[0].flatten(2).mean(dim=2) for m, trunk in self.trunks.items()}
        found = self._contrasts(pooled, index.to(clips["audio"].device))
        return found | self._tasks(pooled, times, heard=audible(clips["audio"], self.silence))

    def _contrasts(self, pooled: dict[str, Tensor], index: Tensor) -> dict[str, Tensor]:
        """L_con of every relation; then its keys enter its queue."""
        unit = {
            name: F.normalize(head(pooled[_modality(name)]).float(), dim=1)
            for name, head in self.projectors.items()
        }
        rise = min(1.0, self.progress / self.ramp) if self.ramp else 1.0
        found: dict[str, Tensor] = {}
        for name, (asks, answers) in self.relations.items():
            # a clip's key is the other clip in its own modality, the same moment in the other one
            key = swapped(unit[answers]) if asks == answers else unit[answers]
            terms = self.contrasts[name](unit[asks], key, index, weight=self.extra_weight * rise)
            self.contrasts[name].enqueue(unit[answers], index)
            found[f"loss_contrast_{name}"] = terms.pop("loss")
            found |= {f"contrast_{name}_{kind}": value for kind, value in terms.items()}
        self.embeddings = {name: rows[: len(index)].detach() for name, rows in unit.items()}
        return found

    def _tasks(
        self, pooled: dict[str, Tensor], times: dict[str, ClipTimes], *, heard: Tensor
    ) -> dict[str, Tensor]:
        """Speed, direction and order, from the features of the trunks."""
        valid, found = {"video": torch.ones_like(heard), "audio": heard}, {}
        for name in (name for name in self.heads if not name.startswith("order")):
            modality = _modality(name)
            if name.startswith("speed"):
                drawn = both(times, modality, "speed").to(heard.device)
                labels = (drawn[:, None] == self.speeds).int().argmax(dim=1)
            else:
                labels = both(times, modality, "reversed").to(heard.device).long()
            found |= self._task(name, pooled[modality], labels, valid[modality])
        span = spans(times, heard.device)
        for name in self.orders:
            one, two = ORDERS[name]
            labels = order_labels(span[one], Spans(*map(swapped, span[two])))
            pair = torch.cat([pooled[one], swapped(pooled[two])], dim=1)
            found |= self._task(f"order_{name}", pair, labels, valid[one] & swapped(valid[two]))
        return found

    def _task(
        self, name: str, features: Tensor, labels: Tensor, valid: Tensor
    ) -> dict[str, Tensor]:
        """One head: its loss, accuracy and chance."""
        scores = self.heads[name](features)
        weight = self.weights[name.split("_")[0]]
        accuracy, chance = recognised(scores, labels, valid)
        return {
            f"loss_{name}": weight * masked_cross_entropy(scores, labels, valid),
            f"{name}_accuracy": accuracy,
            f"{name}_chance": chance,
        }


def _heads(wide: dict[str, int], classes: dict[str, int], orders: Sequence[str]) -> nn.ModuleDict:
    """Classifiers on the trunks' features; a task of no classes has none."""
    heads: dict[str, nn.Module] = {
        f"{task}_{name}": nn.Linear(width, count)
        for name, width in wide.items()
        for task, count in classes.items()
        if count
    }
    for name in orders:
        width = sum(wide[modality] for modality in ORDERS[name])
        heads[f"order_{name}"] = mlp(width, width // 2, 3)
    return nn.ModuleDict(heads)


def _modality(name: str) -> str:
    """Of a projector or head: va_audio -> audio."""
    return name.split("_")[1]


def _check(pairs: dict[str, Sequence[str]], told: dict[str, Any]) -> None:
    """pairs: by option. told: what is to be recognised, None where it is not."""
    for (option, chosen), known in zip(pairs.items(), (ORDERS, RELATIONS), strict=True):
        if set(chosen) - {*known} or len(set(chosen)) < len(chosen):
            raise ValueError(f"{option} are different ones out of {(*known,)}, got {chosen!r}")
    speeds, reverse = told["speeds"], told["reverse"]
    if speeds is not None and len(set(speeds)) < 2:
        raise ValueError(f"speed=True needs at least two speeds to tell apart, got {speeds!r}")
    if reverse is not None and not 0 < reverse < 1:
        raise ValueError(f"direction=True needs reverse between 0 and 1, got {reverse}")
    used = {name for chosen in pairs.values() for name in chosen}
    if speeds is None and reverse is None and "va" not in used and not {"vv", "aa"} <= used:
        raise ValueError("an encoder would stay untrained; add 'va' to contrasts or orders")
