"""The manipulations of mini-dfdc, made on the plan of a scene or on its raw frames.

F1 other utterance's sound · F2 shifted sound · F3 other utterance's mouth, blended in at a lower
resolution · F4-texture skin texture slides over the face · F4-blink one eye blinks after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from benchmark.data.miniature.face_parts import YAW
from benchmark.data.miniature.talk import TalkPlan, lid_track, render_frames, respeak
from benchmark.data.miniature.viseme import Utterance, draw_stream

SHIFT = (0.2, 0.5)  # seconds, either direction; specified
# factor by which the donor mouth is shrunk before it is enlarged again. Specified .7 to 1, with a
# gain of .02: from those a network trained from scratch learnt nothing (AUC 49, version 2)
RESOLUTION = (0.25, 0.5)
GAIN_SD = 0.08  # of the donor mouth's brightness
ELLIPSE = (
    16.0,
    13.0,
)  # half axes of the blended region in face units: the widest lips just fit; chosen
FEATHER = 3.0  # face units over which the blend fades; chosen
SLIDE = (10.0, 18.0)  # face units, amplitude of the sliding texture; chosen
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
    """What is rendered (`plan`, and `splice` on top of it) and what is heard (`heard`)."""

    plan: TalkPlan
    heard: TalkPlan
    splice: Splice | None = None
    latents: dict[str, Any] = field(default_factory=dict)

    @property
    def seen(self) -> TalkPlan:
        """The plan whose lips a viewer sees."""
        return self.plan if self.splice is None else self.splice.plan


def forge(plan: TalkPlan, kind: str, rng: np.random.Generator) -> Forged:
    """Apply one manipulation ("none" or one of FORGERIES) to a scene."""
    if kind == "none":
        return Forged(plan=plan, heard=plan)
    return FORGERIES[kind](plan, rng)


def said(plan: TalkPlan) -> Utterance:
    """What the first face says; a silent face cannot be forged."""
    utterance = plan.utterances[0]
    if utterance is None:
        raise ValueError("the first face is silent; plan the scene without `silent=[0]`")
    return utterance


def splice(frames: np.ndarray, plan: TalkPlan, donor: Splice) -> np.ndarray:
    """Blend the donor's mouth into raw frames: (T, H, W, 3) uint8 -> the same."""
    face = plan.faces[0]
    other = render_frames(donor.plan)
    middle = np.array([YAW * face.yaw, face.speaker.mouth_y + 1.0])
    reach = int(np.ceil(max(ELLIPSE) * float(face.scale.max()))) + 2
    out = frames.copy()
    for frame, seen, matrix in zip(out, other, face.matrices(), strict=True):
        x, y = np.round(matrix @ (*middle, 1.0)).astype(int)
        left, top = max(0, x - reach), max(0, y - reach)
        box = np.s_[top : y + reach + 1, left : x + reach + 1]
        mouth = _coarse(seen[box], donor.resolution) * donor.gain
        rows, columns = np.mgrid[: mouth.shape[0], : mouth.shape[1]]
        pixels = np.stack([columns + left, rows + top], axis=-1)
        # distance from the mouth in units of the ellipse: 1 on its rim
        local = (pixels - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T - middle
        distance = np.hypot(local[..., 0] / ELLIPSE[0], local[..., 1] / ELLIPSE[1])
        mask = np.clip((1 - distance) * ELLIPSE[1] / FEATHER, 0, 1)[..., None]
        frame[box] = np.clip(frame[box] * (1 - mask) + mouth * mask + 0.5, 0, 255)
    return out


def _coarse(picture: np.ndarray, resolution: float) -> np.ndarray:
    """Shrink and enlarge again: what a low-resolution generator leaves."""
    height, width = picture.shape[:2]
    small = (max(1, round(width * resolution)), max(1, round(height * resolution)))
    shrunk = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC)


def _forge_sound(plan: TalkPlan, rng: np.random.Generator) -> Forged:
    utterance = _other_utterance(plan, rng)
    heard = replace(plan, utterances=(utterance,), voice_seed=int(rng.integers(2**62)))
    return Forged(plan=plan, heard=heard)


def _forge_shift(plan: TalkPlan, rng: np.random.Generator) -> Forged:
    shift = float(rng.uniform(*SHIFT) * rng.choice((-1, 1)))
    heard = replace(plan, utterances=(said(plan).shifted(shift),))
    return Forged(plan=plan, heard=heard, latents={"shift": round(shift, 4)})


def _forge_mouth(plan: TalkPlan, rng: np.random.Generator) -> Forged:
    other = _other_utterance(plan, rng)
    donor = Splice(
        plan=respeak(plan, other),
        resolution=float(rng.uniform(*RESOLUTION)),
        gain=float(1 + GAIN_SD * rng.standard_normal()),
    )
    latents = {
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


FORGERIES: dict[str, Callable[[TalkPlan, np.random.Generator], Forged]] = {
    "F1": _forge_sound,
    "F2": _forge_shift,
    "F3": _forge_mouth,
    "F4-texture": _forge_texture,
    "F4-blink": _forge_blink,
}
