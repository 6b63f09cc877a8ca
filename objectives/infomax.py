"""InfoMax (VDIM): a summary of one clip must tell which maps belong to another clip of the video.

Source: Hjelm and Bachman, "Representation Learning with Video Deep InfoMax", arXiv 2007.13278, with
the bound of Bachman, Hjelm and Buchwalter, "Learning Representations by Maximizing Mutual
Information Across Views", NeurIPS 2019 (AMDIM), or of Hjelm et al., ICLR 2019 (DIM).

    first  --> trunk --> layer3, layer4, mean of layer4 -- a head each --> cells_1, global_1
    second --> trunk --> layer3, layer4, mean of layer4 -- a head each --> cells_2, global_2
               global_1 -> every cell of layer3_2 and of layer4_2    |  and the same
               one cell of layer4_1 -> every cell of layer4_2        |  from 2 to 1

    L = sum over pairs of  mean over both directions of [ NCE + 0.05 mean(raw score^2) ]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from objectives.parts.draws import Draws
from objectives.parts.infomax import MEASURES, amdim_nce, fenchel_mi, infonce_mi
from objectives.parts.taps import GLOBAL, ResidualHead, shrink, tap_widths
from registries.distributed import gather
from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling, View
from registries.synced_norm import sync_norms

BOUNDS = ("amdim", "infonce", *MEASURES)


@OBJECTIVES.register_module(name="infomax")
class InfoMax(Objective):
    """VDIM: mutual information between summaries and space-time cells of two clips of a video.

    L = sum_pairs 1/2 sum_directions { -mean_{i,a} log [ e^c_iia / (e^c_iia + sum_{j!=i,a'}
    e^c_ija') ] + 0.05 mean(s^2) },  s_ija = <source_i, target_ja> / sqrt(D),  c = 20 tanh(s / 20).
    Bachman et al. 2019, eq. 2 and sec. 3.2; clips and layers from Hjelm and Bachman 2020.

    first, second (B, 3, T, H, W): two clips of a video, independently augmented, the second at
    twice the speed. A cell is a position (t, h, w) of a map.

    taps: named stages of the backbone whose maps take part, its last stage at the end; None is the
    last two stages, () the output alone, under the name "last", which any backbone has. pairs:
    (source, target) names out of the taps and "global"; None is global to each tap and last tap to
    itself; a map as source gives one cell drawn per clip. pool: "last" averages maps down to the
    grid of the last one, (t, h, w) to that grid, None keeps them. dim: D. bound: "amdim", or DIM's
    "infonce" or f-divergences without scale, clip and regulariser. clip, regulariser: AMDIM's.
    norm: batch norm at the heads' ends. speeds: those of the first and of the second clip.
    together: both clips start at one time; False: each anywhere in the video. gather: negatives and
    the heads' statistics from all processes.

    Differs from the paper: neither its full text nor code was available. Layers 5, 6 and 9 of its
    trunk become the last two stages and the pooled map; which layers are paired, clip and
    regulariser are AMDIM's; sizes and pooling of maps are ours. No difference images as input, no
    shared flip (AMDIM), no rotation. AMDIM has no head on its 1 x 1 map; here all maps have one,
    since their widths differ.
    """

    paper = "Hjelm and Bachman 2020, Representation Learning with Video Deep InfoMax"
    expected_failures: ClassVar[dict[str, str]] = {
        "check_batch_sizes": "a batch of one has no negative, nor statistics for batch norm",
    }
    small: ClassVar[dict[str, Any]] = {"dim": 16}

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any] | None = None,
        taps: Sequence[str] | None = None,
        pairs: Sequence[Sequence[str]] | None = None,
        pool: Literal["last"] | Sequence[int] | None = "last",
        dim: int = 512,  # chosen: n_rkhs of AMDIM is 1024 and more, on wider maps
        bound: str = "amdim",
        clip: float = 20.0,  # Bachman et al. 2019, authors' default
        regulariser: float = 0.05,  # Bachman et al. 2019, authors' code
        norm: bool = True,
        speeds: Sequence[Sequence[int]] = ((1,), (2,)),
        together: bool = True,
        gather: bool = False,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        if bound not in BOUNDS:
            raise ValueError(f"bound must be one of {BOUNDS}, got {bound!r}")
        if not (pool is None or pool == "last" or len(pool) == 3):
            raise ValueError(f"pool must be 'last', None or three sizes (t, h, w), got {pool!r}")
        self.sampling(speeds=speeds, together=together)
        self.bound, self.clip, self.regulariser = bound, clip, regulariser
        self.pool, self.gather = pool, gather
        self.encoder = BACKBONES.build(video)
        widths = tap_widths(self.encoder, taps)
        self.taps = tuple(widths)[1:]
        self.inner = taps is None or len(taps) > 0  # maps are those of named stages
        self.pairs = _pairs(pairs, names=list(widths))
        used = {name for pair in self.pairs for name in pair}
        self.heads = nn.ModuleDict(
            {name: ResidualHead(widths[name], dim, norm=norm) for name in widths if name in used}
        )
        if gather:
            sync_norms(self.heads)
        self.draws = Draws()

    @classmethod
    def sampling(
        cls,
        *,
        clip_len: int = 32,
        seconds: float = 3.2,
        speeds: Sequence[Sequence[int]] = ((1,), (2,)),
        together: bool = True,
    ) -> ClipSampling:
        """Two clips of one length, each with its own speeds and its own augmentation."""
        if len(speeds) != 2:
            raise ValueError(f"speeds names those of the first and of the second clip: {speeds!r}")
        rows = zip(("first", "second"), speeds, ("a", "b"), strict=True)
        return ClipSampling(
            views={
                name: View(
                    modality="video",
                    clip_len=clip_len,
                    seconds=seconds,
                    anchor="now" if together else name,
                    augment=letter,
                    speeds=tuple(allowed),
                )
                for name, allowed, letter in rows
            }
        )

    def encoders(self) -> dict[Modality, Encoder]:
        """The video trunk, without heads."""
        return {"video": self.encoder}

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """One term for each pair, and the regulariser of all. first, second (B, 3, T, H, W)."""
        one, two = self._embed(inputs["first"]), self._embed(inputs["second"])
        found: dict[str, Tensor] = {}
        squared = []
        for source, target in self.pairs:
            term = one[source].new_zeros(())
            for place, (here, there) in enumerate(((one, two), (two, one))):
                asked = self._source(here[source], data_samples, place)
                nce, square = self._bound(self._gather(asked), self._gather(there[target]))
                term = term + nce / 2
                squared.append(square / 2)
            found[f"loss_{source}_{target}"] = term
        if self.bound == "amdim":
            found["loss_regulariser"] = self.regulariser * torch.stack(squared).sum()
        source, target = self.pairs[0]
        asked = self._source(one[source], data_samples, 0)
        found |= _diagnose(self._gather(asked).detach(), self._gather(two[target]).detach())
        self.draws.advance()
        self.embeddings = {
            name: side[self.pairs[0][0]].detach().mean(dim=1)
            for name, side in (("first", one), ("second", two))
        }
        return found

    def _embed(self, video: Tensor) -> dict[str, Tensor]:
        """(B, 3, T, H, W) -> embedded cells of every map in use, (B, L, D)."""
        maps = self.encoder.intermediates(video, self.taps) if self.inner else self.encoder(video)
        last = maps[-1]
        rows = {GLOBAL: last.flatten(2).mean(dim=2, keepdim=True)}
        for name, found in zip(self.taps, maps, strict=True):
            rows[name] = shrink(found, last.shape[2:] if self.pool == "last" else self.pool)
        return {name: head(rows[name]).transpose(1, 2) for name, head in self.heads.items()}

    def _source(self, cells: Tensor, data_samples: dict[str, Any], view: int) -> Tensor:
        """One cell per clip, drawn where there are several: (B, L, D) -> (B, D)."""
        if cells.shape[1] == 1:
            return cells[:, 0]
        drawn = self.draws.uniform(data_samples["index"].to(cells.device), view)
        # in float32 the product may round up to L itself
        cell = (drawn * cells.shape[1]).long().clamp_max(cells.shape[1] - 1)
        return cells[torch.arange(len(cells), device=cells.device), cell]

    def _bound(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Negated bound and mean squared score (zero where the bound has no regulariser)."""
        if self.bound == "amdim":
            return amdim_nce(source, target, clip=self.clip)
        if self.bound == "infonce":
            return infonce_mi(target, source[:, None]), source.new_zeros(())
        return fenchel_mi(target, source[:, None], measure=self.bound), source.new_zeros(())

    def _gather(self, rows: Tensor) -> Tensor:
        return gather(rows) if self.gather else rows


def _pairs(
    pairs: Sequence[Sequence[str]] | None, *, names: list[str]
) -> tuple[tuple[str, str], ...]:
    """The pairs asked for, or the default: global to each map, the last map to itself."""
    taps = names[1:]
    if pairs is None:
        return (*((GLOBAL, tap) for tap in taps), (taps[-1], taps[-1]))
    wanted = tuple((source, target) for source, target in pairs)
    if not wanted or len(set(wanted)) < len(wanted) or {n for p in wanted for n in p} - {*names}:
        raise ValueError(f"pairs are different (source, target) out of {names}, got {pairs!r}")
    return wanted


@torch.no_grad()
def _diagnose(source: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Sources that find the map of their own video by its mean score, and what guessing gives."""
    score = torch.einsum("id,jld->ij", source.float(), target.float())
    hit = score.argmax(dim=1) == torch.arange(len(score), device=score.device)
    return {
        "infomax_accuracy": hit.float().mean(),
        "infomax_chance": score.new_tensor(1.0 / len(score)),
    }
