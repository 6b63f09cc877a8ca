"""The contract between a miniature set, which draws clips, and the builder, which writes them.

A set plans its items without drawing anything (names, splits, latents that must be balanced), then
draws any one of them alone: `draw(item)` depends on the item and on nothing else, so clips can be
made in any order, in parallel, and again after an interruption, with the same bytes in memory each
time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

Tier = Literal["ci", "small", "base"]
TIERS: tuple[Tier, ...] = ("ci", "small", "base")
SUITE_SEED = 2021  # the first element of every clip's seed
SIZE = 112  # pixels, both sides, native size of every miniature
SAMPLE_RATE = 16_000  # Hz, mono


@dataclass(frozen=True, kw_only=True)
class Item:
    """One planned clip: where it goes and everything that was balanced over the set before drawing.

    `path` is relative to the set's root and follows the owners' layout. `seed` is the full seed
    sequence `[suite_seed, set_code, split_code, index]` of the clip. `plan` holds set-specific
    choices (class, speaker, group, manipulation ...): plain numbers, strings, lists.
    """

    path: str
    split: str
    label: str
    group: str
    seed: tuple[int, ...]
    plan: Mapping[str, Any] = field(default_factory=dict)

    def rng(self, stream: int = 0) -> np.random.Generator:
        """A fresh generator for this clip.

        `stream` separates independent uses (audio, video, codec).
        """
        return np.random.default_rng([*self.seed, stream])


@dataclass(frozen=True, kw_only=True)
class MiniClip:
    """One drawn clip, ready to be encoded.

    frames (T, H, W, 3) uint8 RGB, or None for a sound alone, whose path ends in .wav · wave (N,)
    float32 in [-1, 1] at 16 kHz, N = T / fps * 16,000 where there are frames · crf: H.264 quality,
    drawn per clip, independent of the label; it and fps stay 0 for a sound alone · latents:
    everything that was drawn, JSON-ready, for gt.jsonl · landmarks (T, 5, 2) float32 pixels or
    None: left and right outer eye corner, nose tip, left and right mouth corner *as a detector
    would report them* (with its error), written as `landmarks/<path without suffix>.npy` ·
    sidecars: further text files of the owners' layout.
    """

    wave: np.ndarray
    latents: Mapping[str, Any]
    frames: np.ndarray | None = None
    fps: int = 0
    crf: int = 0
    landmarks: np.ndarray | None = None
    sidecars: Mapping[str, str] = field(default_factory=dict)


class MiniSet(Protocol):
    """One miniature dataset. `version` is bumped whenever any clip would change."""

    name: str  # "mini-lrw"
    version: int
    title: str

    def items(self, tier: Tier) -> Sequence[Item]:
        """Plan every clip of a tier, in a fixed order; nothing is drawn."""
        ...

    def draw(self, item: Item) -> MiniClip:
        """Draw one clip from its item alone."""
        ...

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """List files of the owners' layout (split lists, metadata.json): relative path -> text."""
        ...
