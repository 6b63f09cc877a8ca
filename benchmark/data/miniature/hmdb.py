"""mini-HMDB: the actions of mini-UCF, smaller, cluttered and filmed by hand, laid out as HMDB51.

Classes, shapes and slow motions are those of mini-UCF. What is harder: objects of 9-15 pixels, up
to two distractors, a camera that wanders as far as the objects move, fewer clips, and no scene that
goes with a class. All clips of one film share background and camera path, as HMDB51's clips of one
film do, and a film lies on one side of a split.

A class has five blocks of films. Split k tests block k, leaves block k + 2 unused and trains on the
other three, so every clip is used in some split. Names carry the characters that the owners' names
have; a reader that passes them through a shell, a glob or a `;` list fails here and not only there.

Scratch window 12-40 % (chosen): not yet measured with the harness's backbones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.data.miniature.action import CELLS, Clutter, Shot, faded, frame_times, shoot
from benchmark.data.miniature.clip import SUITE_SEED, Item, MiniClip, Tier
from benchmark.data.miniature.stage import draw_stage, drift

SET_CODE = 41  # second element of every clip's seed; chosen, one for each set
SPLITS, BLOCKS = 3, 5  # official splits; blocks: one tested, one unused, three trained on; chosen
UNUSED, TRAIN, TEST = 0, 1, 2  # flags of the owners' lists
PER_CLASS: dict[Tier, tuple[int, int]] = {  # films of one block of a class, clips of one film
    "base": (5, 4),  # 60 trained on, 20 tested in each split; chosen
    "small": (5, 1),
    "ci": (1, 1),
}
TEXTURES_FROM = 200_000  # ids below are those of mini-KAV and mini-UCF
FILMS, TAKES, IDS = 25, 10, 3  # room for texture ids: films of a class, clips of a film, of a clip
# every character of the owners' names that is no letter: ! # & ( ) + ; @ [ ] ~
TITLES = (
    "Reel!",
    "Cut#",
    "Day&Night_",
    "Home_(b)_",
    "One+One_",
    "First;",
    "at@Sea_",
    "[Old]_",
    "~",
)
ABOUT = (
    "f_cm_np1_fr_med"  # body in full, camera moves, one actor, front, quality; the owners' codes
)
FOLDER = "testTrainMulti_7030_splits"

CLASSES: dict[str, tuple[str, str]] = dict(
    sorted((f"{shape}_{motion}", (shape, motion)) for shape, motion in CELLS)
)


class MiniHMDB:
    """The mini-HMDB set; see the module. `difficulty` holds the scalars of the specification."""

    name = "mini-hmdb51"
    version = 1
    title = "Miniature of HMDB51: 18 actions of small drawn objects, filmed by hand"
    difficulty: Mapping[str, float] = {
        "radius_low": 9.0,  # pixels; chosen
        "radius_high": 15.0,
        "distractor": 0.5,  # chance of each of at most two; chosen
        "distractors": 2,
        "distractor_low": 4.0,  # pixels; chosen, in proportion to mini-UCF's: below any actor's
        "distractor_high": 6.4,
        "drift": 15.0,  # pixels, largest slow excursion of the camera; chosen ("strong")
        "jitter": 1.8,  # pixels, s.d. of the hand-held jitter; chosen, 1.5 times mini-UCF's
        "scene_contrast": 0.4,  # as in mini-UCF, whose full backgrounds were learnt by heart
    }

    def items(self, tier: Tier) -> Sequence[Item]:
        """Plan every clip: class by class, film by film."""
        films, takes = PER_CLASS[tier]
        return [
            _item(label, block * films + film, take=take, block=block)
            for label in range(len(CLASSES))
            for block in range(BLOCKS)
            for film in range(films)
            for take in range(takes)
        ]

    def draw(self, item: Item) -> MiniClip:
        """Draw one clip: the class's object among small distractors, on the film's scene."""
        hard = self.difficulty
        source = item.plan["class"] * FILMS + item.plan["film"]
        texture = TEXTURES_FROM + IDS * (source * TAKES + item.plan["take"])
        film = np.random.default_rng([SUITE_SEED, SET_CODE, 8, source])
        scene = draw_stage(np.random.default_rng([SUITE_SEED, SET_CODE, 9, source]))
        shot = Shot(
            shape=item.plan["shape"],
            motion=item.plan["motion"],
            timbre=item.plan["shape"],
            texture=texture,
            radius=(hard["radius_low"], hard["radius_high"]),
            stage=faded(scene, hard["scene_contrast"]),
            wander=drift(film, frame_times(), reach=hard["drift"]),
            jitter=hard["jitter"],
            clutter=Clutter(
                share=hard["distractor"],
                most=int(hard["distractors"]),
                radius=(hard["distractor_low"], hard["distractor_high"]),
            ),
        )
        filmed = shoot(shot, item)
        latents = {
            "shape": filmed.actor.shape,
            "motion": filmed.actor.motion,
            "actor": filmed.actor.latents(),
            "distractors": [other.latents() for other in filmed.distractors],
            "source": source,
            "flags": [_flag(item.plan["block"], split) for split in range(1, SPLITS + 1)],
            "texture_ids": [texture + number for number in range(IDS)],
            "camera_path": filmed.path,
            **filmed.measured(),
        }
        return filmed.clip(latents)

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """One list a class and split, `<file name> <flag>` a line, as the owners write them."""
        files: dict[str, list[str]] = {}
        for item in items:
            name = item.path.split("/")[-1]
            for split in range(1, SPLITS + 1):
                lines = files.setdefault(f"{FOLDER}/{item.label}_test_split{split}.txt", [])
                lines.append(f"{name} {_flag(item.plan['block'], split)}\n")
        return {path: "".join(lines) for path, lines in files.items()}


def _item(label: int, film: int, *, take: int, block: int) -> Item:
    """Plan one clip; its name is `<film>_<class>_<codes>_<take>`, the film's name is its group."""
    name = list(CLASSES)[label]
    shape, motion = CLASSES[name]
    title = f"{TITLES[(label + film) % len(TITLES)]}{label:02d}{film:02d}"
    plan = {"class": label, "shape": shape, "motion": motion}
    return Item(
        path=f"videos/{name}/{title}_{name}_{ABOUT}_{take}.mp4",
        split="pool",
        label=name,
        group=title,
        seed=(SUITE_SEED, SET_CODE, label, film, take),
        plan={**plan, "film": film, "take": take, "block": block},
    )


def _flag(block: int, split: int) -> int:
    """What a split (from 1) does with a block (from 0) of films: UNUSED, TRAIN or TEST."""
    return {split - 1: TEST, split + 1: UNUSED}.get(block, TRAIN)
