"""Moving objects: six shapes, four kinds of texture, six slow motion programmes, and quick hops.

A shape has the area of a disc of its `radius`, so neither size nor mean colour tells shapes apart.
The programmes have periods of 1.25-2.2 s (8 frames at 2.5 fps show them); hops follow a renewal
process with gaps of .16-.40 s, which only dense sampling resolves. An object touches something at
its impact times, where `impacts.py` places the sound.

    track = follow(actor, times)                    # place, angle, size per frame, impact times
    draw_actor(frames, actor, track, camera=path)   # onto float32 frames, sub-pixel, anti-aliased
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from benchmark.data.miniature.clip import SIZE, SUITE_SEED

SHAPES = ("disc", "square", "triangle", "bar", "ring", "cross")
MOTIONS = ("slide", "bounce", "circle", "swing", "pulse", "spin")
TEXTURES = ("flat", "stripes", "checker", "blobs")
PERIOD = (1.25, 2.2)  # seconds; tasks.md 8.5
GAP = (0.16, 0.40)  # seconds between the hops of one object; tasks.md 8.8
AMPLITUDE = (13.0, 24.0)  # pixels from the middle to the turning point; chosen
PULSE = 0.42  # largest relative change of size; chosen
LEAN = 0.6  # radians, a pendulum's largest angle; chosen
WOBBLE = 0.45  # radians, largest slow rocking of any object: turning alone is no cue; chosen
HOP = 20.0  # pixels, height of a hop of the longest gap; chosen
SUPER = 2  # sprite pixels per frame pixel; chosen
TEXTURE_CODE = 7  # second element of every texture's seed; chosen

# Outline of each shape in units of the radius of a disc of equal area (corners counter-clockwise).
_HALF = np.sqrt(np.pi) / 2
_ARM = np.sqrt(9 * np.pi / 5) / 6  # half the width of a cross of arms one third wide
_CORNERS: dict[str, np.ndarray] = {
    "square": _HALF * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]),
    "triangle": np.sqrt(4 * np.pi / 27) * np.array([(0, -2), (np.sqrt(3), 1), (-np.sqrt(3), 1)]),
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


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One object: what it looks like and how it moves.

    texture: id, fixes kind and colours · radius, amplitude, x, y: pixels · period: seconds · phase:
    share of a period at time 0 · direction: +1 or -1 · angle: radians, orientation at rest ·
    motion: one of MOTIONS or "hop".
    """

    shape: str
    motion: str
    texture: int
    radius: float
    x: float
    y: float
    period: float
    phase: float
    direction: int
    amplitude: float
    angle: float
    wobble: tuple[float, float, float] = (0.0, 1.0, 0.0)  # rocking: radians, hertz, phase
    gaps: tuple[float, ...] = ()  # seconds between hops, from time -phase * gaps[0]

    def latents(self) -> dict[str, Any]:
        """Everything that was drawn, JSON-ready."""
        return asdict(self) | {"texture_kind": texture_kind(self.texture)}


@dataclass(frozen=True, kw_only=True)
class Track:
    """Where an object is: x, y (T,) pixels, angle (T,) radians, scale (T,), impacts (K,) s."""

    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray
    scale: np.ndarray
    impacts: np.ndarray


def draw_programme(
    rng: np.random.Generator, *, shape: str, motion: str, texture: int, radius: tuple[float, float]
) -> Actor:
    """Draw what a class leaves open: size, place, period, phase, direction, amplitude, angle."""
    size = rng.uniform(*radius)
    amplitude = rng.uniform(*AMPLITUDE)
    room = max(SIZE / 2 - 0.9 * size - amplitude, 4.0)  # a bar's end may leave the frame
    x, y = SIZE / 2 + rng.uniform(-room, room, size=2)
    return Actor(
        shape=shape,
        motion=motion,
        texture=texture,
        radius=size,
        x=x,
        y=y,
        period=rng.uniform(*PERIOD),
        phase=rng.uniform(),
        direction=int(rng.choice((-1, 1))),
        amplitude=amplitude,
        angle=rng.uniform(-np.pi, np.pi),
        wobble=(rng.uniform(0, WOBBLE), rng.uniform(0.2, 0.8), rng.uniform(0, 2 * np.pi)),
    )


def draw_hopper(
    rng: np.random.Generator, *, shape: str, texture: int, radius: float, place: tuple[float, float]
) -> Actor:
    """Draw an object that hops and sways; its impacts are a renewal process of at least 4.8 s."""
    gaps = tuple(
        float(gap) for gap in rng.uniform(*GAP, size=32)
    )  # 32 x .16 s > 4.8 s, the longest clip
    return Actor(
        shape=shape,
        motion="hop",
        texture=texture,
        radius=radius,
        x=place[0],
        y=place[1],
        period=rng.uniform(*PERIOD),
        phase=rng.uniform(),
        direction=int(rng.choice((-1, 1))),
        amplitude=rng.uniform(2.0, 6.0),
        angle=rng.uniform(-0.4, 0.4),
        gaps=gaps,
    )


