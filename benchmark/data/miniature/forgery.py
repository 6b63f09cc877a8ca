"""The manipulations of mini-dfdc, made on the plan of a scene or on its raw frames.

F1 other utterance's sound · F2 shifted sound · F3 other utterance's mouth, blended in at a lower
resolution · F4-texture skin texture slides over the face · F4-blink one eye blinks after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from benchmark.data.miniature.talk import TalkPlan, lid_track, render_frames, respeak
from benchmark.data.miniature.viseme import Utterance, draw_stream

SHIFT = (0.2, 0.5)  # seconds, either direction; specified
RESOLUTION = (
    0.7,
    1.0,
)  # factor by which the donor mouth is shrunk before it is enlarged again; specified
GAIN_SD = 0.02  # of the donor mouth's brightness; specified
ELLIPSE = (
    16.0,
    13.0,
)  # half axes of the blended region in face units: lips wide open plus a rim; chosen
FEATHER = 3.0  # face units over which the blend fades; chosen
SLIDE = (4.0, 8.0)  # face units, amplitude of the sliding texture; chosen
SLIDE_RATE = (0.3, 0.8)  # Hz; chosen
BLINK_LAG = (0.25, 0.5)  # seconds between the eyes' blinks: longer than a blink; chosen


@dataclass(frozen=True, kw_only=True)
class Splice:
    """A donor mouth: the utterance whose lips are shown, its loss of resolution and its gain."""

    plan: TalkPlan
    resolution: float
    gain: float


@dataclass(frozen=True, kw_only=True)
class Forged:
    """What is seen (`plan`, and `splice` on top of it) and what is heard (`heard`)."""

    plan: TalkPlan
    heard: TalkPlan
    splice: Splice | None = None
    latents: dict[str, Any] = field(default_factory=dict)


def forge(plan: TalkPlan, kind: str, rng: np.random.Generator) -> Forged:
    """Apply one manipulation ("none", "F1", "F2", "F3", "F4-texture", "F4-blink") to a scene."""
    if kind == "none":
        return Forged(plan=plan, heard=plan)
    if kind == "F1":
        other = _other_utterance(plan, rng)
        heard = replace(plan, utterances=(other,), voice_seed=int(rng.integers(2**62)))
        return Forged(
            plan=plan, heard=heard, latents={"heard": other.latents(seconds=plan.seconds)}
        )
    if kind == "F2":
        shift = float(rng.uniform(*SHIFT) * rng.choice((-1, 1)))
        spoken = plan.utterances[0]
        assert spoken is not None
        heard = replace(plan, utterances=(spoken.shifted(shift),))
        latents = {
            "shift": round(shift, 4),
            "heard": heard.utterances[0].latents(seconds=plan.seconds),
        }
        return Forged(plan=plan, heard=heard, latents=latents)
    if kind == "F3":
        return _forge_mouth(plan, rng)
    if kind == "F4-texture":
        return _forge_texture(plan, rng)
    if kind == "F4-blink":
        return _forge_blink(plan, rng)
    raise ValueError(f"unknown manipulation {kind!r}; use none, F1, F2, F3, F4-texture or F4-blink")


def splice(frames: np.ndarray, plan: TalkPlan, donor: Splice) -> np.ndarray:
    """Blend the donor's mouth into raw frames: (T, H, W, 3) uint8 -> the same."""
    face = plan.faces[0]
    other = render_frames(donor.plan)
    height, width = frames.shape[1:3]
    small = (max(1, round(width * donor.resolution)), max(1, round(height * donor.resolution)))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    pixels = np.stack([x, y], axis=-1)
    middle = np.array([4.0 * face.yaw, face.speaker.mouth_y + 1.0])
    out = frames.copy()
    for index, matrix in enumerate(face.matrices()):
        # distance from the mouth in units of the ellipse: 1 on its rim
        local = (pixels - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T - middle
        distance = np.hypot(local[..., 0] / ELLIPSE[0], local[..., 1] / ELLIPSE[1])
        mask = np.clip((1 - distance) * ELLIPSE[1] / FEATHER, 0, 1)[..., None]
        mouth = cv2.resize(other[index], small, interpolation=cv2.INTER_AREA)
        mouth = cv2.resize(mouth, (width, height), interpolation=cv2.INTER_CUBIC) * donor.gain
        out[index] = np.clip(frames[index] * (1 - mask) + mouth * mask + 0.5, 0, 255)
    return out


def _forge_mouth(plan: TalkPlan, rng: np.random.Generator) -> Forged:
    other = _other_utterance(plan, rng)
    donor = Splice(
        plan=respeak(plan, other),
        resolution=float(rng.uniform(*RESOLUTION)),
        gain=float(1 + GAIN_SD * rng.standard_normal()),
    )
    latents = {
        "shown": other.latents(seconds=plan.seconds),
        "mouth_track": np.round(donor.plan.faces[0].mouth, 4).tolist(),
        "resolution": round(donor.resolution, 4),
        "gain": round(donor.gain, 4),
    }
    return Forged(plan=plan, heard=plan, splice=donor, latents=latents)


def _forge_texture(plan: TalkPlan, rng: np.random.Generator) -> Forged:
    face = plan.faces[0]
    size, rate, angle = rng.uniform(*SLIDE), rng.uniform(*SLIDE_RATE), rng.uniform(0, 2 * np.pi)
    wave = np.sin(
        2 * np.pi * rate * np.arange(len(face.mouth)) / plan.fps + rng.uniform(0, 2 * np.pi)
    )
    slide = size * wave[:, None] * np.array([np.cos(angle), np.sin(angle)])
    forged = replace(plan, faces=(replace(face, slide=slide),))
    latents = {"amplitude": round(float(size), 3), "rate": round(float(rate), 3)}
    return Forged(plan=forged, heard=plan, latents=latents)


def _forge_blink(plan: TalkPlan, rng: np.random.Generator) -> Forged:
    face = plan.faces[0]
    lag = rng.uniform(*BLINK_LAG, len(plan.blinks[0]))
    # towards the middle of the clip: no late blink falls out of it
    towards = np.where(np.array(plan.blinks[0]) < plan.seconds / 2, 1.0, -1.0)
    late = tuple(float(value) for value in np.array(plan.blinks[0]) + towards * lag)
    first, second = (plan.blinks[0], late) if rng.random() < 0.5 else (late, plan.blinks[0])
    lids = lid_track(first, second, frames=len(face.mouth), fps=plan.fps)
    forged = replace(plan, faces=(replace(face, lids=lids),))
    latents = {"left": [round(t, 3) for t in first], "right": [round(t, 3) for t in second]}
    return Forged(plan=forged, heard=plan, latents=latents)


def _other_utterance(plan: TalkPlan, rng: np.random.Generator) -> Utterance:
    return draw_stream(rng, seconds=plan.seconds, rate=plan.faces[0].speaker.rate)
