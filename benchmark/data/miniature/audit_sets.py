"""Checks of single miniatures: what each label must hang on, and what must not give it away.

The sets of actions have theirs in `audit_actions`.
"""

from __future__ import annotations

import numpy as np

from benchmark.data.miniature.audit_base import AuditResult, Subject, not_measured
from benchmark.data.miniature.audit_checks import (
    accuracy,
    at_least,
    at_most,
    auc,
    balance,
    duplicates,
    label_nuisance,
    nuisances,
    shuffled,
)
from benchmark.data.miniature.audit_features import mouth_statistics
from benchmark.data.miniature.audit_sync import SHIFTS, SYNC_CLIPS, agreement
from benchmark.data.miniature.audit_tracks import TrackProbe
from benchmark.data.miniature.media import read_clip
from benchmark.data.miniature.speaker import PRETRAINING_SPEAKERS, TASK_SPEAKERS

ORACLE = 0.90  # chosen
LOCAL_GATE = 0.35  # largest (probe - chance) / (dense - chance); chosen
TRIVIAL_AUC, MOUTH_AUC = 0.62, 0.90  # chosen


def designed(check: str, value: float, note: str) -> AuditResult:
    """A dependence that belongs to the set: reported, not gated."""
    return AuditResult(check=check, value=value, limit="by design", passed=None, note=note)


# --- mini-LRW and mini-DFDC ---------------------------------------------------------------------


def speakers(subject: Subject) -> list[AuditResult]:
    """Speakers of train, validation and test are disjoint, and none is a pretraining speaker."""
    split = {name: set() for name in TASK_SPEAKERS}
    for row in subject.rows:
        split[row["split"]].add(row["speaker"])
    names = list(split)
    shared = sum(len(split[a] & split[b]) for i, a in enumerate(names) for b in names[i + 1 :])
    known = set().union(*split.values()) & set(PRETRAINING_SPEAKERS)
    return [
        at_most("speakers in more than one split", shared, 0),
        at_most("speakers of the pretraining set", len(known), 0),
    ]


def lrw_oracles(subject: Subject) -> list[AuditResult]:
    """The word is in the order of mouth shapes, not in their statistics or a sparse sample."""
    names = ("order-free", "single middle frame", "sparse 2.5 fps")
    dense = "oracle track, dense 20 fps"
    if not subject.measurable:
        gated = [not_measured(f"oracle track, {n}", f"gate <= {LOCAL_GATE}") for n in names]
        return [not_measured(dense, f">= {ORACLE:.3f}"), *gated]
    probe = TrackProbe(subject)
    values = {"dense 10 fps": probe.strided(2), "sparse 2.5 fps": probe.strided(8)}
    values |= {"order-free": probe.order_free(), "single middle frame": probe.single()}
    chance = 1 / len(np.unique(subject.labels))
    results = [at_least(dense, probe.strided(1), ORACLE)]
    note = "reference of the gates"
    results.append(designed("oracle track, dense 10 fps", values["dense 10 fps"], note))
    for name in names:
        gate = (values[name] - chance) / (values["dense 10 fps"] - chance)
        note = f"accuracy {values[name]:.3f}"
        results.append(at_most(f"oracle track, {name}: gate", gate, LOCAL_GATE, note=note))
    value = probe.shuffled()
    results.append(at_most("oracle track, shuffled label", value, chance + 3 * probe.error))
    value = accuracy(subject.features.audio, subject.labels, subject.groups)
    results.append(designed("label from audio statistics", value, "the word is spoken"))
    return results


def dfdc_probes(subject: Subject) -> list[AuditResult]:
    """Forgeries cannot be told by global statistics or sound; by the mouth only in part."""
    names = ("AUC from nuisances", "AUC from audio statistics", "AUC from mouth statistics")
    limits = (TRIVIAL_AUC, TRIVIAL_AUC, MOUTH_AUC)
    if not subject.measurable:
        return [not_measured(n, f"<= {limit:.3f}") for n, limit in zip(names, limits, strict=True)]
    table, labels, groups = nuisances(subject)
    mouths = []
    for row in subject.rows:
        frames, _, _ = read_clip(subject.root / row["path"])
        mouths.append(mouth_statistics(frames, np.array(row["faces"][0]["landmarks"])))
    tables = (table, subject.features.audio, np.array(mouths))
    mixed = np.random.default_rng(0).permutation(labels)
    error = 3 * np.sqrt(1 / (6 * len(labels)))  # s.e. of an AUC at chance, about sqrt(1 / (6 M))
    return [
        *(
            at_most(name, auc(values, labels, groups), limit)
            for name, values, limit in zip(names, tables, limits, strict=True)
        ),
        at_most("AUC of a shuffled label", auc(table, mixed, groups), 0.5 + error),
    ]


