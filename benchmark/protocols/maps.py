"""How well a map says where something sounds: scores of one heat map against annotated boxes.

    cIoU = sum(P G) / (sum(G) + sum(P [G = 0])),  P the marked pixels, G the ground truth in [0, 1]

Senocak et al. 2018; Chen et al. 2021 (hche11/Localizing-Visual-Sounds-the-Hard-Way), whose test
marks what lies above the median of the map, always half of the picture. Half a picture fits few
boxes, so cIoU is also given for as many marked pixels as the truth has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.data.manifest import Boxes

Array = np.ndarray[Any, Any]
SIDE = 224  # pixels a side of every map that is scored: Chen et al. 2021
SUCCESS = 0.5  # cIoU from which on a clip counts as located: Senocak et al. 2018


def truth(boxes: Boxes, *, side: int = SIDE) -> Array:
    """(side, side) float64: share of the boxes needed that cover a pixel, 1 at most.

    Corners are cut to whole pixels towards the upper left, as in Chen et al.'s code.
    """
    count = np.zeros((side, side))
    for box in boxes.boxes:
        left, top, right, bottom = (int(side * value) for value in box)
        count[top:bottom, left:right] += 1
    return np.minimum(count / boxes.needed, 1.0)


def above_median(heat: Array) -> Array:
    """Pixels marked as published: above the upper median, and the maximum whatever the median.

    heat (H, W) -> bool (H, W). A constant map marks everything.
    """
    middle = np.sort(heat, axis=None)[heat.size // 2]
    marked: Array = (heat > middle) | (heat == heat.max())
    return marked


def highest(heat: Array, count: int) -> Array:
    """The `count` highest pixels, (H, W) float64; those tied for the last places share them."""
    if not count:
        return np.zeros(heat.shape)
    last = np.sort(heat, axis=None)[heat.size - count]
    above, tied = heat > last, heat == last
    marked: Array = above + tied * ((count - above.sum()) / tied.sum())
    return marked


def ciou(marked: Array, density: Array) -> float:
    """The formula above; 0 where nothing is marked and nothing is there to be found."""
    whole = density.sum() + marked[density == 0].sum()
    return float((marked * density).sum() / whole) if whole else 0.0


def pointing(heat: Array, inside: Array) -> float:
    """1 where the maximum lies inside; of several maxima the share that does."""
    return float(inside[heat == heat.max()].mean())


def average_precision(heat: Array, inside: Array) -> float:
    """Mean over the pixels inside of the precision at their value; ties count together.

    0 where no pixel is inside.
    """
    order = np.argsort(-heat, axis=None)
    value, hit = heat.ravel()[order], inside.ravel()[order].astype(np.float64)
    if not hit.any():
        return 0.0
    last = np.flatnonzero(np.append(np.diff(value) != 0, True))  # last pixel of each value
    found = np.cumsum(hit)[last]
    precision = found / (last + 1)
    return float((np.diff(found, prepend=0.0) * precision).sum() / found[-1])


def centre_disc(*, side: int = SIDE) -> Array:
    """A map that knows nothing: highest in the middle, falling to all sides, (side, side).

    Marked above its median it is a disc of half the picture, which scores cIoU@0.5 = 33.9 % and AUC
    = 37.4 % on all of VGG-SS (measured).
    """
    away = np.arange(side) - (side - 1) / 2
    return -(away[:, None] ** 2 + away[None] ** 2)


def box_scores(heat: Array, boxes: Boxes) -> tuple[float, float, float, float]:
    """(cIoU above the median, cIoU at the truth's area, pointing, mask AP) of one map, (H, H).

    Inside is what at least one box covers; the truth's area is that of all pixels inside.
    """
    density = truth(boxes, side=len(heat))
    inside = density > 0
    return (
        ciou(above_median(heat), density),
        ciou(highest(heat, int(inside.sum())), density),
        pointing(heat, inside),
        average_precision(heat, inside),
    )


def area(boxes: Boxes, *, side: int = SIDE) -> float:
    """Share of the picture inside: what pointing anywhere scores."""
    return float((truth(boxes, side=side) > 0).mean())
