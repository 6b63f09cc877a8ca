"""One action on film: what mini-UCF, mini-HMDB and mini-Kinetics-Sound draw in the same way.

An object follows its slow programme over a still scene, perhaps among small distractors, and
sounds where it touches something. A set decides what the class is, what scene the clip is taken in
and how hard it is, and hands all of it over as a `Shot`:

    filmed = shoot(Shot(shape="disc", motion="slide", ...), item)
    clip = filmed.clip({"shape": "disc", ..., **filmed.measured()})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.data.miniature.actors import (
    MOTIONS,
    SHAPES,
    Actor,
    Track,
    boxes,
    draw_actor,
    draw_programme,
    follow,
)
from benchmark.data.miniature.camera import Camera, draw_camera
from benchmark.data.miniature.clip import Item, MiniClip
from benchmark.data.miniature.impacts import PITCH, SNR, level, room, strikes
from benchmark.data.miniature.stage import film, shake

FPS, FRAMES = 10, 32  # 3.2 s; chosen
SECONDS = FRAMES / FPS
MIDDLE = 120.0  # grey towards which backgrounds are faded, of 255; chosen

# s + m even: every shape with three motions, every motion with three shapes
CELLS: tuple[tuple[str, str], ...] = tuple(
    (shape, motion)
    for s, shape in enumerate(SHAPES)
    for m, motion in enumerate(MOTIONS)
    if (s + m) % 2 == 0
)


def frame_times() -> np.ndarray:
    """Middles of the frames of a clip, (FRAMES,) seconds."""
    return (np.arange(FRAMES) + 0.5) / FPS


def faded(scene: np.ndarray, contrast: float) -> np.ndarray:
    """A background (H', W', 3), its colours brought closer to grey; contrast 1 leaves it."""
    return MIDDLE + contrast * (scene - MIDDLE)


@dataclass(frozen=True, kw_only=True)
class Clutter:
    """Distractors: at most `most`, each there with probability `share`, `radius` in pixels.

    They are clearly smaller than any actor, or nothing would say which object the label means.
    """

    share: float
    most: int
    radius: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What a set decides about one clip.

    timbre: name of what is struck, of impacts.TIMBRES · texture: id of the actor's texture, the
    distractors take the following ones · radius: pixels · stage: background (H', W', 3) float32,
    wider than the picture · wander: slow path of the camera (FRAMES, 2) pixels · jitter: pixels,
    s.d. of the hand-held jitter · bed: what sounds behind the strikes, unit power (N,) float32, or
    None for a room's noise · snr: dB of the strikes over the bed · octaves: largest change of pitch
    of a clip.
    """

    shape: str
    motion: str
    timbre: str
    texture: int
    radius: tuple[float, float]
    stage: np.ndarray
    wander: np.ndarray
    jitter: float
    clutter: Clutter
    bed: np.ndarray | None = None
    snr: tuple[float, float] = SNR
    octaves: float = PITCH


@dataclass(frozen=True, kw_only=True)
class Filmed:
    """A drawn clip with all that was drawn for it.

    frames (FRAMES, SIZE, SIZE, 3) uint8 · wave (N,) float32 · path: slow path and jitter of the
    camera together, (FRAMES, 2) pixels · spread: pixels, s.d. of this clip's jitter.
    """

    frames: np.ndarray
    wave: np.ndarray
    camera: Camera
    actor: Actor
    track: Track
    distractors: tuple[Actor, ...]
    path: np.ndarray
    spread: float

    def measured(self) -> dict[str, Any]:
        """Where the object is on the picture, frame by frame, when it touches, how it was shot."""
        return {
            "track": {
                "x": self.track.x + self.path[:, 0],
                "y": self.track.y + self.path[:, 1],
                "angle": self.track.angle,
                "scale": self.track.scale,
            },
            "boxes": boxes(self.actor, self.track, self.path),
            "impacts": self.track.impacts,
            "jitter": self.spread,
            "camera": self.camera.latents(),
        }

    def clip(self, latents: Mapping[str, Any]) -> MiniClip:
        """The clip for the builder, with the set's latents."""
        return MiniClip(
            frames=self.frames, fps=FPS, wave=self.wave, crf=self.camera.crf, latents=latents
        )


def shoot(shot: Shot, item: Item) -> Filmed:
    """Draw one clip: its distractors, then its object, over the scene; then light and sound.

    Picture, sound and camera have generators of their own: clips that differ in their timbre alone
    look the same to the last pixel before the encoder.
    """
    rng, times = item.rng(), frame_times()
    jitter, spread = shake(rng, FRAMES, strength=shot.jitter)
    path = shot.wander + jitter
    frames = film(shot.stage, path)
    actor = draw_programme(
        rng, shape=shot.shape, motion=shot.motion, texture=shot.texture, radius=shot.radius
    )
    track = follow(actor, times)
    distractors = _distractors(rng, shot.clutter, first=shot.texture + 1)
    for other in distractors:
        draw_actor(frames, other, follow(other, times), camera=path)
    draw_actor(frames, actor, track, camera=path)
    camera, sound = draw_camera(item.rng(2)), item.rng(1)
    struck = strikes(track.impacts, shot.timbre, sound, seconds=SECONDS, octaves=shot.octaves)
    bed = room(sound, seconds=SECONDS) if shot.bed is None else shot.bed
    return Filmed(
        frames=camera.shoot(frames, item.rng(2)),
        wave=level(struck, bed, sound, snr=shot.snr),
        camera=camera,
        actor=actor,
        track=track,
        distractors=distractors,
        path=path,
        spread=spread,
    )


def _distractors(rng: np.random.Generator, clutter: Clutter, *, first: int) -> tuple[Actor, ...]:
    """Draw the small objects of a clip; the n-th one has the texture id `first` + n."""
    drawn = []
    for number in range(clutter.most):
        if rng.random() < clutter.share:
            other = draw_programme(
                rng,
                shape=str(rng.choice(SHAPES)),
                motion=str(rng.choice(MOTIONS)),
                texture=first + number,
                radius=clutter.radius,
            )
            drawn.append(other)
    return tuple(drawn)
