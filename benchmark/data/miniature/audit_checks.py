"""Checks that apply to every miniature, and the probes they share."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmark.data.miniature.audit_base import AuditResult, Subject, not_measured
from benchmark.data.miniature.build import SETS, load_set, verify
from benchmark.data.miniature.clip import SAMPLE_RATE, SIZE, MiniClip
from benchmark.data.miniature.media import SOUND, read_clip, read_sound, write_clip

FOLDS = 5  # chosen
NEAR = 5  # of 64 bits may differ between hashes of one clip; chosen (unrelated clips: some 32)


def cross_validated(x: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Class probabilities by gradient boosting on unseen groups: (M, D) -> (M, classes)."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    classes = np.unique(labels)
    out = np.zeros((len(labels), len(classes)))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(x, labels, groups):
        model = HistGradientBoostingClassifier(
            max_iter=40, max_leaf_nodes=8, early_stopping=False, random_state=0
        ).fit(x[train], labels[train])
        out[np.ix_(test, np.searchsorted(classes, model.classes_))] = model.predict_proba(x[test])
    return out


def accuracy(x: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Share of clips whose most probable class is theirs; see `cross_validated`."""
    guesses = np.unique(labels)[cross_validated(x, labels, groups).argmax(axis=1)]
    return float((guesses == labels).mean())


def auc(x: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Area under the curve of a binary label, on clips of unseen groups."""
    from sklearn.metrics import roc_auc_score

    classes = np.unique(labels)
    return float(roc_auc_score(labels == classes[1], cross_validated(x, labels, groups)[:, 1]))


def chance_limit(labels: np.ndarray) -> float:
    """Chance plus three standard errors of an accuracy over these clips."""
    chance = 1 / len(np.unique(labels))
    return chance + 3 * float(np.sqrt(chance * (1 - chance) / len(labels)))


def at_most(check: str, value: float, limit: float, *, note: str = "") -> AuditResult:
    """A check that passes up to its limit."""
    return AuditResult(
        check=check, value=value, limit=f"<= {limit:.3f}", passed=value <= limit, note=note
    )


def at_least(check: str, value: float, limit: float, *, note: str = "") -> AuditResult:
    """A check that passes from its limit on."""
    return AuditResult(
        check=check, value=value, limit=f">= {limit:.3f}", passed=value >= limit, note=note
    )


def nuisances(subject: Subject, keep: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Nuisance table with CRF, labels and groups of the clips in `keep` (all if None)."""
    crf = np.array([row["crf"] for row in subject.rows], float)
    table = np.column_stack([subject.features.nuisance, crf])
    keep = np.ones(len(table), bool) if keep is None else keep
    return table[keep], subject.labels[keep], subject.groups[keep]


def files(subject: Subject) -> list[AuditResult]:
    """Every file is there and has the hash that was recorded."""
    problems = verify(subject.root)
    return [
        at_most("files differ from their hashes", len(problems), 0, note="; ".join(problems[:3]))
    ]


def lag(subject: Subject) -> list[AuditResult]:
    """A flash and a click at one instant come back at one instant; in sounds alone, the click."""
    if not subject.card["fps"]:
        return [_click_lag()]
    fps = int(subject.card["fps"][0])
    frames = np.full((2 * fps, SIZE, SIZE, 3), 40, np.uint8)
    wave = np.zeros(2 * SAMPLE_RATE, np.float32)
    frames[fps], wave[SAMPLE_RATE] = 230, 0.9
    clip = MiniClip(frames=frames, fps=fps, wave=wave, crf=25, latents={})
    with tempfile.TemporaryDirectory() as folder:
        write_clip(Path(folder) / "flash.mp4", clip)
        pictures, sound, _ = read_clip(Path(folder) / "flash.mp4")
    shown = int(pictures.mean(axis=(1, 2, 3)).argmax()) - fps
    heard = int(np.abs(sound).argmax()) - SAMPLE_RATE
    return [
        at_most("flash lag, frames", abs(shown), 0),
        at_most("click lag, samples", abs(heard), 1),
    ]


def _click_lag() -> AuditResult:
    """How far a click moves in a file that holds a sound alone."""
    wave = np.zeros(2 * SAMPLE_RATE, np.float32)
    wave[SAMPLE_RATE] = 0.9
    with tempfile.TemporaryDirectory() as folder:
        write_clip(Path(folder) / f"click{SOUND}", MiniClip(wave=wave, latents={}))
        heard = int(np.abs(read_sound(Path(folder) / f"click{SOUND}")).argmax())
    return at_most("click lag, samples", abs(heard - SAMPLE_RATE), 1)


def seeds(subject: Subject) -> list[AuditResult]:
    """No two clips share a seed, in this set or another (only planned, not drawn)."""
    own = [tuple(row["seed"]) for row in subject.rows]
    shared = len(own) - len(set(own))
    for name in SETS:
        if name != subject.card["name"]:
            others = load_set(name).items(subject.card["tier"])
            shared += len(set(own) & {item.seed for item in others})
    return [at_most("seeds used twice", shared, 0, note="within the set and over all sets")]


def balance(subject: Subject) -> list[AuditResult]:
    """All labels have the same number of clips, in every split."""
    spread = 0
    for split in np.unique(subject.splits):
        _, counts = np.unique(subject.labels[subject.splits == split], return_counts=True)
        spread = max(spread, int(counts.max() - counts.min()))
    return [at_most("clips per label, largest difference", spread, 0)]


def duplicates(subject: Subject, side: np.ndarray | None = None) -> list[AuditResult]:
    """No clip looks and sounds like one of another split; `side` replaces the splits."""
    side = subject.splits if side is None else side
    if len(np.unique(side)) < 2:
        return []
    pictures, sounds = subject.features.picture_hash, subject.features.sound_hash
    found = 0
    for index in range(len(side)):
        other = np.flatnonzero(side[index + 1 :] != side[index]) + index + 1
        look = np.bitwise_count(pictures[other] ^ pictures[index]) <= NEAR
        found += int((np.bitwise_count(sounds[other[look]] ^ sounds[index]) <= NEAR).sum())
    return [at_most("duplicates across splits", found, 0, note="perceptual and audio hash")]


def label_nuisance(subject: Subject) -> list[AuditResult]:
    """The label cannot be told from file size, levels, colours or encoder settings."""
    check = "label from nuisances"
    if not subject.measurable:
        return [not_measured(check, "<= chance + 3 s.e.")]
    table, labels, groups = nuisances(subject)
    return [at_most(check, accuracy(table, labels, groups), chance_limit(labels))]


def shuffled(subject: Subject) -> list[AuditResult]:
    """With shuffled labels the nuisance probe falls to chance: the probe itself leaks nothing."""
    check = "shuffled label from nuisances"
    if not subject.measurable:
        return [not_measured(check, "<= chance + 3 s.e.")]
    table, labels, groups = nuisances(subject)
    mixed = np.random.default_rng(0).permutation(labels)
    return [at_most(check, accuracy(table, mixed, groups), chance_limit(labels))]


EVERY_SET = (files, lag, seeds)
