"""Families of sounds, in groups that are easily confused: what a source draws, and what tells it.

Members of a group share a kind and the ranges of most numbers; a few numbers of their own tell them
apart. `contrast` scales how far those lie from the middle of the group (1: as listed; 0: all
members the same), `spread` how far a source may lie from its family:

    own  = middle**(1 - contrast) * listed**contrast           (signed numbers: the linear mean)
    drawn = own * 2**U(-spread, spread),   shared numbers * 2**U(-SHARED_SPREAD, SHARED_SPREAD)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

SHARED_SPREAD = 0.5  # octaves; chosen, so that pitch and loud harmonics name no member of a group


@dataclass(frozen=True, kw_only=True)
class Group:
    """Families of one kind: numbers they share, and numbers that tell each member. All chosen."""

    kind: str
    shared: Mapping[str, float]
    members: Mapping[str, Mapping[str, float]]


GROUPS: tuple[Group, ...] = (  # 25 families, in pairs that are alike; chosen
    Group(
        kind="strikes",
        shared={"rate": 3.0, "unevenness": 0.5, "pitch": 600.0, "noise": 0.3},
        members={
            "metal_strike": {"stretch": 1.5, "decay": 0.16},  # a free bar is near 1.5
            "wood_strike": {"stretch": 1.2, "decay": 0.03},
            "glass_strike": {"stretch": 2.0, "decay": 0.07},
        },
    ),
    Group(
        kind="strikes",
        shared={"pitch": 300.0, "stretch": 1.4, "decay": 0.03, "noise": 1.0},
        members={
            "clock": {"unevenness": 0.02, "rate": 4.0},
            "footsteps": {"unevenness": 0.4, "rate": 2.5},
            "knocking": {"unevenness": 0.1, "rate": 7.0},
        },
    ),
    Group(
        kind="strikes",
        shared={"pitch": 2400.0, "stretch": 1.3, "decay": 0.005, "noise": 2.0},
        members={
            "rain": {"unevenness": 1.0, "rate": 120.0},
            "crackle": {"unevenness": 1.0, "rate": 30.0},
            "typing": {"unevenness": 1.0, "rate": 8.0},
        },
    ),
    Group(
        kind="tones",
        shared={"pitch": 800.0, "fall": 1.5},
        members={
            "siren": {"rate": 1.0, "depth": 0.6, "square": 0.3},
            "vibrato": {"rate": 6.0, "depth": 0.1, "square": 0.3},
            "two_tone": {"rate": 2.0, "depth": 0.25, "square": 8.0},
        },
    ),
    Group(
        kind="motors",
        shared={"pitch": 90.0, "rate": 1.0, "noise": 0.5},
        members={"engine": {"depth": 0.05}, "revving": {"depth": 0.8}},
    ),
    Group(
        kind="notes",
        shared={"pitch": 1300.0, "rate": 3.0, "unevenness": 0.3, "length": 0.25, "trill": 2.0},
        members={"chirp_up": {"glide": 1.5}, "chirp_down": {"glide": -1.5}},
    ),
    Group(
        kind="notes",
        shared={"pitch": 3500.0, "rate": 4.0, "unevenness": 0.3, "length": 0.15},
        members={
            "cricket": {"trill": 60.0, "glide": 0.05},
            "bird": {"trill": 8.0, "glide": 0.6},
        },
    ),
    Group(
        kind="voices",
        shared={"pitch": 220.0, "formant": 700.0, "unevenness": 0.25},
        members={
            "laugh": {"rate": 5.0, "length": 0.1, "breath": 0.5, "drop": 0.2},
            "cry": {"rate": 1.5, "length": 0.5, "breath": 0.1, "drop": 0.5},
            "cough": {"rate": 2.5, "length": 0.2, "breath": 4.0, "drop": 0.2},
            "bark": {"rate": 2.5, "length": 0.2, "breath": 0.5, "drop": 1.0},
        },
    ),
    Group(
        kind="hiss",
        shared={"corner": 400.0, "slope": 1.5, "pitch": 120.0, "wander": 0.5},
        members={
            "vacuum": {"rate": 2.0, "depth": 0.05, "hum": 0.8},
            "wind": {"rate": 3.0, "depth": 0.5, "hum": 0.1},
            "waves": {"rate": 0.8, "depth": 0.9, "hum": 0.1},
        },
    ),
)
FAMILIES: tuple[str, ...] = tuple(name for group in GROUPS for name in group.members)


@cache
def group_of(family: str) -> Group:
    """The group that a family belongs to."""
    return next(group for group in GROUPS if family in group.members)


def numbers_of(family: str, *, contrast: float) -> dict[str, float]:
    """The family's own numbers, pulled towards the middle of its group."""
    group = group_of(family)
    own = {}
    for key, value in group.members[family].items():
        listed = np.array([member[key] for member in group.members.values()])
        own[key] = blend(value, listed, contrast=contrast)
    return own


def blend(value: float, listed: np.ndarray, *, contrast: float) -> float:
    """`value` at `contrast` of its distance from the mean of `listed`: in octaves, or linear."""
    if listed.min() > 0:
        middle = np.log(listed).mean()
        return float(np.exp(middle + contrast * (np.log(value) - middle)))
    return float(listed.mean() + contrast * (value - listed.mean()))


def draw_source(
    rng: np.random.Generator, family: str, *, contrast: float, spread: float
) -> dict[str, float]:
    """All numbers of one source of a family, for `sound_events.render`; spread in octaves."""
    shared = group_of(family).shared
    own = numbers_of(family, contrast=contrast)
    drawn: dict[str, float] = {}
    for values, octaves in ((shared, SHARED_SPREAD), (own, spread)):
        for key, value in values.items():
            drawn[key] = value * float(2 ** rng.uniform(-octaves, octaves))
    return drawn
