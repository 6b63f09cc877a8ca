"""What an objective asks to see, and when in the source video each of those views is cut.

    source           |----------------------------------------------------|  seconds
    anchor "now"        [-- span of its longest view --)
    view "video"        [clip 0)[clip 1)[clip 2)                 num_clips consecutive clips
    anchor "later"                        gap from the end of "now" [- span -)  after="now"

No pretext label is made here: order, speed, direction, overlap and synchrony are functions of the
`ClipTimes` that travel with the batch. Intervals are [start, stop).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import chain, repeat
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

TRIES = 64  # chosen: attempts at a root start before the relation is declared impossible


@dataclass(frozen=True, kw_only=True)
class View:
    """One tensor an objective asks for, cut from a span of the source video."""

    modality: Literal["video", "audio"]
    clip_len: int  # frames (video) or spectrogram steps (audio) per clip
    seconds: float  # span of one clip at speed 1
    num_clips: int = 1  # consecutive clips; > 1 adds an axis N
    anchor: str = "now"  # views with the same anchor start together
    augment: str = "a"  # views with the same letter share one random augmentation draw
    speeds: tuple[int, ...] = (1,)  # one is drawn per sample
    reverse: float = 0.0  # chance that time runs backwards

    @property
    def span(self) -> float:
        """Longest span in seconds: all clips at the highest speed."""
        return self.seconds * self.num_clips * max(self.speeds)


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """Where a start time may fall."""

    after: str | None = None  # None: anywhere in `within`
    gap: tuple[float, float] = (
        0.0,
        0.0,
    )  # seconds from the end of `after`'s span; negative = overlap
    either_side: bool = False
    within: tuple[float, float] = (0.0, 1.0)  # fraction of the video


class ClipTimes(NamedTuple):
    """When the clips of one view were cut.

    A NamedTuple, because mmengine's collate refuses dataclasses.
    """

    start: Tensor  # (B, N) seconds
    speed: Tensor  # (B, N)
    reversed: Tensor  # (B, N) bool


@dataclass(frozen=True)
class ClipSampling:
    """Views and the anchors they hang on. Views whose anchor is not declared may start anywhere.

    Raises ValueError for an anchor that depends on an unknown one or on itself, and for a view
    without frames, clips or seconds.
    """

    views: Mapping[str, View]
    anchors: Mapping[str, Anchor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, view in self.views.items():
            if min(view.clip_len, view.num_clips) < 1 or view.seconds <= 0 or not view.speeds:
                raise ValueError(
                    f"view {name!r} needs clip_len, num_clips >= 1, seconds > 0, a speed: {view}"
                )
        declared = {*self.anchors, *(view.anchor for view in self.views.values())}
        for name, anchor in self.anchors.items():
            if anchor.after is not None and anchor.after not in declared:
                raise ValueError(
                    f"anchor {name!r} comes after {anchor.after!r}, which nothing declares"
                )
            if anchor.gap[0] > anchor.gap[1]:
                raise ValueError(f"anchor {name!r}: gap {anchor.gap} must be (least, most)")
        _ = self._order  # a circle is found here

    @property
    def min_duration(self) -> float:
        """Shortest video, in seconds, in which every relation between anchors can hold."""
        need: dict[str, float] = {}
        for name in self._order:
            anchor = self.anchors.get(name, Anchor())
            before = need[anchor.after] if anchor.after else 0.0
            need[name] = max(before, before + anchor.gap[0] + self._spans[name])
        return max(need.values())

    def draw(self, duration: float, rng: np.random.Generator) -> dict[str, ClipTimes]:
        """Draw the times of every view for one video of `duration` seconds; tensors of shape (N,).

        A video shorter than a single span starts at 0 and is padded by the reader. Raises
        ValueError where anchors stand in relation and the video is too short for it.
        """
        starts = self._draw_starts(duration, rng)
        times = {}
        for name, view in self.views.items():
            speed = int(rng.choice(view.speeds))
            step = view.seconds * speed
            times[name] = ClipTimes(
                start=starts[view.anchor]
                + step * torch.arange(view.num_clips, dtype=torch.float64),
                speed=torch.full((view.num_clips,), speed),
                reversed=torch.full((view.num_clips,), bool(rng.random() < view.reverse)),
            )
        return times

    def _draw_starts(self, duration: float, rng: np.random.Generator) -> dict[str, float]:
        # where hardly any start leaves room for what follows, one of the two ends does
        for place in chain(repeat(None, TRIES), (0.0, 1.0)):
            starts: dict[str, float] = {}
            for name in self._order:
                start = self._draw_anchor(name, starts, duration=duration, rng=rng, place=place)
                if start is None:
                    break
                starts[name] = start
            else:
                return starts
        raise ValueError(
            f"a video of {duration:.2f} s has no room for the anchors {dict(self.anchors)}; the "
            f"shortest allowed is {self.min_duration:.2f} s. Lower the views' seconds."
        )

    def _draw_anchor(
        self,
        name: str,
        starts: Mapping[str, float],
        *,
        duration: float,
        rng: np.random.Generator,
        place: float | None,
    ) -> float | None:
        """A start for one anchor given those before it; None where it does not fit.

        place: of anchors that depend on none, between their first and last start, and all leave
        room for those after them; None draws it.
        """
        anchor, span = self.anchors.get(name, Anchor()), self._spans[name]
        low, high = anchor.within[0] * duration, anchor.within[1] * duration - span
        if anchor.after is None or place is not None:  # a draw that chance finds stays what it was
            high = min(high, duration - span - self._room_after(name))
        if anchor.after is None:
            if high <= low:
                return max(0.0, min(low, high))
            return float(rng.uniform(low, high) if place is None else low + place * (high - low))
        least, most = anchor.gap
        begin, end = starts[anchor.after], starts[anchor.after] + self._spans[anchor.after]
        pieces = [(end + least, end + most)]
        if anchor.either_side:
            pieces.append((begin - most - span, begin - least - span))
        slack = 1e-9  # float error of sums of seconds
        fits = [
            (max(a, low), min(b, high)) for a, b in pieces if max(a, low) <= min(b, high) + slack
        ]
        if not fits:
            return None
        widths = np.array([max(b - a, 0.0) + slack for a, b in fits])
        a, b = fits[rng.choice(len(fits), p=widths / widths.sum())]
        return float(rng.uniform(a, b)) if b > a else a

    def _room_after(self, name: str) -> float:
        """Seconds that must be left after a span for the anchors that can only follow it."""
        rooms = [
            anchor.gap[0] + self._spans[follower] + self._room_after(follower)
            for follower, anchor in self.anchors.items()
            if anchor.after == name and not anchor.either_side
        ]
        return max([0.0, *rooms])  # one that ends inside the span before it needs none

    @cached_property
    def _spans(self) -> dict[str, float]:
        """Seconds that the longest view of each anchor covers."""
        spans = dict.fromkeys(self.anchors, 0.0)
        for view in self.views.values():
            spans[view.anchor] = max(spans.get(view.anchor, 0.0), view.span)
        return spans

    @cached_property
    def _order(self) -> tuple[str, ...]:
        """Anchors, each after the one it depends on."""
        graph = {view.anchor: set[str]() for view in self.views.values()}
        for name, anchor in self.anchors.items():
            graph[name] = {anchor.after} if anchor.after else set()
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise ValueError(
                f"anchors depend on each other in a circle: {error.args[1]}"
            ) from error
