"""Checks of mini-loc: what sounds is found from what is heard, never from what is seen alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from benchmark.data.miniature.audit_base import AuditResult, Subject, not_measured
from benchmark.data.miniature.audit_checks import at_least, at_most, balance
from benchmark.data.miniature.audit_sync import SHIFTS, SYNC_CLIPS, agreement, touching
from benchmark.data.miniature.clip import SIZE
from benchmark.data.miniature.loc import AREA, FPS, TEXTURES_FROM, VARIANTS, area
from benchmark.data.miniature.media import read_clip

ORACLE = 0.90  # chosen
EVERY = (8, 4, 2, 1)  # of 20 frames a second: 2.5, 5, 10, 20; chosen
ROUNDED = 0.06 / SIZE  # boxes of gt.jsonl have one digit, those of vggss.json five

Row = dict[str, Any]


def loc_boxes(subject: Subject) -> list[AuditResult]:
    """The owners' file names the middle-frame boxes of what sounds; all boxes have their size."""
    listed = json.loads((subject.root / "vggss.json").read_text(encoding="utf-8"))
    wrong = int([row["file"] for row in listed] != [_stem(row) for row in subject.rows])
    wrong += sum(
        len(entry["bbox"]) != len(row["sounding"])
        or bool(np.abs(np.array(entry["bbox"]) - _boxes(row)[row["sounding"]]).max() > ROUNDED)
        for entry, row in zip(listed, subject.rows, strict=True)
    )
    areas = np.array([area(box * SIZE) for row in subject.rows for box in _boxes(row)])
    slack = 4 * 20 * ROUNDED / SIZE  # a side of some 20 pixels, each end rounded
    outside = (areas < AREA[0] - slack) | (areas > AREA[1] + slack)
    return [
        at_most("boxes differ from the objects", wrong, 0),
        at_most("boxes outside 4-20 % of the frame", int(outside.sum()), 0),
    ]


def loc_variants(subject: Subject) -> list[AuditResult]:
    """Shapes differ within a semantic clip, agree within a sync clip; textures are this set's."""
    wrong = 0
    for row in subject.rows:
        shapes = [thing["shape"] for thing in row["objects"]]
        wanted = len(shapes) if row["variant"] == "semantic" else 1
        wrong += len(set(shapes)) != wanted or row["label"] != f"{row['variant']}: {shapes[0]}"
    textures = [number for row in subject.rows for number in row["texture_ids"]]
    shared = len(textures) - len(set(textures)) + sum(n < TEXTURES_FROM for n in textures)
    return [
        at_most("clips against their variant", wrong, 0),
        at_most("textures used twice or elsewhere", shared, 0),
    ]


def loc_sync(subject: Subject) -> list[AuditResult]:
    """In the sync variant impacts find what sounds, and no longer where the sound is late.

    As in mini-KAV no shift falls monotonically (see `audit_sets.kav_sync`): each must be at chance
    or below. What frames show is reported at four rates.
    """
    names = ("sounding object from impacts", "the same, sound 0.05-0.2 s late, most")
    rows = [row for row in _alone(subject) if row["variant"] == "sync"][:SYNC_CLIPS]
    if not subject.measurable:
        return [not_measured(name, "") for name in names]
    hits, shown = np.zeros(len(SHIFTS)), np.zeros(len(EVERY))
    for row in rows:
        _, wave, _ = read_clip(subject.root / row["path"])
        hits += agreement(wave, row["objects"], SHIFTS).argmax(axis=1) == 0
        low = [touching(wave, row["objects"], fps=FPS, every=every) for every in EVERY]
        shown += [values.argmax() == 0 for values in low]
    share, chance = hits / len(rows), _chance(rows)
    limit = chance + 3 * float(np.sqrt(chance * (1 - chance) / len(rows)))
    note = ", ".join(f"{s:g} s {v:.2f}" for s, v in zip(SHIFTS, share, strict=True))
    rates = [
        f"{FPS / every:g} a second {hit / len(rows):.2f}"
        for every, hit in zip(EVERY, shown, strict=True)
    ]
    return [
        at_least(names[0], float(share[0]), ORACLE, note=note),
        at_most(names[1], float(share[1:].max()), limit, note=f"chance {chance:.2f}"),
        AuditResult(
            check="sounding object from frames", value=float(shown[0]) / len(rows),
            limit="by design", passed=None, note=", ".join(rates),
        ),
    ]  # fmt: skip


def loc_salience(subject: Subject) -> list[AuditResult]:
    """What moves most, is largest or hops most often sounds no more often than any other."""
    probes: dict[str, Callable[[Row], np.ndarray]] = {
        "most motion": lambda row: np.array([_motion(thing) for thing in row["objects"]]),
        "largest box": lambda row: np.array([area(box * SIZE) for box in _boxes(row)]),
        "most impacts": lambda row: np.array([len(thing["impacts"]) for thing in row["objects"]]),
    }
    if not subject.measurable:
        return [not_measured(f"sounding object by {name}", "<= chance + 3 s.e.") for name in probes]
    rows = _alone(subject)
    chance = _chance(rows)
    limit = chance + 3 * float(np.sqrt(chance * (1 - chance) / len(rows)))
    results = []
    for name, probe in probes.items():
        tops = [values == values.max() for values in map(probe, rows)]
        share = float(np.mean([top[0] / top.sum() for top in tops]))
        note = f"chance {chance:.2f}"
        results.append(at_most(f"sounding object by {name}", share, limit, note=note))
    return results


def loc_baselines(subject: Subject) -> list[AuditResult]:
    """What pointing scores without hearing: anywhere, at the middle, at an object."""
    results = []
    for variant in VARIANTS:
        rows = [row for row in subject.rows if row["variant"] == variant]
        heard = [_boxes(row)[row["sounding"]] for row in rows]
        middle = [bool(((b[:, :2] < 0.5) & (b[:, 2:] > 0.5)).all(axis=1).any()) for b in heard]
        values = {
            "anywhere": np.mean([sum(area(box * SIZE) for box in found) for found in heard]),
            "in the middle": np.mean(middle),
            "at an object": np.mean([len(row["sounding"]) / len(row["objects"]) for row in rows]),
        }
        results += [
            AuditResult(
                check=f"pointing {name}, {variant}", value=float(value), limit="by design",
                passed=None, note="what needs no hearing",
            )
            for name, value in values.items()
        ]  # fmt: skip
    return results


def _stem(row: Row) -> str:
    return PurePosixPath(row["path"]).stem


def _boxes(row: Row) -> np.ndarray:
    """Boxes of all objects in the middle frame, (objects, 4), fractions."""
    return np.array([thing["boxes"][row["middle"]] for thing in row["objects"]]) / SIZE


def _motion(thing: Row) -> float:
    """Path of the middle of its box, pixels."""
    box = np.array(thing["boxes"])
    middle = (box[:, :2] + box[:, 2:]) / 2
    return float(np.linalg.norm(np.diff(middle, axis=0), axis=1).sum())


def _alone(subject: Subject) -> list[Row]:
    """Clips of which one object sounds, the first."""
    return [row for row in subject.rows if len(row["sounding"]) == 1]


def _chance(rows: list[Row]) -> float:
    return float(np.mean([1 / len(row["objects"]) for row in rows]))


LOC = (balance, loc_boxes, loc_variants, loc_sync, loc_salience, loc_baselines)
