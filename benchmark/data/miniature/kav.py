"""mini-KAV, the pretraining set: talking heads and objects that touch, half and half.

The miniature of the mix of AVSpeech and Kinetics. Sound and picture correspond at two scales: what
is seen tells the timbre, and visemes and impacts tell when. As in the wild, 10 % of the clips carry
an unrelated sound and 10 % a bed of music at -10 dB. Talking heads and activities alternate, and
every block of 20 clips holds the exact shares, so the first n clips are the nested subset of size
n.

Differs from the real set: no labels are withheld, because `gt.jsonl` holds the latents; only the
`supervised` anchor reads them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from benchmark.data.miniature.actors import (
    MOTIONS,
    SHAPES,
    Actor,
    boxes,
    draw_actor,
    draw_hopper,
    draw_programme,
    follow,
    scatter,
)
from benchmark.data.miniature.camera import draw_camera
from benchmark.data.miniature.clip import SUITE_SEED, Item, MiniClip, Tier
from benchmark.data.miniature.face import detector_landmarks
from benchmark.data.miniature.impacts import PEAK, level, music, room, strikes
from benchmark.data.miniature.speaker import PRETRAINING_SPEAKERS
from benchmark.data.miniature.stage import draw_stage, drift, film, shake
from benchmark.data.miniature.talk import draw_talk, plan_talk, render_wave

SET_CODE = 31  # second element of every clip's seed; chosen, one for each set
FPS, SECONDS = 20, 3.2  # chosen
FRAMES = round(FPS * SECONDS)
SIZES: dict[Tier, int] = {"base": 6_000, "small": 1_500, "ci": 96}  # chosen
BLOCK = 20  # clips over which all shares are exact; chosen
TEXTURES = 400  # ids 0-399, never reused by a task; chosen
SILENT = 0.3  # share of second faces that do not speak; chosen
PAIR = 0.5  # share of talk clips with two faces; chosen
SCENE = 0.5  # share of activity clips that are scenes of hopping objects; chosen
ALIKE = 0.5  # share of those in which all objects have one shape, so only timing tells who sounds
MUSIC_DB = -10.0  # chosen
SHORT = 0.05 / 0.09  # hops of .16-.40 s need a decay of 50 ms, not a disc's 90 ms


class MiniKAV:
    """The mini-KAV set; see the module. `difficulty` holds the scalars of the activity clips."""

    name = "mini-kav"
    version = 4  # 1: small triangles; 2: before the encoder was repeatable; 3: no landmarks
    title = "Miniature of K-AV: drawn talking heads and objects that touch"
    difficulty: Mapping[str, float] = {
        "unrelated": 0.1,  # share of clips with another clip's sound; chosen
        "music": 0.1,  # share of clips with a bed of music; chosen
        "drift": 8.0,  # pixels, largest slow excursion of the camera; chosen
        "jitter": 1.2,  # pixels, s.d. of the hand-held jitter; chosen
    }

    def items(self, tier: Tier) -> Sequence[Item]:
        """Plan every clip in the order of the nested subsets; talk and activity alternate."""
        return [self._item(index) for index in range(SIZES[tier])]

    def _item(self, index: int) -> Item:
        """Plan one clip; the shares of its block are dealt by the block's own generator."""
        block, place = divmod(index, BLOCK)
        dealt = _deal(block, (self.difficulty["unrelated"], self.difficulty["music"]))
        flags = {
            key: place in places for key, places in zip(("unrelated", "music"), dealt, strict=True)
        }
        kind = ("talk", "activity")[place % 2]
        speaker = _speaker_order()[index // 2 % len(PRETRAINING_SPEAKERS)]
        return Item(
            path=f"clips/kav{index:06d}.mp4",
            split="pretrain",
            label=kind,
            group=f"kav{index:06d}",
            seed=(SUITE_SEED, SET_CODE, 0, index),
            plan={"kind": kind, "speaker": speaker, **flags},
        )

    def draw(self, item: Item) -> MiniClip:
        """Draw picture and its own sound, then replace or accompany the sound where planned."""
        if item.plan["kind"] == "talk":
            frames, wave, latents, points = _talk(item)
        else:
            frames, wave, latents = self._activity(item)
            points = None
        sound = item.rng(3)
        if item.plan["unrelated"]:
            wave = _unrelated(sound)
        if item.plan["music"]:
            power = np.sqrt(np.mean(wave**2))
            wave = wave + power * 10 ** (MUSIC_DB / 20) * music(sound, seconds=SECONDS)
            wave = wave * min(1.0, PEAK / np.abs(wave).max())
        rng = item.rng(2)
        camera = draw_camera(rng)
        flags = {key: bool(item.plan[key]) for key in ("unrelated", "music")}
        return MiniClip(
            frames=camera.shoot(frames, rng),
            fps=FPS,
            wave=wave.astype(np.float32),
            crf=camera.crf,
            landmarks=points,
            latents={"kind": item.plan["kind"], **flags, **latents, "camera": camera.latents()},
        )

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """`kav_manifest.csv`: source, path, start, end, sha1 of the id; first n rows nest."""
        rows = ["source,path,start,end,sha1"]
        for item in items:
            rank = hashlib.sha1(f"{SUITE_SEED}:{self.name}:{item.group}".encode()).hexdigest()
            rows.append(f"{item.label},{item.path},0.0,{SECONDS},{rank}")
        return {"kav_manifest.csv": "".join(f"{row}\n" for row in rows)}

    def _activity(self, item: Item) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """One to three objects; the first one sounds, drawn in a random order of depth."""
        rng, sound = item.rng(), item.rng(1)
        times = (np.arange(FRAMES) + 0.5) / FPS  # middles of the frames
        actors, variant = _cast(rng)
        jitter, spread = shake(rng, FRAMES, strength=self.difficulty["jitter"])
        path = drift(rng, times, reach=self.difficulty["drift"]) + jitter
        frames = film(draw_stage(rng), path)
        tracks = [follow(actor, times) for actor in actors]
        for place in rng.permutation(len(actors)):
            draw_actor(frames, actors[place], tracks[place], camera=path)
        shorten = SHORT if variant.startswith("scene") else 1.0
        struck = strikes(
            tracks[0].impacts, actors[0].shape, sound, seconds=SECONDS, shorten=shorten
        )
        latents = {
            "variant": variant,
            "shape": actors[0].shape,
            "motion": actors[0].motion,
            "sounding": 0,
            "objects": [
                actor.latents()
                | {"boxes": np.round(boxes(actor, track, path), 1), "impacts": track.impacts}
                for actor, track in zip(actors, tracks, strict=True)
            ],
            "texture_ids": [actor.texture for actor in actors],
            "jitter": spread,
        }
        return frames, level(struck, room(sound, seconds=SECONDS), sound), latents


@lru_cache(maxsize=8)
def _deal(block: int, shares: tuple[float, ...]) -> tuple[frozenset[int], ...]:
    """Places of a block with each flag: the same share of talk and of activity clips."""
    rng = np.random.default_rng([SUITE_SEED, SET_CODE, 1, block])
    pairs = BLOCK // 2  # one talk and one activity clip each
    dealt = []
    for share in shares:
        chosen = [2 * rng.permutation(pairs)[: round(share * pairs)] + kind for kind in (0, 1)]
        dealt.append(frozenset(np.concatenate(chosen).tolist()))
    return tuple(dealt)


@lru_cache(maxsize=1)
def _speaker_order() -> tuple[int, ...]:
    """Pretraining speakers in the order in which they lead talk clips."""
    order = np.random.default_rng([SUITE_SEED, SET_CODE, 2]).permutation(len(PRETRAINING_SPEAKERS))
    return tuple(PRETRAINING_SPEAKERS[int(place)] for place in order)


def _talk(item: Item) -> tuple[np.ndarray, np.ndarray, dict[str, Any], np.ndarray]:
    """One or two faces; `visemes` names the first one's at the middle of every frame.

    The landmarks are the first face's with the error of a detector, as AVSpeech names the place of
    the face that speaks.
    """
    rng = item.rng()
    speakers = [item.plan["speaker"]]
    if rng.random() < PAIR:
        others = [number for number in PRETRAINING_SPEAKERS if number != speakers[0]]
        speakers.append(int(rng.choice(others)))
    silent = [1] if len(speakers) == 2 and rng.random() < SILENT else []
    talk = draw_talk(rng, speakers, seconds=SECONDS, fps=FPS, silent=silent)
    latents = dict(talk.latents)
    faces = latents.pop("faces")
    kept = ("speaker", "silent", "segments", "mouth_track", "boxes")
    latents["faces"] = [{key: face[key] for key in kept if key in face} for face in faces]
    latents["visemes"] = _visemes(latents["segments"])
    return talk.frames, talk.wave, latents, detector_landmarks(talk.landmarks, item.rng(4))


def _visemes(segments: Sequence[Sequence[Any]]) -> list[str]:
    """Name of the viseme at the middle of every frame, "" where nothing is said: (T,)."""
    times = (np.arange(FRAMES) + 0.5) / FPS
    names = [""] * FRAMES
    for viseme, _, start, stop in segments:
        for index in np.flatnonzero((times >= start) & (times < stop)):
            names[index] = viseme
    return names


def _cast(rng: np.random.Generator) -> tuple[list[Actor], str]:
    """Draw the objects of an activity clip, the sounding one first, and the name of the variant."""
    scene = rng.random() < SCENE
    count = int(rng.integers(2, 4)) if scene else int(rng.integers(1, 4))
    textures = [int(number) for number in rng.choice(TEXTURES, count, replace=False)]
    if not scene:
        radius = (9.0, 22.0) if count == 1 else (9.0, 15.0)  # both UCF's and HMDB's sizes
        actors = [
            draw_programme(
                rng,
                shape=str(rng.choice(SHAPES)),
                motion=str(rng.choice(MOTIONS)),
                texture=texture,
                radius=radius,
            )
            for texture in textures
        ]
        return actors, "programme"
    alike = rng.random() < ALIKE
    shapes = [str(rng.choice(SHAPES))] * count
    if not alike:
        shapes = [str(shape) for shape in rng.choice(SHAPES, count, replace=False)]
    actors = [
        draw_hopper(rng, shape=shape, texture=texture, radius=rng.uniform(11.0, 15.0), place=place)
        for shape, texture, place in zip(shapes, textures, scatter(rng, count), strict=True)
    ]
    return actors, "scene-sync" if alike else "scene-semantic"


def _unrelated(rng: np.random.Generator) -> np.ndarray:
    """The sound of a clip nobody sees, speech or strikes: (N,) float32."""
    if rng.random() < 0.5:
        number = int(rng.choice(PRETRAINING_SPEAKERS))
        return render_wave(plan_talk(rng, number, seconds=SECONDS, fps=FPS))
    actors, variant = _cast(rng)
    track = follow(actors[0], (np.arange(FRAMES) + 0.5) / FPS)
    shorten = SHORT if variant.startswith("scene") else 1.0
    struck = strikes(track.impacts, actors[0].shape, rng, seconds=SECONDS, shorten=shorten)
    return level(struck, room(rng, seconds=SECONDS), rng)
