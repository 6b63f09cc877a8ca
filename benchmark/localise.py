"""Evaluates frozen encoders on the localisation of sounds: a map for every test clip, scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Boxes
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.encoder_file import load_encoder, read_alignment, read_encoders
from benchmark.evaluation import Evaluation
from benchmark.hooks import Report
from benchmark.pretrain import objective_class
from benchmark.protocols.localise import heat, own_similarity, similarity
from benchmark.protocols.maps import SIDE, area, box_scores, centre_disc
from benchmark.results.scores_boxes import METRICS
from benchmark.settings import Recipe
from benchmark.training import eval_loader
from registries import plugins
from registries.alignment import Alignment
from registries.encoder import Encoder, Modality
from registries.errors import NotReadyError, UsageError
from registries.objective import Objective
from registries.task import MODALITIES, Task

# main metric first. A box of a tenth of a miniature's frame reaches a cIoU of 0.2 at most where
# half of the frame is marked, so that metric is not the main one there
ON_MINIATURES = ("pointing", "ciou_area", "mask_ap")
FALLBACK = (
    "loc=fallback: the encoders come without linear maps into a space of sight and sound; cells "
    "are compared with the mean of their own clip, whatever is heard"
)


@dataclass(frozen=True)
class Located:
    """One clip: its row in the task's test part, similarity by cell, map (SIDE, SIDE), frame.

    grid (h, w) float32. heat: float64, 0 to 1. frame: uint8 RGB as encoders see it, the first after
    the middle of the clip: where things move fast a box may lie a little beside what it shows.
    """

    row: int
    grid: np.ndarray
    heat: np.ndarray
    frame: np.ndarray


def localise(
    encoders: Path, task: Task, *, fold: int, recipe: Recipe, report: Report
) -> Evaluation:
    """Scores of every test clip's map, those of a disc in the middle beside them.

    Raises UsageError for encoders that lack a modality, or whose maps have a single cell,
    NotReadyError for a file that is too old (`known_alignment`).
    """
    manifest = task.manifest(fold).split("test")
    boxes = [Boxes.of(text) if text else Boxes(()) for text in manifest.rows["boxes"]]
    disc = centre_disc()
    scores = np.zeros((len(manifest), 8))
    for found in locate(encoders, task, fold=fold, recipe=recipe, report=report):
        truth = boxes[found.row]
        scores[found.row] = (*box_scores(found.heat, truth), *box_scores(disc, truth))
    aligned = known_alignment(encoders) is not None
    small = manifest.kind == "miniature"
    first = ON_MINIATURES if small else ()
    areas = 100.0 * float(np.mean([area(truth) for truth in boxes]))
    tags = manifest.rows["tag"].to_numpy(dtype=str)
    return Evaluation(
        sample_id=manifest.rows["id"].to_numpy(dtype=str),
        group_id=manifest.rows["group"].to_numpy(dtype=str),
        target=np.zeros(len(manifest), np.int64),
        score=scores.astype(np.float32),
        tag=tags if (tags != "").any() else None,
        metrics=(*first, *(name for name in METRICS if name not in first)),
        chance=areas if small else task.chance(),
        notes=("loc=aligned" if aligned else FALLBACK, *task.notes),
    )


@torch.inference_mode()
def locate(
    encoders: Path,
    task: Task,
    *,
    fold: int,
    recipe: Recipe,
    report: Report,
    rows: np.ndarray | None = None,
) -> Iterator[Located]:
    """The map of every test clip, in order; rows: places of some of them, None for all."""
    dataset = task.dataset("test", fold)
    if not isinstance(dataset, ClipDataset) or set(MODALITIES[task.inputs]) != {"video", "audio"}:
        raise UsageError(
            f"{task.card.name} reads {MODALITIES[task.inputs]}; localisation needs clips with "
            "sight and sound (inputs 'av')"
        )
    chosen = np.arange(len(dataset)) if rows is None else rows
    dataset = dataset.over(dataset.manifest.keep(dataset.manifest.rows.index[chosen]))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    nets: dict[Modality, Encoder] = {
        name: load_encoder(encoders, name).to(device).eval() for name in MODALITIES["av"]
    }
    alignment = known_alignment(encoders)
    prepare = ClipPreprocessor(task.sampling().views, size=dataset.size).to(device)
    loader: DataLoader[Any] = eval_loader(
        dataset, batch_size=recipe.finetune.batch_size, workers=recipe.workers
    )
    places = iter(chosen.tolist())
    for done, data in enumerate(loader, start=1):
        clips = _centre(data["inputs"]["video"][:, 0], dataset.size)  # (B, T, S, S, 3) uint8
        prepared = prepare(data, training=False)["inputs"]
        grids = grid(nets, prepared, alignment)
        maps, small = heat(grids, side=SIDE).cpu().numpy(), grids.cpu().numpy()
        frames = clips[:, clips.shape[1] // 2].cpu().numpy()
        for one, cells, frame in zip(maps, small, frames, strict=True):
            yield Located(next(places), cells, one, frame)
        report({"test": done, "tests": len(loader)})


def known_alignment(encoders: Path) -> Alignment | None:
    """The linear maps of an encoder file, None where its objective has none.

    Raises NotReadyError for a file from before they were kept whose objective has some: the same
    encoders would score otherwise than those of a new file.
    """
    content = read_encoders(encoders)
    maker = content["meta"].get("objective")
    if "alignment" in content or maker not in plugins.available("objectives"):
        return read_alignment(encoders)
    if objective_class(maker).alignment is not Objective.alignment:
        raise NotReadyError(
            f"{encoders} was written before {maker} handed down how it compares cells with sound. "
            "Pretrain again: the same command with --force, or another --out."
        )
    return None


def _centre(frames: Tensor, size: int) -> Tensor:
    """What the preprocessor leaves of (B, T, H, W, 3): the middle (size, size)."""
    top, left = ((side - size) // 2 for side in frames.shape[2:4])
    return frames[:, :, top : top + size, left : left + size]


def grid(
    nets: Mapping[Modality, Encoder], clips: Mapping[Any, Tensor], alignment: Alignment | None
) -> Tensor:
    """Similarity of sound and cells, (B, h, w); by the first visual pathway where none is aligned.

    Raises UsageError for maps of a single cell.
    """
    seen = nets["video"](clips["video"])
    name = alignment["video"]["pathway"] if alignment else nets["video"].pathways[0]
    cells = seen[nets["video"].pathways.index(name)]
    if cells.shape[3] * cells.shape[4] < 2:
        raise UsageError(
            f"the visual map of pathway {name!r} has one cell, which is everywhere; give larger "
            "frames (-o tasks.localise.size=112) or a backbone with a finer grid"
        )
    if alignment is None:
        return own_similarity(cells)
    heard = nets["audio"](clips["audio"])
    sound = heard[nets["audio"].pathways.index(alignment["audio"]["pathway"])]
    return similarity(cells, sound, alignment)
