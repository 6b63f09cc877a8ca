"""Talking-head scenes: plan who stands where and says what, then render picture and sound.

    talk = draw_talk(rng, [1003, 1017], seconds=3.2, silent=[1])
    talk.frames      # (T, H, W, 3) uint8, before lighting and noise (see camera.py)
    talk.wave        # (N,) float32
    talk.landmarks   # (T, 5, 2) true landmarks of the first face
    talk.latents     # JSON-ready

Manipulations change the plan, not the picture: `plan_talk`, then `dataclasses.replace`, then
`render_frames` and `render_wave`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmark.data.miniature.camera import draw_background
from benchmark.data.miniature.clip import SAMPLE_RATE, SIZE
from benchmark.data.miniature.face import Face, face_boxes, paint_face, true_landmarks
from benchmark.data.miniature.speaker import Speaker, speaker
from benchmark.data.miniature.viseme import REST, Utterance, draw_stream
from benchmark.data.miniature.voice import finish, synthesise

ROLL = 15.0  # degrees, largest head tilt; specified
SCALE = (0.55, 1.05)  # of a single face; specified
PAIR_SCALE = (0.48, 0.62)  # of each of two faces, so that both fit; chosen
BLINK_RATE = 0.6  # blinks per second; chosen above the human 0.3 so that a 3.2 s clip shows two
BLINK_SECONDS = (0.18, 0.30)  # length of one blink; human range, rounded
NOD_SHARE = 0.5  # share of clips with one nod; chosen


@dataclass(frozen=True, kw_only=True)
class TalkPlan:
    """A scene before rendering.

    `faces`, `utterances`, `blinks`: one entry per face; an utterance of None is a silent face.
    """

    seconds: float
    fps: int
    faces: tuple[Face, ...]
    utterances: tuple[Utterance | None, ...]
    background_seed: int
    voice_seed: int
    blinks: tuple[tuple[float, ...], ...]  # seconds, per face


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A rendered scene; see the module's docstring for the shapes."""

    plan: TalkPlan
    frames: np.ndarray
    wave: np.ndarray
    landmarks: np.ndarray
    latents: dict[str, Any]


def draw_talk(
    rng: np.random.Generator,
    speakers: int | Sequence[int],
    *,
    seconds: float,
    fps: int = 20,
    silent: Collection[int] = (),
    utterance: Utterance | None = None,
) -> Talk:
    """Draw one clip of one or two talking heads.

    speakers: one or two speaker numbers (see speaker.py), left to right · silent: positions in
    `speakers` that do not speak (mouth at rest) · utterance: what the first speaker says; random
    speech if None.
    """
    plan = plan_talk(rng, speakers, seconds=seconds, fps=fps, silent=silent, utterance=utterance)
    return Talk(
        plan=plan,
        frames=render_frames(plan),
        wave=render_wave(plan),
        landmarks=true_landmarks(plan.faces[0]),
        latents=talk_latents(plan),
    )


def plan_talk(
    rng: np.random.Generator,
    speakers: int | Sequence[int],
    *,
    seconds: float,
    fps: int = 20,
    silent: Collection[int] = (),
    utterance: Utterance | None = None,
) -> TalkPlan:
    """Everything `draw_talk` draws, without a pixel or a sample. Arguments as there."""
    numbers = [speakers] if isinstance(speakers, int) else list(speakers)
    if len(numbers) not in (1, 2):
        raise ValueError(f"{len(numbers)} speakers do not fit into a clip; give one or two numbers")
    frames = round(seconds * fps)
    faces, utterances, blinks = [], [], []
    for place, number in enumerate(numbers):
        who = speaker(number)
        said = utterance if place == 0 else None
        if said is None and place not in silent:
            said = draw_stream(rng, seconds=seconds, rate=who.rate)
        mouth = np.tile(REST, (frames, 1)) if said is None else said.mouth(frames=frames, fps=fps)
        times = draw_blinks(rng, seconds=seconds)
        lids = lid_track(times, frames=frames, fps=fps)
        faces.append(
            _draw_face(rng, who, mouth=mouth, lids=lids, fps=fps, slot=(place, len(numbers)))
        )
        utterances.append(said)
        blinks.append(times)
    return TalkPlan(
        seconds=seconds,
        fps=fps,
        faces=tuple(faces),
        utterances=tuple(utterances),
        background_seed=int(rng.integers(2**62)),
        voice_seed=int(rng.integers(2**62)),
        blinks=tuple(blinks),
    )


def render_frames(plan: TalkPlan) -> np.ndarray:
    """Background and faces: (T, SIZE, SIZE, 3) uint8, before lighting and noise."""
    frames = round(plan.seconds * plan.fps)
    background = draw_background(
        np.random.default_rng(plan.background_seed), frames=frames, size=SIZE
    )
    picture = background.astype(np.uint8)
    for face in plan.faces:
        paint_face(picture, face)
    return picture


def render_wave(plan: TalkPlan) -> np.ndarray:
    """All voices, room noise and the loudness of the clip: (N,) float32 in [-1, 1]."""
    rng = np.random.default_rng(plan.voice_seed)
    voices = np.zeros((0, round(plan.seconds * SAMPLE_RATE)))
    for face, utterance in zip(plan.faces, plan.utterances, strict=True):
        if utterance is not None:
            voice = synthesise(rng, utterance, face.speaker, seconds=plan.seconds)
            voices = np.concatenate([voices, voice[None]])
    return finish(rng, voices)


