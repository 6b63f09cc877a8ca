"""What an object looks like: outlines of equal area, four kinds of texture, sub-pixel drawing."""

from __future__ import annotations

import cv2
import numpy as np

from benchmark.data.miniature.clip import SUITE_SEED

TEXTURES = ("flat", "stripes", "checker", "blobs")
SUPER = 2  # sprite pixels per frame pixel; chosen
TEXTURE_CODE = 7  # second element of every texture's seed; chosen

# Outline of each shape in units of the radius of a disc of equal area (corners counter-clockwise).
_HALF = np.sqrt(np.pi) / 2
_ARM = np.sqrt(9 * np.pi / 5) / 6  # half the width of a cross of arms one third wide
_CORNERS: dict[str, np.ndarray] = {
    "square": _HALF * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]),
    "triangle": np.sqrt(np.pi / np.sqrt(27))
    * np.array([(0, -2), (np.sqrt(3), 1), (-np.sqrt(3), 1)]),
    "bar": _HALF
    * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    * np.array([np.sqrt(3), 1 / np.sqrt(3)]),
    "cross": _ARM
    * np.array(
        [
            (-1, -3),
            (1, -3),
            (1, -1),
            (3, -1),
            (3, 1),
            (1, 1),
            (1, 3),
            (-1, 3),
            (-1, 1),
            (-3, 1),
            (-3, -1),
            (-1, -1),
        ]
    ),
}
RING_HOLE = 0.55  # inner over outer radius; chosen
REACH = 1.75  # half the side of a sprite in radii; no shape is wider


def render_sprite(shape: str, texture: int, radius: float) -> np.ndarray:
    """An object at rest, SUPER times as large: (S, S, 4) float32, colours times alpha, alpha."""
    side = 2 * int(np.ceil(REACH * radius * SUPER)) + 1
    fine = 16  # cv2 takes polygon corners in 1/16 pixel (shift=4)
    middle, scale = (side - 1) / 2, radius * SUPER
    alpha = np.zeros((side, side), np.uint8)
    rim = np.zeros_like(alpha)
    for canvas, grow in ((alpha, 1.0), (rim, 1.0 - 1.6 / radius)):  # the rim is 1.6 pixels wide
        corners = np.round((middle + grow * scale * outline(shape)) * fine).astype(np.int32)
        cv2.fillPoly(canvas, [corners], 255, cv2.LINE_AA, 4)
        if shape == "ring":
            hole = (2 - grow) * scale * RING_HOLE / np.sqrt(1 - RING_HOLE**2)
            inner = np.round((middle + hole * _circle()) * fine).astype(np.int32)
            cv2.fillPoly(canvas, [inner], 0, cv2.LINE_AA, 4)
    surface, edge = _surface(texture, side)
    inside = (rim / np.float32(255))[..., None]
    cover = (alpha / np.float32(255))[..., None]
    return np.concatenate([(surface * inside + edge * (1 - inside)) * cover, cover], axis=2).astype(
        np.float32
    )


def texture_kind(texture: int) -> str:
    """Kind of a texture id: the same for every object that wears it."""
    return TEXTURES[
        int(np.random.default_rng([SUITE_SEED, TEXTURE_CODE, texture]).integers(len(TEXTURES)))
    ]


def _surface(texture: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Pattern (side, side, 3) and rim colour (3,) of a texture id, 0..255."""
    rng = np.random.default_rng([SUITE_SEED, TEXTURE_CODE, texture])
    kind = TEXTURES[int(rng.integers(len(TEXTURES)))]
    first = rng.uniform(20, 235, 3)
    second = np.clip(first + rng.choice((-1, 1), 3) * rng.uniform(50, 110, 3), 0, 255)
    y, x = np.mgrid[:side, :side] / SUPER  # pixels of the frame
    angle, step, shift = rng.uniform(0, np.pi), rng.uniform(7, 12), rng.uniform(0, 12, 2)
    across = x * np.cos(angle) + y * np.sin(angle) + shift[0]
    along = -x * np.sin(angle) + y * np.cos(angle) + shift[1]
    if kind == "stripes":
        mask = np.clip(0.5 + 2 * np.sin(np.pi * across / step), 0, 1)
    elif kind == "checker":
        mask = np.clip(0.5 + 4 * np.sin(np.pi * across / step) * np.sin(np.pi * along / step), 0, 1)
    elif kind == "blobs":
        grid = rng.standard_normal((9, 9)).astype(np.float32)
        mask = np.clip(
            0.5 + 1.5 * cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1
        )
    else:
        mask = np.zeros((side, side))
    bright = first.mean() < 128
    return first + (second - first) * mask[..., None], np.full(3, 225.0 if bright else 25.0)


def _circle(corners: int = 48) -> np.ndarray:
    """Corners of a regular polygon of radius 1, round to the eye: (corners, 2)."""
    angles = 2 * np.pi * np.arange(corners) / corners
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def outline(shape: str) -> np.ndarray:
    """Outer outline in radii: (corners, 2)."""
    if shape == "disc":
        return _circle()
    if shape == "ring":
        return _circle() / np.sqrt(1 - RING_HOLE**2)
    return _CORNERS[shape]
