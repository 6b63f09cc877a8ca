"""Where two views of each modality lie in time: CrissCross's relaxations of synchrony.

    none     |--1,2--|                one span, both views            (their code: same_timestamp)
    mild     |--1--|   view 2 starts half a span after view 1         (overlapped)
                |--2--|
    medium   |--1--|--2--|            view 2 begins where 1 ends      (adjacent)
    mixed    two draws, anywhere                                      (random)
    extreme  |  1   :   2  |          one in each half of the video   (far_apart)

Sarkar and Etemad 2023; the first names are those of their poster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

from registries.encoder import Modality
from registries.sampling import Anchor

Relaxation = Literal["none", "mild", "medium", "mixed", "extreme"]
RELAXATIONS: tuple[Relaxation, ...] = ("none", "mild", "medium", "mixed", "extreme")
# share of a span that both views have in common, where the second follows the first
OVERLAP: Mapping[str, float] = {"none": 1.0, "mild": 0.5, "medium": 0.0}


class Placement(NamedTuple):
    """Anchors, and the anchor that each view hangs on."""

    anchors: dict[str, Anchor]
    of_view: dict[str, str]  # "video_1" -> name of its anchor


def placement(
    relaxation: Relaxation, spans: Mapping[Modality, float], *, strict_sync: bool = False
) -> Placement:
    """Anchors of the views video_1, video_2, audio_1 and audio_2.

    spans: seconds of one view of each modality. Where they are equal, sound and picture of a view
    start together. Where not, the relaxation is drawn for the longer modality. The shorter one's
    stretch (both views, overlapping by the same share) then lies anywhere inside the longer one's,
    as in the authors' code, so that view 1 of one modality may miss view 1 of the other; for mixed
    and extreme, each short view lies anywhere inside its long one. strict_sync: each short view
    lies in the middle of its long one, whatever their own overlap becomes.
    Raises ValueError for an unknown relaxation.
    """
    if relaxation not in RELAXATIONS:
        raise ValueError(f"relaxation must be one of {RELAXATIONS}, got {relaxation!r}")
    short, long = sorted(spans, key=lambda modality: spans[modality])
    anchors = _outer(relaxation, spans[long])
    outer = ("first", "first" if relaxation == "none" else "second")
    inner = outer
    if spans[short] < spans[long]:
        anchors |= _inner(relaxation, spans[short], spans[long], strict_sync=strict_sync)
        inner = ("inside_first", f"inside_{outer[1]}")
    hung = {short: inner, long: outer}
    of_view = {f"{m}_{k}": hung[m][k - 1] for m in ("video", "audio") for k in (1, 2)}
    return Placement(anchors, of_view)


def _outer(relaxation: Relaxation, span: float) -> dict[str, Anchor]:
    """Starts of the views of the longer modality."""
    if relaxation == "none":
        return {"first": Anchor()}
    if relaxation == "mixed":
        return {"first": Anchor(), "second": Anchor()}
    if relaxation == "extreme":
        # the relation is what keeps too short videos out; the halves alone would be given up there
        second = Anchor(after="first", gap=(0.0, math.inf), within=(0.5, 1.0))
        return {"first": Anchor(within=(0.0, 0.5)), "second": second}
    return {
        "first": Anchor(),
        "second": Anchor(after="first", gap=_fixed(-OVERLAP[relaxation] * span)),
    }


def _inner(
    relaxation: Relaxation, short: float, long: float, *, strict_sync: bool
) -> dict[str, Anchor]:
    """Starts of the views of the shorter modality, told from the end of a longer one."""
    views = ("first",) if relaxation == "none" else ("first", "second")
    if strict_sync:
        return {f"inside_{k}": Anchor(after=k, gap=_fixed(-(long + short) / 2)) for k in views}
    if relaxation not in OVERLAP:
        return {f"inside_{k}": Anchor(after=k, gap=(-long, -short)) for k in views}
    overlap = OVERLAP[relaxation]
    stretch = 2 - overlap  # spans from the start of view 1 to the end of view 2
    loose = Anchor(after="first", gap=(-long, stretch * (long - short) - long))
    if relaxation == "none":
        return {"inside_first": loose}
    behind = Anchor(after="inside_first", gap=_fixed(-overlap * short))
    return {"inside_first": loose, "inside_second": behind}


def _fixed(gap: float) -> tuple[float, float]:
    return (gap, gap)
