"""The parts of a face as polygons in face coordinates (see face.py), drawn into an RGBA picture.

All drawing is anti-aliased and to 1/16 pixel (cv2 `shift` = 4). `density` is pixels per face unit,
`yaw` -1..1 moves the inner features sideways by up to 4 units, the nose by 6.4.
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmark.data.miniature.speaker import Colour, Speaker, texture_rng

EXTENT = (-56.0, -66.0, 56.0, 60.0)  # x0, y0, x1, y1 of the painted picture, face units; chosen
YAW = 4.0  # units a full sideways turn moves the eyes and the mouth; chosen
OPENING = 13.0  # units between the lips of a fully open mouth; chosen
DARK = (48.0, 16.0, 20.0)  # inside of the mouth; chosen
TEETH = (236.0, 230.0, 214.0)  # chosen
TONGUE = (214.0, 96.0, 104.0)  # chosen
_CIRCLE = np.stack([np.cos(a := np.linspace(0, 2 * np.pi, 40, endpoint=False)), np.sin(a)], axis=1)
_ACROSS = np.linspace(-1, 1, 17)  # samples along the mouth
_ARCH = np.sqrt(np.clip(1 - _ACROSS**2, 0, 1)) ** 1.2


def to_pixels(points: np.ndarray) -> np.ndarray:
    """Pixels -> the fixed-point integers that cv2 draws with `shift` = 4."""
    return np.round(points * 16).astype(np.int32)


def paint_head(
    who: Speaker, *, density: float, yaw: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Everything that does not move inside the face.

    Returns the picture (h, w, 4) uint8 RGBA, the skin texture (h, w) float32 around 0 and the mask
    of the skin (h, w) float32 in 0..1.
    """
    width = round((EXTENT[2] - EXTENT[0]) * density)
    height = round((EXTENT[3] - EXTENT[1]) * density)
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    picture[..., :3] = np.round(who.hair)
    half_width, half_height = who.head
    pen = _Pen(picture, density)
    _paint_back_hair(pen, who)
    shade: Colour = tuple(0.85 * value for value in who.skin)  # type: ignore[assignment]
    for side in (-1, 1):
        pen.fill(_CIRCLE * (5, 8) + (side * half_width, -2), shade)
    outline = head_outline(who)
    pen.fill(outline, who.skin)
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(mask, [to_pixels(pen.place(outline))], 255, cv2.LINE_AA, 4)
    if who.hair_style != "bald":
        fringe = outline[outline[:, 1] < -0.45 * half_height] * (1.04, 1.05)
        pen.fill(fringe, who.hair)
    if who.beard:
        _paint_beard(pen, who, outline)
    _paint_nose_and_brows(pen, who, turn=YAW * yaw)
    texture = _skin_texture(who, size=(width, height))
    return picture, texture, mask.astype(np.float32) / 255


def head_outline(who: Speaker) -> np.ndarray:
    """An ellipse whose lower half narrows towards the chin, (40, 2)."""
    narrow = 1 - who.jaw * np.clip(_CIRCLE[:, 1], 0, 1) ** 2
    return np.stack([_CIRCLE[:, 0] * narrow, _CIRCLE[:, 1]], axis=1) * who.head


def mouth_half_width(who: Speaker, width: np.ndarray | float) -> np.ndarray | float:
    """Half the distance of the mouth corners in face units, 6.3 round .. 12.5 wide."""
    return who.mouth_scale * (6.0 + 6.5 * width)


