"""Localisation from saved scores of single maps (`benchmark.protocols.maps.box_scores`).

Columns of `score`, one row a clip:

    0  cIoU of the map above its median      4  the same four of a disc in the middle of the
    1  cIoU at the area of the truth         5  picture, on the same boxes: what comes of
    2  whether the maximum lies in a box     6  knowing that things stand in the middle
    3  average precision of pixels           7

ciou, ciou_area: share of clips with a cIoU of 0.5 or more. ciou_auc, ciou_area_auc: area under that
share over thresholds 0, 0.05, ..., 1, by trapezoids (code of Chen et al. 2021). pointing, mask_ap:
means. disc_*: those of the disc.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmark.results.predictions import PredictionTable

KINDS = ("ciou", "ciou_area", "pointing", "mask_ap")  # in the order of the columns
SUCCESS = 0.5  # Senocak et al. 2018; as in protocols.maps, which knows of boxes and data
THRESHOLDS = np.linspace(0, 1, 21).astype(np.float32)  # scores are saved in single precision


def _column(table: PredictionTable, place: int) -> np.ndarray:
    if table.score.shape[1] != 2 * len(KINDS):
        raise ValueError(
            f"localisation needs {2 * len(KINDS)} scores a clip, found {table.score.shape[1]}"
        )
    return table.score[:, place]


def success(table: PredictionTable, *, place: int) -> float:
    """Share of clips whose cIoU, in column `place`, is 0.5 or more."""
    return float((_column(table, place) >= np.float32(SUCCESS)).mean())


def success_auc(table: PredictionTable, *, place: int) -> float:
    """Area under the share of clips that reach a threshold, over 21 thresholds."""
    share = (_column(table, place)[:, None] >= THRESHOLDS).mean(axis=0)
    return float((share[1:] + share[:-1]).mean() / 2)


def mean(table: PredictionTable, *, place: int) -> float:
    """Mean of a column."""
    return float(_column(table, place).astype(np.float64).mean())


def _metrics(prefix: str, first: int) -> dict[str, Callable[[PredictionTable], float]]:
    found: dict[str, Callable[[PredictionTable], float]] = {}
    for place, name in enumerate(KINDS, start=first):
        if name.startswith("ciou"):
            found[f"{prefix}{name}"] = partial(success, place=place)
            found[f"{prefix}{name}_auc"] = partial(success_auc, place=place)
        else:
            found[f"{prefix}{name}"] = partial(mean, place=place)
    return found


METRICS = {**_metrics("", 0), **_metrics("disc_", len(KINDS))}
