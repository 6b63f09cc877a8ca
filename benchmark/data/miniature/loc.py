"""mini-loc: two to four hopping objects of which one or two are heard; where is the sound?

The miniature of VGG-SS, in its layout: `vggss.json` names the boxes of what sounds in the middle
frame. All objects hop by one law (gaps of .16-.40 s) and are drawn by one law of size, place and
texture, so that neither shows which one is heard. Two variants, told apart by the class:

    semantic   every object has a shape of its own, and the timbre is that of the one that sounds
    sync       all objects have one shape; only the times of the impacts tell which is heard

Every fourth round of the clips with three or four objects has two that sound. Boxes take 4-20 % of
the frame. There is a test part alone.

Differs from the specification: in the semantic variant times tell too, as they do in the wild.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.data.miniature.actors import (
    SHAPES,
    Actor,
    Track,
    boxes,
    draw_actor,
    draw_hopper,
    follow,
    scatter,
)
from benchmark.data.miniature.camera import draw_camera
from benchmark.data.miniature.clip import SIZE, SUITE_SEED, Item, MiniClip, Tier
from benchmark.data.miniature.impacts import level, room, strikes
from benchmark.data.miniature.kav import SHORT
from benchmark.data.miniature.stage import draw_stage, drift, film, shake

SET_CODE = 45  # second element of every clip's seed; chosen, one for each set
FPS, SECONDS = 20, 3.2  # chosen
FRAMES = round(FPS * SECONDS)
MIDDLE = FRAMES // 2  # the frame of the boxes
VARIANTS = ("semantic", "sync")
PER_VARIANT: dict[Tier, int] = {"base": 600, "small": 120, "ci": 12}  # chosen
COUNTS = (2, 3, 4)  # objects; chosen
ROUND = len(SHAPES) * len(COUNTS)  # clips after which every shape was heard among every count
AREA = (0.04, 0.20)  # of a box, share of the frame; chosen
TEXTURES_FROM = 600_000  # ids below are those of the other sets
ID_LENGTH = 11  # characters of a YouTube id


@dataclass(frozen=True)
class Scene:
    """What a clip shows before it is drawn: objects, the sounding ones first; camera (T, 2)."""

    actors: tuple[Actor, ...]
    tracks: tuple[Track, ...]
    sounding: int
    path: np.ndarray
    jitter: float

    def boxes(self) -> list[np.ndarray]:
        """Box of each object on the picture, (T, 4) pixels."""
        pairs = zip(self.actors, self.tracks, strict=True)
        return [boxes(actor, track, self.path) for actor, track in pairs]


class MiniLoc:
    """The mini-loc set; see the module. `difficulty` holds its scalars."""

    name = "mini-loc"
    version = 1
    title = "Miniature of VGG-SS: hopping objects, some of which are heard"
    difficulty: Mapping[str, float] = {
        "radius_low": 12.0,  # pixels; chosen for boxes of AREA
        "radius_high": 18.0,
        "apart": 32.0,  # pixels between places, so that boxes seldom meet; chosen
        "drift": 5.0,  # pixels, largest slow excursion of the camera; chosen
        "jitter": 1.2,  # pixels, s.d. of the hand-held jitter; chosen
    }

    def items(self, tier: Tier) -> Sequence[Item]:
        """Plan every clip, variant by variant; a smaller tier is the beginning of a larger one."""
        return [
            _item(code, index)
            for code in range(len(VARIANTS))
            for index in range(PER_VARIANT[tier])
        ]

    def draw(self, item: Item) -> MiniClip:
        """Draw one clip: the stage, the objects in any order of depth, and what is heard."""
        scene, own, sound = self._scene(item), item.rng(1), item.rng(2)
        frames = film(draw_stage(own), scene.path)
        for place in own.permutation(len(scene.actors)):
            draw_actor(frames, scene.actors[place], scene.tracks[place], camera=scene.path)
        heard = zip(scene.actors[: scene.sounding], scene.tracks, strict=False)
        struck = sum(
            strikes(track.impacts, actor.shape, sound, seconds=SECONDS, shorten=SHORT)
            for actor, track in heard
        )
        wave = level(np.asarray(struck), room(sound, seconds=SECONDS), sound)
        rng = item.rng(3)
        camera = draw_camera(rng)
        objects = [
            actor.latents()
            | {"boxes": np.round(box, 1), "impacts": track.impacts, "sounding": i < scene.sounding}
            for i, (actor, track, box) in enumerate(
                zip(scene.actors, scene.tracks, scene.boxes(), strict=True)
            )
        ]
        return MiniClip(
            frames=camera.shoot(frames, rng),
            fps=FPS,
            wave=wave,
            crf=camera.crf,
            latents={
                "variant": item.plan["variant"],
                "shape": item.plan["shape"],
                "sounding": list(range(scene.sounding)),
                "middle": MIDDLE,
                "objects": objects,
                "texture_ids": [actor.texture for actor in scene.actors],
                "jitter": scene.jitter,
                "camera": camera.latents(),
            },
        )

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """`vggss.json`: boxes of the sounding objects in the middle frame, fractions of it."""
        rows = []
        for item in items:
            scene = self._scene(item)
            found = [np.round(box[MIDDLE] / SIZE, 5).tolist() for box in scene.boxes()]
            name = item.path.removeprefix("video/").removesuffix(".mp4")
            rows.append({"file": name, "class": item.label, "bbox": found[: scene.sounding]})
        return {"vggss.json": json.dumps(rows, indent=1) + "\n"}

    def _scene(self, item: Item) -> Scene:
        return plan_scene(item, self.difficulty)


def _item(code: int, index: int) -> Item:
    """Plan one clip; shapes and counts take turns, names are invented ids and times."""
    variant, shape = VARIANTS[code], SHAPES[index % len(SHAPES)]
    count = COUNTS[index // len(SHAPES) % len(COUNTS)]
    digest = hashlib.sha1(f"{MiniLoc.name}:{variant}:{index}".encode()).digest()
    video = base64.urlsafe_b64encode(digest).decode()[:ID_LENGTH]
    start = int(np.random.default_rng([SUITE_SEED, SET_CODE, 9, code, index]).integers(0, 300))
    return Item(
        path=f"video/{video}_{start:06d}.mp4",
        split="test",
        label=f"{variant}: {shape}",
        group=video,
        seed=(SUITE_SEED, SET_CODE, code, index),
        plan={
            "variant": variant,
            "shape": shape,
            "count": count,
            "sounding": 2 if count > 2 and index // ROUND % 4 == 3 else 1,
            "texture": TEXTURES_FROM + (code * PER_VARIANT["base"] + index) * max(COUNTS),
        },
    )


def plan_scene(item: Item, hard: Mapping[str, float]) -> Scene:
    """Draw objects until every box of the middle frame has a size of AREA."""
    rng, plan = item.rng(), item.plan
    times = (np.arange(FRAMES) + 0.5) / FPS  # middles of the frames
    jitter, spread = shake(rng, FRAMES, strength=hard["jitter"])
    path = drift(rng, times, reach=hard["drift"]) + jitter
    shapes = [plan["shape"]] * plan["count"]
    if plan["variant"] == "semantic":
        others = [shape for shape in SHAPES if shape != plan["shape"]]
        shapes[1:] = [str(shape) for shape in rng.choice(others, plan["count"] - 1, replace=False)]
    while True:
        actors = tuple(
            draw_hopper(
                rng,
                shape=shape,
                texture=plan["texture"] + number,
                radius=rng.uniform(hard["radius_low"], hard["radius_high"]),
                place=place,
            )
            for number, (shape, place) in enumerate(
                zip(shapes, scatter(rng, plan["count"], apart=hard["apart"]), strict=True)
            )
        )
        tracks = tuple(follow(actor, times) for actor in actors)
        scene = Scene(actors, tracks, plan["sounding"], path, spread)
        areas = [area(box[MIDDLE]) for box in scene.boxes()]
        if AREA[0] <= min(areas) and max(areas) <= AREA[1]:
            return scene


def area(box: np.ndarray) -> float:
    """Share of the frame that a box of pixels takes."""
    return float((box[2] - box[0]) * (box[3] - box[1])) / SIZE**2