def draw_mouth(
    picture: np.ndarray, who: Speaker, shape: np.ndarray, *, density: float, yaw: float
) -> None:
    """Lips, inside, tongue and teeth of one mouth shape (see viseme.TARGETS), in place."""
    opening, width, teeth, tongue = (float(value) for value in shape)
    pen = _Pen(picture, density)
    middle = np.array([YAW * yaw, who.mouth_y])
    half = float(mouth_half_width(who, width))
    gap = OPENING * opening * who.mouth_scale
    lip = who.lip_thickness * (1.3 - 0.4 * width)  # rounded lips protrude: they look thicker
    x = half * _ACROSS
    top, bottom = -0.4 * gap * _ARCH, 0.6 * gap * _ARCH
    bow = 1 - 0.25 * np.exp(-((_ACROSS / 0.16) ** 2))  # the notch of the upper lip
    upper, lower = top - 2.6 * lip * _ARCH * bow, bottom + 3.4 * lip * _ARCH
    pen.fill(_band(x, upper, lower) + middle, who.lip)
    inner = 0.86 * x  # the corners of the lips stay closed
    if gap < 0.7:
        dark: Colour = tuple(0.5 * value for value in who.lip)  # type: ignore[assignment]
        pen.line(np.stack([x, 0.1 * gap * _ARCH], axis=1) + middle, dark, 0.9)
    else:
        pen.fill(_band(inner, top, bottom) + middle, DARK)
    if tongue > 0.15 and gap > 1.0:
        part = slice(3, -3)
        back = bottom - min(1.0, 0.85 * tongue) * (bottom - top)
        pen.fill(_band(inner[part], back[part], bottom[part]) + middle, TONGUE)
    if teeth > 0.15:
        part = slice(2, -2)
        # the upper teeth may cover part of the lower lip: that is what F looks like
        edge = np.minimum(top + 4.2 * teeth * _ARCH, bottom + 1.6 * teeth * _ARCH)
        pen.fill(_band(inner[part], top[part], edge[part]) + middle, TEETH)


def draw_eyes(
    picture: np.ndarray, who: Speaker, lids: np.ndarray, *, density: float, yaw: float
) -> None:
    """Both eyes with `lids` (2,) openness 0..1, left one of the image first, in place."""
    pen = _Pen(picture, density)
    x, y, half_width, half_height = who.eye
    for side, lid in zip((-1, 1), lids, strict=True):
        centre = np.array([side * x + YAW * yaw, y])
        height = half_height * float(lid)
        if height > 0.5:
            pen.fill(_CIRCLE * (half_width, height) + centre, (240.0, 238.0, 234.0))
            round_part = _CIRCLE * 2.9
            round_part[:, 1] = np.clip(round_part[:, 1], -height, height)
            pen.fill(round_part + centre, who.iris)
            pupil = _CIRCLE * 1.3
            pupil[:, 1] = np.clip(pupil[:, 1], -height, height)
            pen.fill(pupil + centre, (12.0, 10.0, 12.0))
        # the upper lid: an arch that sinks to a line when the eye closes
        arch = np.stack(
            [half_width * _ACROSS, half_height * 0.15 - (height + 0.15 * half_height) * _ARCH],
            axis=1,
        )
        pen.line(arch + centre, (45.0, 30.0, 28.0), 1.1)


def draw_glasses(picture: np.ndarray, who: Speaker, *, density: float, yaw: float) -> None:
    """Two rims and a bridge, for speakers who wear them, in place."""
    if who.glasses is None:
        return
    pen = _Pen(picture, density)
    x, y, half_width, _ = who.eye
    turn = YAW * yaw
    for side in (-1, 1):
        rim = _CIRCLE * (half_width + 3.2, 8.0) + (side * x + turn, y + 0.5)
        pen.line(np.concatenate([rim, rim[:1]]), who.glasses, 1.5)
    reach = x - half_width - 3.2
    pen.line(np.array([[turn - reach, y], [turn + reach, y]]), who.glasses, 1.5)


class _Pen:
    """Draws polygons given in face coordinates into one RGBA picture."""

    def __init__(self, picture: np.ndarray, density: float) -> None:
        self.picture = picture
        self.density = density

    def place(self, points: np.ndarray) -> np.ndarray:
        return (points - EXTENT[:2]) * self.density

    def fill(self, points: np.ndarray, colour: Colour) -> None:
        cv2.fillPoly(
            self.picture, [to_pixels(self.place(points))], (*colour, 255.0), cv2.LINE_AA, 4
        )

    def line(self, points: np.ndarray, colour: Colour, thickness: float) -> None:
        """An open line `thickness` units wide, drawn as a polygon: cv2 only knows whole pixels."""
        along = np.gradient(points, axis=0)
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        across *= thickness / 2 / np.maximum(1e-6, np.linalg.norm(across, axis=1, keepdims=True))
        self.fill(np.concatenate([points + across, (points - across)[::-1]]), colour)


