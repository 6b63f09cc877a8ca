"""Evaluates frozen encoders by searches for a sample itself.

A distorted copy looks for its clip (fingerprint), a video for its sound and a sound for its video
(crossmodal). What is searched in are the features of `benchmark.features`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmark.encoder_file import load_encoder, read_alignment
from benchmark.evaluation import Evaluation
from benchmark.features import FeatureTable, Reading
from benchmark.protocols.fingerprint import matches, ranks_across
from benchmark.protocols.retrieval import cosine
from benchmark.results.scores_rank import AT
from registries.alignment import Alignment, Projection
from registries.encoder import Modality
from registries.errors import UsageError

DIRECTIONS: dict[str, tuple[Modality, Modality]] = {  # tag -> query, gallery
    "v2a": ("video", "audio"),
    "a2v": ("audio", "video"),
}


def found_copies(table: FeatureTable) -> Evaluation:
    """Every copy of a manifest of `with_copies` looks for its clip among the clips themselves."""
    rows, features = table.manifest.rows, table.joined()
    tags, groups = rows["tag"].to_numpy(dtype=str), rows["group"].to_numpy(dtype=str)
    gallery, queries = np.flatnonzero(tags == ""), np.flatnonzero(tags != "")
    place = {name: number for number, name in enumerate(groups[gallery])}
    own = np.array([place[name] for name in groups])
    scores = np.zeros((len(rows), 3))
    for tag in np.unique(tags[queries]):  # one distortion at a time: (N, N) numbers at once
        asked = np.flatnonzero(tags == tag)
        scores[asked] = matches(cosine(features[asked], features[gallery]), own[asked])
    return Evaluation(
        sample_id=rows["id"].to_numpy(dtype=str)[queries],
        group_id=groups[queries],
        target=np.zeros(len(queries), np.int64),
        score=scores[queries].astype(np.float32),
        tag=tags[queries],
    )


def across(
    encoders: Path, read: Callable[[Reading], FeatureTable], *, clips: int, name: str
) -> Evaluation:
    """Sight looks for its own sound in the test part, and sound for its sight.

    By cosine in the space that `encoders` names (`registries.alignment`); features are averaged
    over `clips` spans first. read: features of the task `name`. Raises UsageError for encoders
    without such a space, and for inputs other than both.
    """
    alignment = read_alignment(encoders)
    if alignment is None:
        raise UsageError(
            f"{encoders.name} holds no linear maps into a space of sight and sound ('alignment'), "
            "without which one cannot be looked for by the other; evaluate an objective that has "
            "them (glcm, avts), or use another protocol"
        )
    table, vectors = _aligned(encoders, alignment, read, clips=clips, name=name)
    rows = table.manifest.rows
    test = table.rows("test")
    labels, ids = rows["label"].to_numpy()[test], rows["id"].to_numpy(dtype=str)[test]
    ranks = [
        ranks_across(cosine(vectors[query][test], vectors[gallery][test]), labels)
        for query, gallery in DIRECTIONS.values()
    ]
    return Evaluation(
        sample_id=np.array([f"{one}#{tag}" for tag in DIRECTIONS for one in ids]),
        group_id=np.tile(ids, len(DIRECTIONS)),
        target=np.zeros(len(ids) * len(DIRECTIONS), np.int64),
        score=np.concatenate(ranks).astype(np.float32),
        tag=np.repeat(list(DIRECTIONS), len(ids)),
        metrics=(*(f"r{k}" for k in AT), "median_rank", *(f"class_r{k}" for k in AT)),
        chance=100.0 / len(ids),
    )


def _aligned(
    encoders: Path,
    alignment: Alignment,
    read: Callable[[Reading], FeatureTable],
    *,
    clips: int,
    name: str,
) -> tuple[FeatureTable, dict[Modality, np.ndarray]]:
    """Every sample's vector in the common space, by modality: (n, D)."""
    vectors: dict[Modality, np.ndarray] = {}
    for modality, projection in alignment.items():
        table = read(Reading(clips=clips, segments=projection["segments"]))
        if set(table.values) != set(alignment):
            raise UsageError(
                f"crossmodal needs sight and sound, {name} is run with {', '.join(table.values)}; "
                f"add -o tasks.{name}.inputs=av"
            )
        encoder = load_encoder(encoders, modality)
        columns = _columns(projection, encoder.pathways, encoder.channels)
        weight, bias = projection["weight"].double().numpy(), projection["bias"].double().numpy()
        vectors[modality] = table.values[modality][:, columns].astype(np.float64) @ weight.T + bias
    return table, vectors


def _columns(projection: Projection, pathways: tuple[str, ...], channels: tuple[int, ...]) -> slice:
    """Where the features of the aligned pathway are among those of all."""
    place = pathways.index(projection["pathway"])
    ends = np.cumsum([0, *channels]) * projection["segments"]
    return slice(int(ends[place]), int(ends[place + 1]))
