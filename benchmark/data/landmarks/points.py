"""The five points every crop is made from, and how other sets of points become them.

Left and right outer eye corner, nose tip, left and right mouth corner, left in the image first;
pixels. A frame without a face, or with a point that is not a number, is a miss: NaN throughout.
"""

from __future__ import annotations

import numpy as np

# points of the 68 (Sagonas et al. 2013) that are the five
OUTER_EYES_NOSE = (36, 45, 30)
MOUTH_CORNERS = (48, 54)
MOUTH = slice(48, 68)
COUNTS = (5, 68)
# distance of the outer eye corners / distance of the eyes' centres: 91 mm over (91 + 33) / 2 mm,
# 33 mm between the inner corners (adult means of Farkas 1994, from memory)
OUTER_TO_CENTRES = 1.47
# share of a clip's frames without landmarks above which the clip has none; chosen: beyond, more of
# a crop would be interpolated than seen
MAX_MISSED = 0.5


def five_points(points: np.ndarray) -> np.ndarray:
    """(T, 5, 2) or (T, 68, 2) pixels -> (T, 5, 2) float64, NaN in every value of a missed frame.

    Of 68 points, the mouth corners are moved, both alike, until their midpoint is the mean of the
    mouth's twenty points: that mean is where the lip crop is centred, and only the
    midpoint of the corners is used.
    """
    found = np.asarray(points, np.float64)
    if found.shape[1] != 5:
        corners = found[:, MOUTH_CORNERS]
        shift = found[:, MOUTH].mean(1, keepdims=True) - corners.mean(1, keepdims=True)
        found = np.concatenate([found[:, OUTER_EYES_NOSE], corners + shift], 1)
    seen = np.isfinite(found).all(axis=(1, 2))
    return np.where(seen.reshape(-1, 1, 1), found, np.nan)


def outer_eyes(points: np.ndarray) -> np.ndarray:
    """Five points with the *centres* of the eyes -> five points with their outer corners, (5, 2).

    For detectors such as YuNet: both eyes move outwards along the line through them.
    """
    moved = np.array(points, np.float64)
    middle = moved[:2].mean(0)
    moved[:2] = middle + OUTER_TO_CENTRES * (moved[:2] - middle)
    return moved


def missed(points: np.ndarray) -> float:
    """Share of the frames of (T, 5, 2) that have no landmarks."""
    return float(1 - np.isfinite(points).all(axis=(1, 2)).mean())
