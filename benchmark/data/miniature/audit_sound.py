"""Checks of the miniatures of sounds alone: what the label must hang on, and what must not tell it.

The probe of statistics: logistic regression on 120 numbers,
the mean, the standard deviation and the mean absolute change over time of 40 log-mel bands. Its
windows and the oracles hold for the number of training clips of the tier `base` and are measured
there alone.
"""

from __future__ import annotations

import csv

import numpy as np
import soundfile

from benchmark.data.miniature.audit_base import AuditResult, Subject, not_measured
from benchmark.data.miniature.audit_checks import (
    accuracy,
    at_least,
    at_most,
    balance,
    duplicates,
    label_nuisance,
    shuffled,
)
from benchmark.data.miniature.audit_features import log_bands
from benchmark.data.miniature.clip import SAMPLE_RATE
from benchmark.data.miniature.esc import COLUMNS
from benchmark.data.miniature.media import read_sound

BANDS = 40  # three statistics of each make the 120 numbers
PENALTY = 0.1  # C of the logistic regression on standardised numbers; chosen
ESC_WINDOW = (0.45, 0.65)  # accuracy of the probe; chosen
DCASE_WINDOW = (0.40, 0.75)  # chosen, of a network from scratch; the probe stands in for it
ESC_EXCERPT = 1.0  # seconds, the middle of a clip; chosen
DCASE_EXCERPT = 2.0  # seconds, all windows of a clip, averaged as the task does
ORACLE = 0.90  # chosen


def wave_format(subject: Subject) -> list[AuditResult]:
    """Every file is 16 kHz, mono, 16 bit, and all last equally long."""
    wrong, lengths = 0, set()
    for row in subject.index:
        info = soundfile.info(subject.root / row["path"])
        wrong += (info.samplerate, info.channels, info.subtype) != (SAMPLE_RATE, 1, "PCM_16")
        lengths.add(info.frames)
    return [at_most("files of another format or length", wrong + len(lengths) - 1, 0)]


def statistics(wave: np.ndarray) -> np.ndarray:
    """Mean, s.d. and mean absolute change of 40 log-mel bands: (N,) -> (120,)."""
    bands = log_bands(wave, BANDS)
    change = np.abs(np.diff(bands, axis=0)).mean(axis=0)
    return np.concatenate([bands.mean(axis=0), bands.std(axis=0), change])


def probabilities(x: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Logistic regression on standardised numbers: (M, D), (M,), (K, D) -> (K, classes)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=500))
    return model.fit(x, labels).predict_proba(asked)


def within(check: str, value: float, window: tuple[float, float]) -> AuditResult:
    """A check that passes inside a window."""
    low, high = window
    limit = f"{low:.2f} to {high:.2f}"
    return AuditResult(check=check, value=value, limit=limit, passed=low <= value <= high)


# --- mini-ESC50 ---------------------------------------------------------------------------------


def _folds(subject: Subject) -> np.ndarray:
    """The fold in each file's name: (M,)."""
    return np.array([int(row["path"].removeprefix("audio/")[0]) for row in subject.rows])


def esc_folds(subject: Subject) -> list[AuditResult]:
    """No source is in two folds, all folds are alike, and the list says what the names say."""
    folds = _folds(subject)
    shared = sum(len(set(folds[subject.groups == name])) - 1 for name in set(subject.groups))
    pairs = list(zip(subject.labels, folds, strict=True))
    counts = [pairs.count(pair) for pair in set(pairs)]
    with (subject.root / "meta" / "esc50.csv").open(newline="", encoding="utf-8") as file:
        listed = [tuple(row[key] for key in COLUMNS[:4]) for row in csv.DictReader(file)]
    named = []
    for row in subject.rows:
        name = row["path"].removeprefix("audio/")
        fold, _, _, target = name.removesuffix(".wav").split("-")
        named.append((name, fold, target, row["label"]))
    return [
        at_most("sources in more than one fold", shared, 0),
        at_most("clips per label and fold, difference", max(counts) - min(counts), 0),
        at_most("lines of the list without their file", len(set(listed) ^ set(named)), 0),
    ]


def esc_duplicates(subject: Subject) -> list[AuditResult]:
    """No near duplicates in different folds."""
    return duplicates(subject, side=_folds(subject))


