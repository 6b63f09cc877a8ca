"""What is nearest to what: test clips, and the training clips most like them (CrissCross, fig. 5).

Sarkar and Etemad 2023. Features, similarity and gallery are those of `--protocol retrieval`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.features import FeatureTable, Reading, feature_table
from benchmark.hooks import Report
from benchmark.protocols.retrieval import cosine
from benchmark.results.keys import file_sha256
from benchmark.viz.grid import PLAIN, RIGHT, WRONG, Image, Panel, save, tile
from benchmark.viz.prepare import Ready, spread
from registries.errors import UsageError

NEAREST = 5  # gallery clips a query; chosen


def draw_retrieval(
    ready: Ready, *, count: int, out: Path, cache: Path, report: Report
) -> list[Path]:
    """Write `out/retrieval.png`: a row a query, left, with its nearest gallery clips.

    count: queries, spread evenly over the test part. Borders say whether a clip is of the query's
    class. Clips of the query's group are not in its gallery. A sound is drawn as its log-mel.
    """
    table = _features(ready, cache=cache, report=report)
    rows = table.manifest.rows
    tests = table.rows("test")
    gallery = np.flatnonzero((rows["split"] != "test").to_numpy())
    if not len(tests) or not len(gallery):
        raise UsageError(
            f"{ready.task.card.name} has {len(tests)} test clips and {len(gallery)} others; "
            "retrieval needs both. Try --task ucf101"
        )
    queries = tests[spread(len(tests), count)]
    features = table.joined()
    alike = cosine(features[queries], features[gallery])
    panels = []
    for query, similarity in zip(queries, alike, strict=True):
        group = rows["group"].iat[query]
        own = (rows["group"].iloc[gallery] == group).to_numpy() & (group != "")
        order = np.argsort(-np.where(own, -np.inf, similarity), kind="stable")
        nearest = gallery[order[: min(NEAREST, int((~own).sum()))]]
        panels += _row(ready, table.manifest, query, nearest)
    title = f"{ready.title}: test clips (left) and their nearest, green of the same class"
    page = tile(panels, columns=NEAREST + 1, title=title)
    return [save(page, out / "retrieval.png")]


def _features(ready: Ready, *, cache: Path, report: Report) -> FeatureTable:
    name = ready.task.card.name
    finetune, probe = ready.recipe.finetune_for(name), ready.recipe.probe_for(name)
    return feature_table(
        ready.encoders,
        file_sha256(ready.encoders),
        ready.task,
        fold=ready.fold,
        reading=Reading(
            clips=probe.clips,
            pooling=finetune.pooling,
            pathways=finetune.features,
            unit_clips=True,
        ),
        recipe=ready.recipe,
        cache=cache,
        report=report,
    )


def _row(ready: Ready, manifest: Manifest, query: int, nearest: np.ndarray) -> list[Panel]:
    """A query and its nearest, filled up to a whole row."""
    labels = manifest.rows["label"].to_numpy()
    dataset = ready.task.dataset("test", ready.fold)
    assert isinstance(dataset, ClipDataset)  # as for the features
    shown = picture(ready, dataset.over(manifest), query)
    panels = [Panel(shown, _label(manifest, query), PLAIN)]
    for place in nearest.tolist():
        border = RIGHT if labels[place] == labels[query] else WRONG
        shown = picture(ready, dataset.over(manifest), place)
        panels.append(Panel(shown, _label(manifest, place), border))
    blank = np.full((1, 1, 3), 255, np.uint8)
    return panels + [Panel(blank, "", (255, 255, 255))] * (NEAREST + 1 - len(panels))


def _label(manifest: Manifest, place: int) -> str:
    label = int(manifest.rows["label"].iat[place])
    return manifest.labels[label] if manifest.labels else str(label)


def picture(ready: Ready, dataset: ClipDataset, place: int) -> Image:
    """The middle frame of a clip; of sound alone its log-mel, low notes below: uint8 RGB."""
    inputs = dataset[place]["inputs"]
    if "video" in inputs:
        frames = inputs["video"][0]
        return np.asarray(frames[len(frames) // 2])
    views = ready.task.sampling().views
    batch = {"inputs": {"audio": inputs["audio"][None]}, "data_samples": {}}
    with torch.no_grad():
        mel = ClipPreprocessor(views, size=dataset.size)(batch)["inputs"]["audio"][0]
    mel = mel.flatten(0, -2).numpy()[::-1]  # (F, T)
    grey = (mel - mel.min()) / max(float(np.ptp(mel)), 1e-6)
    coloured = cv2.applyColorMap((255 * grey).round().astype(np.uint8), cv2.COLORMAP_MAGMA)
    return np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB))