def respeak(plan: TalkPlan, utterance: Utterance) -> TalkPlan:
    """The same scene in which the first face says something else; nothing but its mouth changes."""
    mouth = utterance.mouth(frames=len(plan.faces[0].mouth), fps=plan.fps)
    faces = (replace(plan.faces[0], mouth=mouth), *plan.faces[1:])
    return replace(plan, faces=faces, utterances=(utterance, *plan.utterances[1:]))


def talk_latents(plan: TalkPlan) -> dict[str, Any]:
    """JSON-ready truth; `faces` describes every face, the top level repeats the first one.

    Per face: identity, `segments` [[viseme, phone, start_s, stop_s], ...], `mouth_track` (T, 4) at
    the native rate, and, under `faces` only, boxes (T, 4) and true landmarks (T, 5, 2) in pixels.
    """
    faces = []
    for face, utterance, blinks in zip(plan.faces, plan.utterances, plan.blinks, strict=True):
        said = utterance.latents(seconds=plan.seconds) if utterance is not None else []
        faces.append(
            {
                **face.speaker.latents(),
                "silent": utterance is None,
                "segments": said,
                "mouth_track": np.round(face.mouth, 4).tolist(),
                "boxes": np.round(face_boxes(face), 1).tolist(),
                "landmarks": np.round(true_landmarks(face), 2).tolist(),
                "roll_deg": round(float(np.rad2deg(face.roll.mean())), 2),
                "yaw": round(face.yaw, 3),
                "scale": round(float(face.scale.mean()), 4),
                "blinks": [round(time, 3) for time in blinks],
                "lids": np.round(face.lids, 2).tolist(),
            }
        )
    tracks = ("boxes", "landmarks", "lids")
    first = {key: value for key, value in faces[0].items() if key not in tracks}
    return {"seconds": plan.seconds, "fps": plan.fps, **first, "faces": faces}


def draw_blinks(rng: np.random.Generator, *, seconds: float) -> tuple[float, ...]:
    """Times of the blinks' middles: one at a random place in every 1 / BLINK_RATE seconds."""
    gap = 1 / BLINK_RATE
    count = int(np.ceil(seconds / gap))
    times = (np.arange(count) + rng.uniform(0.15, 0.85, count)) * gap
    return tuple(float(time) for time in times if time < seconds)


def lid_track(
    left: Sequence[float], right: Sequence[float] | None = None, *, frames: int, fps: int
) -> np.ndarray:
    """Openness of both eyes for blinks at the given seconds: (T, 2) in 0..1.

    Both eyes blink together unless `right` is given.
    """
    times = (np.arange(frames) + 0.5) / fps
    tracks = []
    for blinks in (left, left if right is None else right):
        lid = np.ones(frames)
        for blink in blinks:
            # every length in the range, repeatable from the time alone: no further draw is needed
            half = (
                BLINK_SECONDS[0] + (BLINK_SECONDS[1] - BLINK_SECONDS[0]) * (blink * 7.3 % 1)
            ) / 2
            lid = np.minimum(lid, np.clip(1.6 * np.abs(times - blink) / half - 0.6, 0, 1))
        tracks.append(lid)
    return np.stack(tracks, axis=1)


def _draw_face(
    rng: np.random.Generator,
    who: Speaker,
    *,
    mouth: np.ndarray,
    lids: np.ndarray,
    fps: int,
    slot: tuple[int, int],
) -> Face:
    """Place and movement of one face: `slot` = (its position, number of faces)."""
    frames, (place, count) = len(mouth), slot
    scale = rng.uniform(*(SCALE if count == 1 else PAIR_SCALE))
    room = np.maximum(0.0, SIZE / 2 - scale * np.array([40.0, 48.0]))
    middle = np.array([SIZE / 2, SIZE / 2 - 2.0])
    if count == 2:
        middle[0] += (place - 0.5) * SIZE / 2
        room[0] = 3.0
    centre = middle + rng.uniform(-0.6, 0.6, 2) * room
    drift = np.stack([_wander(rng, frames, fps, size=1.6 * scale) for _ in range(2)], axis=1)
    pitch = _nod(rng, frames, fps) if rng.random() < NOD_SHARE else np.zeros(frames)
    drift[:, 1] += 4.0 * scale * pitch
    roll = np.deg2rad(rng.uniform(-ROLL, ROLL) + _wander(rng, frames, fps, size=1.0))
    return Face(
        speaker=who,
        centre=centre + drift,
        scale=scale * (1 + _wander(rng, frames, fps, size=0.012)),
        roll=roll,
        pitch=pitch,
        yaw=float(rng.uniform(-1, 1)),
        mouth=mouth,
        lids=lids,
        slide=np.zeros((frames, 2)),
    )


def _wander(rng: np.random.Generator, frames: int, fps: int, *, size: float) -> np.ndarray:
    """A slow random movement of about `size`: three sinusoids between 0.1 and 0.7 Hz, (T,)."""
    times = np.arange(frames)[:, None] / fps
    rates, phases = rng.uniform(0.1, 0.7, 3), rng.uniform(0, 2 * np.pi, 3)
    return size * (np.sin(2 * np.pi * rates * times + phases) * rng.uniform(0.3, 1, 3)).sum(axis=1)


def _nod(rng: np.random.Generator, frames: int, fps: int) -> np.ndarray:
    """One nod of 0.5-0.9 s somewhere in the clip, (T,) in 0..1."""
    times, length = np.arange(frames) / fps, rng.uniform(0.5, 0.9)
    start = rng.uniform(0, max(0.1, frames / fps - length))
    return np.where(
        (times >= start) & (times < start + length),
        np.sin(np.pi * (times - start) / length) ** 2,
        0.0,
    )
