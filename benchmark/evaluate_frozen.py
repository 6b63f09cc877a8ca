"""Evaluates frozen encoders on one task: features once, then a classifier or a search in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.evaluation import Evaluation
from benchmark.features import FeatureTable, Reading, feature_table
from benchmark.hooks import Report
from benchmark.localise import localise
from benchmark.protocols import FROZEN, parse, probes
from benchmark.protocols.retrieval import chance_at_one, cosine, first_ranks
from benchmark.protocols.weighted import weighted
from benchmark.search import across, found_copies
from benchmark.settings import Recipe
from registries.errors import UsageError
from registries.task import Task


@dataclass(frozen=True)
class FrozenJob:
    """What is asked of the encoders. source: their content. cache: where features are kept."""

    encoders: Path
    source: str
    task: Task
    fold: int
    protocol: str
    recipe: Recipe
    seed: int
    cache: Path
    report: Report = field(repr=False)


def evaluate_frozen(job: FrozenJob) -> Evaluation:
    """Scores of every test sample under one of the protocols of `FROZEN`."""
    name, number = parse(job.protocol)
    assert name in FROZEN
    if name == "localise":
        return localise(job.encoders, job.task, fold=job.fold, recipe=job.recipe, report=job.report)
    read = partial(_read, job)
    if name == "crossmodal":
        card = job.task.card
        clips = job.recipe.probe_for(card.name).clips
        return across(job.encoders, read, clips=clips, name=card.name)
    table = read(_reading(job, name))
    if name == "retrieval":
        return _retrieve(table, job)
    if name == "fingerprint":
        return found_copies(table)
    return _classify(table, job, name, number)


def _read(job: FrozenJob, reading: Reading) -> FeatureTable:
    return feature_table(
        job.encoders,
        job.source,
        job.task,
        fold=job.fold,
        reading=reading,
        recipe=job.recipe,
        cache=job.cache,
        report=job.report,
    )


def _reading(job: FrozenJob, name: str) -> Reading:
    recipe, card = job.recipe, job.task.card
    search = name in ("retrieval", "fingerprint")
    finetune, probe = recipe.finetune_for(card.name), recipe.probe_for(card.name)
    if finetune.pooling == "attention":
        raise UsageError(
            "pooling 'attention' is for --protocol finetune; frozen features are pooled by "
            "'average' or 'max'"
        )
    return Reading(
        clips=probe.clips,
        segments=probe.segments or (1 if search else job.task.segments),
        stages=name == "frozen_weighted",
        pooling=finetune.pooling,
        pathways=finetune.features,
        unit_clips=search,
    )


def _classify(table: FeatureTable, job: FrozenJob, name: str, number: str) -> Evaluation:
    labels = table.manifest.rows["label"].to_numpy()
    classes = int(labels.max()) + 1 if not table.manifest.labels else len(table.manifest.labels)
    train, val, test = (table.rows(split) for split in ("train", "val", "test"))
    notes: list[str] = []
    if name == "frozen_weighted":
        fitted, shares = weighted(
            table.values, labels, train=train, val=val, test=test, classes=classes, seed=job.seed
        )
        notes = [", ".join(f"{stage} {share:.2f}" for stage, share in shares.items())]
    else:
        features = table.joined()
        parts = (probes.Part(features[rows], labels[rows]) for rows in (train, val))
        if name == "knn":
            count = int(number or probes.NEIGHBOURS)
            fitted = probes.knn(*parts, features[test], classes=classes, neighbours=count)
        else:
            probe = {"linear": probes.linear, "svm": probes.svm}[name]
            fitted = probe(*parts, features[test], classes=classes)
    return _evaluation(
        table, test, score=fitted.score, rule=fitted.rule, val=fitted.val, notes=notes
    )


def _retrieve(table: FeatureTable, job: FrozenJob) -> Evaluation:
    """Test samples look for one of their class among those of train (and val).

    Nothing is found that shares the query's group: siblings of one source video are near-copies.
    """
    rows = table.manifest.rows
    queries = table.rows("test")
    gallery = np.flatnonzero((rows["split"] != "test").to_numpy())
    features = table.joined()
    center = job.recipe.probe_for(job.task.card.name).center
    similarity = cosine(features[queries], features[gallery], center=center)
    labels, groups = rows["label"].to_numpy(), rows["group"].to_numpy(dtype=str)
    match = labels[queries][:, None] == labels[gallery][None]
    allowed = (groups[queries][:, None] != groups[gallery][None]) | (groups[queries][:, None] == "")
    found = (match & allowed).any(axis=1)
    if not found.any():
        raise UsageError(
            f"{job.task.card.name}: no test sample has one of its class in the gallery; retrieval "
            "needs classes that train and test share"
        )
    ranks = np.full(len(queries), float(len(gallery) + 1))  # never found
    ranks[found] = first_ranks(similarity[found], match[found], allowed=allowed[found])
    return _evaluation(
        table,
        queries,
        score=ranks[:, None],
        rule="none",
        val=None,
        metrics=("r1", "r5", "r10", "r20", "r50"),
        chance=100.0 * chance_at_one(match, allowed=allowed),
        targets=np.zeros(len(queries), np.int64),
    )


def _evaluation(
    table: FeatureTable,
    rows: np.ndarray,
    *,
    score: np.ndarray,
    rule: str,
    val: float | None,
    notes: list[str] | None = None,
    metrics: tuple[str, ...] = (),
    chance: float | None = None,
    targets: np.ndarray | None = None,
) -> Evaluation:
    facts = table.manifest.rows.iloc[rows]
    tags = facts["tag"].to_numpy(dtype=str)
    return Evaluation(
        sample_id=facts["id"].to_numpy(dtype=str),
        group_id=facts["group"].to_numpy(dtype=str),
        target=facts["label"].to_numpy(np.int64) if targets is None else targets,
        score=score.astype(np.float32),
        tag=tags if (tags != "").any() else None,
        rule=rule,
        val=val,
        metrics=metrics,
        chance=chance,
        notes=tuple(notes or ()),
    )
