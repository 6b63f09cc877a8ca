"""Where a sound is seen: the similarity of a clip's sound with every cell of its picture.

    A[h, w] = <W_a a + b_a, W_v v[h, w] + b_v>,   a the pooled sound, v a cell, averaged over time

Ma et al. 2021, fig. 3, with the linear maps that the objective compares sight and sound by.
Encoders without such maps have no such space; for them, as a fallback, how alike each cell and the
mean of its clip's own cells are: it finds what is seen most of, whatever is heard.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.protocols.maps import SIDE
from registries.alignment import Alignment, Projection


def similarity(seen: Tensor, heard: Tensor, alignment: Alignment) -> Tensor:
    """(B, h, w): seen (B, C, t, h, w) and heard (B, C', s) are the maps of the aligned pathways."""
    cells = project(seen, alignment["video"])  # (B, D, h, w)
    sound = project(heard[..., None, None], alignment["audio"])  # (B, D, 1, 1)
    return (cells * sound).sum(dim=1)


def project(maps: Tensor, projection: Projection) -> Tensor:
    """Each cell of (B, C, t, h, w), averaged over its stretches of time: (B, D, h, w)."""
    size = (projection["segments"], *maps.shape[3:])
    rows = F.adaptive_avg_pool3d(maps.float(), size).flatten(1, 2)  # (B, C * S, h, w)
    weight = projection["weight"].to(rows)
    out = torch.einsum("dc,bchw->bdhw", weight, rows) + projection["bias"].to(rows)[:, None, None]
    return F.normalize(out, dim=1) if projection["unit"] else out


def own_similarity(seen: Tensor) -> Tensor:
    """The fallback: cosine of each cell of (B, C, t, h, w) and the mean of all, (B, h, w)."""
    cells = seen.float().mean(dim=2)
    return F.cosine_similarity(cells, cells.mean(dim=(2, 3), keepdim=True), dim=1)


def heat(grids: Tensor, *, side: int = SIDE) -> Tensor:
    """Bilinear to (B, side, side), then each from 0 to 1; a grid of equal values is all 0."""
    large = F.interpolate(grids[:, None].double(), (side, side), mode="bilinear")[:, 0]
    low, high = large.amin(dim=(1, 2), keepdim=True), large.amax(dim=(1, 2), keepdim=True)
    return (large - low) / (high - low).clamp_min(1e-12)