def follow(actor: Actor, times: np.ndarray) -> Track:
    """Evaluate the motion at `times`, (T,) seconds: the middles of a clip's frames."""
    if actor.motion == "hop":
        return _hop(actor, times)
    turn = actor.phase + actor.direction * times / actor.period
    part = turn % 1.0
    still = np.zeros_like(times)
    x, y, scale = still + actor.x, still + actor.y, still + 1.0
    rock, hertz, start = actor.wobble
    angle = actor.angle + rock * np.sin(start + 2 * np.pi * hertz * times)
    match actor.motion:
        case "slide":
            x = x + actor.amplitude * (4 * np.abs(part - 0.5) - 1)
            touches = (0.0, 0.5)
        case "bounce":
            y = y + actor.amplitude * (1 - 8 * part * (1 - part))
            touches = (0.0,)
        case "circle":  # as long a path per period as the slide: 2 pi r = 4 A
            around = 2 * np.pi * turn
            x, y = (
                c + 2 / np.pi * actor.amplitude * f(around) for c, f in ((x, np.cos), (y, np.sin))
            )
            touches = (0.25,)
        case "swing":
            lean = LEAN * np.sin(2 * np.pi * turn)
            length = 0.8 * actor.amplitude / LEAN  # its turning costs as much change as it saves
            x, y = x + length * np.sin(lean), y + length * (np.cos(lean) - np.cos(LEAN / 2))
            angle = angle - lean
            touches = (0.25, 0.75)
        case "pulse":
            scale = 1 + PULSE * np.sin(2 * np.pi * turn)
            touches = (0.25,)
        case "spin":
            angle = angle + 2 * np.pi * turn
            touches = (0.0,)
        case _:
            raise ValueError(f"motion {actor.motion!r} is unknown; use one of {MOTIONS} or 'hop'")
    return Track(x=x, y=y, angle=angle, scale=scale, impacts=_crossings(actor, times, touches))


def _crossings(actor: Actor, times: np.ndarray, touches: tuple[float, ...]) -> np.ndarray:
    """Seconds at which the phase passes any of `touches`, within the clip."""
    stop = len(times) * (times[1] - times[0])
    turns = np.arange(-4, 5)[:, None] + np.asarray(
        touches
    )  # a clip of 4.8 s holds fewer than 4 periods
    seconds = np.sort((actor.direction * (turns - actor.phase) * actor.period).ravel())
    return seconds[(seconds >= 0) & (seconds < stop)]


def _hop(actor: Actor, times: np.ndarray) -> Track:
    """Parabolas between impacts under one gravity; a short swell at each impact."""
    bounds = np.cumsum((0.0, *actor.gaps)) - actor.phase * actor.gaps[0]
    hop = np.searchsorted(bounds, times, side="right") - 1
    gap = np.diff(bounds)[hop]
    part = (times - bounds[hop]) / gap
    height = HOP * (gap / GAP[1]) ** 2 * 4 * part * (1 - part)
    sway = actor.amplitude * np.sin(
        2 * np.pi * (actor.phase + actor.direction * times / actor.period)
    )
    scale = 1 + 0.15 * np.exp(-(times - bounds[hop]) / 0.05)  # 50 ms decay, tasks.md 8.8
    stop = len(times) * (times[1] - times[0])
    impacts = bounds[(bounds >= 0) & (bounds < stop)]
    still = np.zeros_like(times)
    return Track(
        x=actor.x + sway,
        y=actor.y - height,
        angle=still + actor.angle,
        scale=scale,
        impacts=impacts,
    )


def boxes(actor: Actor, track: Track, camera: np.ndarray) -> np.ndarray:
    """Boxes on the picture: camera (T, 2) pixels -> (T, 4) x0, y0, x1, y1 within the frame."""
    outline = _outline(actor.shape) * actor.radius
    turn = np.stack([np.cos(track.angle), np.sin(track.angle)], axis=1)
    x = outline[:, 0] * turn[:, :1] - outline[:, 1] * turn[:, 1:]  # (T, corners)
    y = outline[:, 0] * turn[:, 1:] + outline[:, 1] * turn[:, :1]
    x = track.x[:, None] + camera[:, :1] + x * track.scale[:, None]
    y = track.y[:, None] + camera[:, 1:] + y * track.scale[:, None]
    return np.clip(np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1), 0, SIZE)


def draw_actor(frames: np.ndarray, actor: Actor, track: Track, *, camera: np.ndarray) -> None:
    """Draw onto (T, H, W, 3) float32 frames in place; camera (T, 2) shifts the scene, pixels."""
    sprite = render_sprite(actor.shape, actor.texture, actor.radius)
    middle = (sprite.shape[0] - 1) / 2
    height, width = frames.shape[1:3]
    for index, frame in enumerate(frames):
        size = track.scale[index] / SUPER
        cos, sin = size * np.cos(track.angle[index]), size * np.sin(track.angle[index])
        x, y = track.x[index] + camera[index, 0], track.y[index] + camera[index, 1]
        matrix = np.array(
            [[cos, -sin, x - (cos - sin) * middle], [sin, cos, y - (sin + cos) * middle]]
        )
        layer = cv2.warpAffine(sprite, matrix, (width, height), flags=cv2.INTER_LINEAR)
        frame *= 1 - layer[..., 3:]
        frame += layer[..., :3]


def render_sprite(shape: str, texture: int, radius: float) -> np.ndarray:
    """An object at rest, SUPER times as large: (S, S, 4) float32, colours times alpha, alpha."""
    side = 2 * int(np.ceil(REACH * radius * SUPER)) + 1
    fine = 16  # cv2 takes polygon corners in 1/16 pixel (shift=4)
    middle, scale = (side - 1) / 2, radius * SUPER
    alpha = np.zeros((side, side), np.uint8)
    rim = np.zeros_like(alpha)
    for canvas, grow in ((alpha, 1.0), (rim, 1.0 - 1.6 / radius)):  # the rim is 1.6 pixels wide
        corners = np.round((middle + grow * scale * _outline(shape)) * fine).astype(np.int32)
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


def _outline(shape: str) -> np.ndarray:
    """Outer outline in radii: (corners, 2)."""
    if shape == "disc":
        return _circle()
    if shape == "ring":
        return _circle() / np.sqrt(1 - RING_HOLE**2)
    return _CORNERS[shape]