def esc_probe(subject: Subject) -> list[AuditResult]:
    """Statistics of a second tell the family in part; the official folds, each tested on once."""
    check = "label from statistics of 1 s"
    if subject.card["tier"] != "base":
        return [not_measured(check, f"{ESC_WINDOW[0]:.2f} to {ESC_WINDOW[1]:.2f}")]
    table = []
    for row in subject.rows:
        wave = read_sound(subject.root / row["path"])
        first = round((len(wave) - ESC_EXCERPT * SAMPLE_RATE) / 2)
        table.append(statistics(wave[first : first + round(ESC_EXCERPT * SAMPLE_RATE)]))
    x, folds, hits = np.array(table), _folds(subject), 0
    classes = np.unique(subject.labels)
    for fold in np.unique(folds):
        test = folds == fold
        found = probabilities(x[~test], subject.labels[~test], x[test]).argmax(axis=1)
        hits += int((classes[found] == subject.labels[test]).sum())
    return [within(check, hits / len(x), ESC_WINDOW)]


def esc_oracle(subject: Subject) -> list[AuditResult]:
    """The numbers a source has drawn tell its family, on sources that were not trained on."""
    check = "oracle, numbers of the source"
    if subject.card["tier"] != "base":
        return [not_measured(check, f">= {ORACLE:.3f}")]
    keys = sorted({key for row in subject.rows for key in row["numbers"]})
    kinds = sorted({row["kind"] for row in subject.rows})
    table = [
        [row["numbers"].get(key, 0.0) for key in keys] + [row["kind"] == kind for kind in kinds]
        for row in subject.rows
    ]
    value = accuracy(np.array(table, float), subject.labels, subject.groups)
    return [at_least(check, value, ORACLE)]


# --- mini-DCASE ---------------------------------------------------------------------------------


def dcase_sources(subject: Subject) -> list[AuditResult]:
    """No source of an event is heard in train and in test."""
    heard: dict[str, set[tuple[int, int]]] = {"train": set(), "test": set()}
    for row in subject.rows:
        heard[row["split"]] |= {(int(kind), int(source)) for kind, source, *_ in row["events"]}
    return [at_most("event sources in both splits", len(heard["train"] & heard["test"]), 0)]


def dcase_probe(subject: Subject) -> list[AuditResult]:
    """Statistics of 2 s windows, averaged over a clip, tell the scene in part."""
    check = "label from statistics of 2 s windows"
    if subject.card["tier"] != "base":
        return [not_measured(check, f"{DCASE_WINDOW[0]:.2f} to {DCASE_WINDOW[1]:.2f}")]
    length, table = round(DCASE_EXCERPT * SAMPLE_RATE), []
    for row in subject.rows:
        wave = read_sound(subject.root / row["path"])
        starts = range(0, len(wave) - length + 1, length)
        table.append([statistics(wave[start : start + length]) for start in starts])
    x, test = np.array(table), subject.splits == "test"  # (M, windows, 120)
    windows = x.shape[1]
    found = probabilities(
        x[~test].reshape(-1, x.shape[2]),
        np.repeat(subject.labels[~test], windows),
        x[test].reshape(-1, x.shape[2]),
    )
    mean = found.reshape(test.sum(), windows, -1).mean(axis=1)
    guesses = np.unique(subject.labels)[mean.argmax(axis=1)]
    return [within(check, float((guesses == subject.labels[test]).mean()), DCASE_WINDOW)]


def dcase_oracle(subject: Subject) -> list[AuditResult]:
    """How often each event happened, and the background's numbers, tell the scene."""
    check = "oracle, events and background"
    if subject.card["tier"] != "base":
        return [not_measured(check, f">= {ORACLE:.3f}")]
    kinds = range(1 + max(int(kind) for row in subject.rows for kind, *_ in row["events"]))
    table = []
    for row in subject.rows:
        counts = [sum(event[0] == kind for event in row["events"]) for kind in kinds]
        background = [row["background"][key] for key in ("corner", "slope", "hum", "pitch")]
        # the root of a count has a spread of its own that does not grow with it
        table.append([*np.sqrt(counts), *np.log(background)])
    x, test = np.array(table), subject.splits == "test"
    found = probabilities(x[~test], subject.labels[~test], x[test]).argmax(axis=1)
    value = float((np.unique(subject.labels)[found] == subject.labels[test]).mean())
    return [at_least(check, value, ORACLE)]


ESC = (
    wave_format,
    balance,
    esc_folds,
    esc_duplicates,
    label_nuisance,
    shuffled,
    esc_probe,
    esc_oracle,
)
DCASE = (
    wave_format,
    balance,
    dcase_sources,
    duplicates,
    label_nuisance,
    shuffled,
    dcase_probe,
    dcase_oracle,
)
