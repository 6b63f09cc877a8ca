"""Maps of where a sound is seen, over the frames of a task's test clips (Ma et al. 2021, fig. 3).

Differs from the paper: what is drawn is what is scored, the similarity itself from its least to its
greatest value, without the softmax, whose temperature belongs to the objective.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from benchmark.data.manifest import Boxes
from benchmark.hooks import Report
from benchmark.localise import Located, known_alignment, locate
from benchmark.protocols.maps import pointing, truth
from benchmark.viz.grid import PLAIN, RIGHT, SIDE, WRONG, Image, Panel, enlarged, save, tile
from benchmark.viz.prepare import Ready, spread

COLUMNS = 4  # clips side by side, each a frame and the map over it; chosen
SHARE = 0.5  # of the map's colours over the frame; chosen
BOX = (255, 255, 255)


def draw_attention(ready: Ready, *, count: int, out: Path, report: Report) -> list[Path]:
    """Write `out/attention.png` and the similarities of every drawn clip, `out/maps/<id>.npy`.

    count: clips, spread evenly over the test part. A map is float32 (h, w), one value a cell. Where
    the task knows boxes they are drawn, and borders say whether the maximum lies in one.
    """
    rows = ready.task.manifest(ready.fold).split("test").rows
    panels: list[Panel] = []
    written: list[Path] = []
    found = locate(
        ready.encoders,
        ready.task,
        fold=ready.fold,
        recipe=ready.recipe,
        report=report,
        rows=spread(len(rows), count),
    )
    for clip in found:
        row = rows.iloc[clip.row]
        written.append(_save_map(clip.grid, out / "maps" / f"{Path(row['id']).name}.npy"))
        panels += _pair(clip, row)
    aligned = known_alignment(ready.encoders) is not None
    how = "similarity of sound and cells" if aligned else "fallback: cells like the clip's mean"
    page = tile(panels, columns=2 * COLUMNS, title=f"{ready.title}: {how}")
    return [save(page, out / "attention.png"), *written]


def overlay(frame: Image, heat: np.ndarray) -> Image:
    """A map, 0 to 1, in colours over a frame: uint8 RGB (SIDE, SIDE, 3)."""
    values = cv2.resize(heat, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    colours = cv2.applyColorMap((255 * values).round().astype(np.uint8), cv2.COLORMAP_JET)
    mixed = (1 - SHARE) * enlarged(frame) + SHARE * cv2.cvtColor(colours, cv2.COLOR_BGR2RGB)
    return mixed.round().astype(np.uint8)


def _pair(clip: Located, row: pd.Series) -> list[Panel]:
    """The frame of a clip, and its map over it."""
    boxes = Boxes.of(row["boxes"]) if row["boxes"] else Boxes(())
    picture = overlay(clip.frame, clip.heat)
    for box in boxes.boxes:
        left, top, right, bottom = (round(SIDE * value) for value in box)
        cv2.rectangle(picture, (left, top), (right, bottom), BOX, 1, cv2.LINE_AA)
    border, word = PLAIN, ""
    if boxes.boxes:
        hit = pointing(clip.heat, truth(boxes, side=len(clip.heat)) > 0) > 0
        border, word = (RIGHT, "in a box") if hit else (WRONG, "beside")
    return [Panel(clip.frame, f"{row['id']}"), Panel(picture, f"{row['tag']} {word}", border)]


def _save_map(grid: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.npy")
    np.save(temporary, grid.astype(np.float32))
    temporary.replace(path)
    return path
