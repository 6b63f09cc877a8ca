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

from benchmark.data.miniature.clip import SIZE
from benchmark.data.miniature.sprite import SUPER, outline, render_sprite, texture_kind

SHAPES = ("disc", "square", "triangle", "bar", "ring", "cross")
MOTIONS = ("slide", "bounce", "circle", "swing", "pulse", "spin")
PERIOD = (1.25, 2.2)  # seconds; chosen
GAP = (0.16, 0.40)  # seconds between the hops of one object; chosen
AMPLITUDE = (13.0, 24.0)  # pixels from the middle to the turning point; chosen
PULSE = 0.42  # largest relative change of size; chosen
LEAN = 0.6  # radians, a pendulum's largest angle; chosen
WOBBLE = 0.45  # radians, largest slow rocking of any object: turning alone is no cue; chosen
HOP = 20.0  # pixels, height of a hop of the longest gap; chosen


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


def scatter(
    rng: np.random.Generator, count: int, *, apart: float = 30.0
) -> list[tuple[float, float]]:
    """Places for hoppers, at least `apart` pixels from one another, uniform otherwise: pixels."""
    while True:
        places = rng.uniform((18, 34), (SIZE - 18, SIZE - 16), size=(count, 2))
        gaps = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e3 * np.eye(count)
        if gaps.min() > apart:
            return [(float(x), float(y)) for x, y in places]


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
    scale = 1 + 0.15 * np.exp(-(times - bounds[hop]) / 0.05)  # 50 ms decay, chosen
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
    corners = outline(actor.shape) * actor.radius
    turn = np.stack([np.cos(track.angle), np.sin(track.angle)], axis=1)
    x = corners[:, 0] * turn[:, :1] - corners[:, 1] * turn[:, 1:]  # (T, corners)
    y = corners[:, 0] * turn[:, 1:] + corners[:, 1] * turn[:, :1]
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