def _band(x: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Closed polygon between two curves over the same x."""
    return np.concatenate([np.stack([x, top], axis=1), np.stack([x, bottom], axis=1)[::-1]])


def _paint_back_hair(pen: _Pen, who: Speaker) -> None:
    half_width, half_height = who.head
    if who.hair_style == "bald":
        return
    pen.fill(_CIRCLE * (half_width + 4, half_height + 5) * (1, 0.9) + (0, -6), who.hair)
    if who.hair_style == "long":
        sheet = np.array([[-1.15, -0.3], [1.15, -0.3], [1.25, 1.2], [-1.25, 1.2]])
        pen.fill(sheet * (half_width, half_height), who.hair)
    if who.hair_style == "bun":
        pen.fill(_CIRCLE * 10 + (0, -half_height - 8), who.hair)


def _paint_beard(pen: _Pen, who: Speaker, outline: np.ndarray) -> None:
    """The lower face in a mix of hair and skin, with a moustache; fuller beards reach higher."""
    mix = 0.55 + 0.4 * who.beard
    colour: Colour = tuple(  # type: ignore[assignment]
        mix * hair + (1 - mix) * skin for hair, skin in zip(who.hair, who.skin, strict=True)
    )
    line = (0.5 - 0.35 * who.beard) * who.head[1]
    pen.fill(outline[outline[:, 1] > line], colour)
    cheek = _CIRCLE * (0.66 * who.head[0], 0.3 * who.head[1]) + (0, line - 1)
    pen.fill(cheek, who.skin)
    below_nose = np.array([0.0, who.mouth_y - 2.5])
    moustache = np.array([[-11.0, 3.5], [-8, -3], [0, -5], [8, -3], [11, 3.5]]) + below_nose
    pen.fill(moustache, colour)


def _paint_nose_and_brows(pen: _Pen, who: Speaker, *, turn: float) -> None:
    dark: Colour = tuple(0.72 * value for value in who.skin)  # type: ignore[assignment]
    tip, wing = who.nose
    ridge = np.array([[turn, -8.0], [turn + 0.6 * wing, tip - 3], [turn * 1.6 + wing, tip + 1.5]])
    pen.line(ridge, dark, 1.2)
    base = np.stack([wing * _ACROSS, 1.8 + 1.2 * _ARCH], axis=1)
    pen.line(base + np.array([1.6 * turn, tip]), dark, 1.5)
    x, y, half_width, _ = who.eye
    height, tilt, thickness = who.brow
    for side in (-1, 1):
        arch = np.stack(
            [1.15 * half_width * _ACROSS, -2.0 * _ARCH + side * tilt * 5 * _ACROSS], axis=1
        )
        pen.line(arch + np.array([side * x + turn, y - height]), who.hair, thickness)


def _skin_texture(who: Speaker, *, size: tuple[int, int]) -> np.ndarray:
    """Blotches of two sizes and a few moles, relative brightness around 0: (h, w) float32."""
    rng = texture_rng(who.number)
    coarse = rng.standard_normal((14, 12), dtype=np.float32)
    fine = rng.standard_normal((42, 36), dtype=np.float32)
    field = 0.6 * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    field += 0.7 * cv2.resize(fine, size, interpolation=cv2.INTER_CUBIC)
    field *= who.texture_strength
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    for _ in range(who.moles):
        place = rng.uniform((0.22, 0.25), (0.78, 0.9)) * size
        radius = rng.uniform(0.008, 0.016) * size[0]
        distance = ((x - place[0]) ** 2 + (y - place[1]) ** 2) / radius**2
        field -= rng.uniform(0.2, 0.5) * np.exp(-distance)
    return field
