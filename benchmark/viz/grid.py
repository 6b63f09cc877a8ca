"""Small pictures with captions, laid out in a grid, written as PNG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from registries.errors import NotReadyError

Image = np.ndarray[Any, Any]
Colour = tuple[int, int, int]
SIDE = 192  # pixels of one picture: Ma et al. 2021, fig. 3
GAP, CAPTION, FRAME = 8, 16, 4  # pixels between pictures, of a line of text, of a border; chosen
PAPER, INK = 255, (40, 40, 40)
RIGHT, WRONG, PLAIN = (40, 150, 60), (200, 60, 50), (120, 120, 120)  # RGB of borders; chosen
FONT, SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.38


@dataclass(frozen=True)
class Panel:
    """One picture: uint8 RGB of any size, a caption, the colour of its border."""

    image: Image
    caption: str = ""
    border: Colour = PLAIN


def tile(panels: Sequence[Panel], *, columns: int, title: str = "") -> Image:
    """Panels row by row under a title: uint8 RGB, every picture SIDE pixels."""
    rows = -(-len(panels) // columns)
    wide, high = SIDE + GAP, SIDE + CAPTION + GAP
    head = CAPTION + GAP if title else 0
    page = np.full((head + rows * high + GAP, columns * wide + GAP, 3), PAPER, np.uint8)
    if title:
        _write(page, title, GAP, CAPTION, room=columns * wide)
    for place, panel in enumerate(panels):
        top, left = head + GAP + place // columns * high, GAP + place % columns * wide
        page[top : top + SIDE, left : left + SIDE] = _framed(panel)
        _write(page, panel.caption, left, top + SIDE + CAPTION - 4, room=SIDE)
    return page


def save(image: Image, path: Path) -> Path:
    """Write RGB as PNG under a temporary name, then rename it."""
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise NotReadyError(f"{path}: OpenCV cannot write PNG here; install its full build")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data.tobytes())
    temporary.replace(path)
    return path


def enlarged(image: Image, side: int = SIDE) -> Image:
    """To (side, side, 3), whatever its size."""
    shrinks = min(image.shape[:2]) > side
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(image, (side, side), interpolation=how)


def _framed(panel: Panel) -> Image:
    picture = enlarged(panel.image).copy()
    cv2.rectangle(picture, (0, 0), (SIDE - 1, SIDE - 1), panel.border, FRAME)
    return picture


def _write(page: Image, text: str, left: int, bottom: int, *, room: int) -> None:
    """One line of text, cut to `room` pixels; letters that the font lacks become "?"."""
    text = text.encode("ascii", "replace").decode()
    while text and cv2.getTextSize(text, FONT, SIZE, 1)[0][0] > room:
        text = text[:-1]
    cv2.putText(page, text, (left, bottom), FONT, SIZE, INK, 1, cv2.LINE_AA)