def dfdc_oracle(subject: Subject) -> list[AuditResult]:
    """The manipulation names the label exactly, and each fake has its original."""
    wrong = sum((row["manipulation"] != "none") != (row["label"] == "FAKE") for row in subject.rows)
    names = {row["path"].split("/")[-1] for row in subject.rows if row["label"] == "REAL"}
    orphans = sum(row["label"] == "FAKE" and row["original"] not in names for row in subject.rows)
    return [
        at_most("label differs from manipulation", wrong, 0),
        at_most("fakes without their original", orphans, 0),
    ]


# --- mini-KAV -----------------------------------------------------------------------------------


def kav_shares(subject: Subject) -> list[AuditResult]:
    """Talk and activity alternate; unrelated sound and music have their shares."""
    kinds = [row["kind"] for row in subject.rows]
    wrong = sum(kind != ("talk", "activity")[i % 2] for i, kind in enumerate(kinds))
    results = [at_most("clips out of turn", wrong, 0)]
    for key in ("unrelated", "music"):
        whole = len(kinds) // 20 * 20  # shares are exact over blocks of 20
        share = np.mean([row[key] for row in subject.rows[:whole]])
        results.append(at_most(f"share of {key}, off 10 %", abs(share - 0.1), 1e-9))
    return results


def kav_overlap(subject: Subject) -> list[AuditResult]:
    """No speaker and no texture of a task."""
    faces = [face["speaker"] for row in subject.rows for face in row.get("faces", ())]
    textures = [number for row in subject.rows for number in row.get("texture_ids", ())]
    strangers = sum(number not in PRETRAINING_SPEAKERS for number in faces)
    return [
        at_most("speakers outside the pretraining set", strangers, 0),
        at_most("textures outside the pretraining set", sum(n >= 400 for n in textures), 0),
    ]


def kav_sync(subject: Subject) -> list[AuditResult]:
    """Which object sounds is found from its impacts, and no longer when the sound is late.

    Differs from the specification, which asks for a monotone drop: no object hops twice within the
    smallest gap of .16 s, so a shift of .05-.1 s speaks against the sounding object and the probe
    falls below chance before it returns to it. Every shift must take it to chance or below.
    """
    rows = [r for r in subject.rows if r.get("variant") == "scene-sync"]
    rows = [r for r in rows if not (r["unrelated"] or r["music"])][:SYNC_CLIPS]
    names = ("sounding object from impacts", "the same, sound 0.05-0.2 s late, most")
    if not subject.measurable or len(rows) < 50:
        return [not_measured(name, "") for name in names]
    hits = np.zeros(len(SHIFTS))
    for row in rows:
        _, wave, _ = read_clip(subject.root / row["path"])
        hits += agreement(wave, row["objects"], SHIFTS).argmax(axis=1) == row["sounding"]
    share = hits / len(rows)
    chance = float(np.mean([1 / len(row["objects"]) for row in rows]))
    limit = chance + 3 * float(np.sqrt(chance * (1 - chance) / len(rows)))
    note = ", ".join(f"{s:g} s {v:.2f}" for s, v in zip(SHIFTS, share, strict=True))
    return [
        at_least(names[0], share[0], ORACLE, note=note),
        at_most(names[1], float(share[1:].max()), limit, note=f"chance {chance:.2f}"),
    ]


LRW = (balance, speakers, duplicates, label_nuisance, shuffled, lrw_oracles)
DFDC = (balance, speakers, duplicates, dfdc_oracle, dfdc_probes)
KAV = (kav_shares, kav_overlap, kav_sync)
