"""mini-UCF: 18 actions = (shape, slow motion programme), in the layout of UCF101.

Knowing the shape leaves three classes, knowing the motion leaves three. All clips of a group `gXX`
of a class share background and camera path, as siblings cut from one source video do, while
texture and colours of the object are each clip's own;
three folds are made of groups 1-7, 8-14 and 15-21, and groups 22-25 are always trained on. In half
of the groups, in train and test alike, the background resembles the class's own scene (scene bias
is part of UCF101).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.data.miniature.action import CELLS, Clutter, Shot, faded, frame_times, shoot
from benchmark.data.miniature.clip import SUITE_SEED, Item, MiniClip, Tier
from benchmark.data.miniature.stage import draw_stage, drift

SET_CODE = 4  # second element of every clip's seed; chosen, one for each set
GROUPS, FOLDS, TEST_GROUPS = 25, 3, 7  # UCF101's official split
PER_CLASS: dict[
    Tier, tuple[int, int]
] = {  # clips in the test groups of one fold, clips always trained on
    "base": (25, 70),  # 25 tested, 145 - 25 = 120 trained on in each fold; chosen
    "small": (7, 19),
    "ci": (1, 2),
}
TEXTURES_FROM = 1_000  # ids below are those of mini-KAV
TAKES = 100  # texture ids reserved for the clips of a group; chosen
SMALL = (6.0, 10.0)  # pixels, radius of a distractor, below any actor's; chosen

CLASSES: dict[str, tuple[str, str]] = dict(
    sorted((shape.capitalize() + motion.capitalize(), (shape, motion)) for shape, motion in CELLS)
)


class MiniUCF:
    """The mini-UCF set; see the module. `difficulty` holds the calibrated scalars."""

    name = "mini-ucf"
    version = 4  # 3: textures of a group, full backgrounds; networks learnt the groups by heart
    title = "Miniature of UCF101: 18 actions of drawn objects"
    difficulty: Mapping[str, float] = {
        "radius_low": 14.0,  # pixels; chosen
        "radius_high": 22.0,
        "distractor": 0.5,  # share of clips with one; chosen
        "drift": 5.0,  # pixels, largest slow excursion of the camera; chosen ("mild")
        "jitter": 1.2,  # pixels, s.d. of the hand-held jitter; chosen
        "scene_bias": 0.5,  # share of groups with the class's scene; chosen
        "scene_weight": 0.6,  # share of the class's scene in such a background; chosen
        "scene_contrast": 0.4,  # what is left of a background's colours; see version 3
    }

    def items(self, tier: Tier) -> Sequence[Item]:
        """Plan every clip: class by class, group by group."""
        planned = []
        for label, (name, (shape, motion)) in enumerate(CLASSES.items()):
            for group, count in enumerate(_group_sizes(label, tier), start=1):
                for take in range(1, count + 1):
                    stem = f"v_{name}_g{group:02d}_c{take:02d}"
                    plan = {
                        "class": label,
                        "shape": shape,
                        "motion": motion,
                        "group": group,
                        "take": take,
                    }
                    seed = (SUITE_SEED, SET_CODE, label, group, take)
                    item = Item(
                        path=f"UCF-101/{name}/{stem}.mp4",
                        split="pool",
                        label=name,
                        group=f"{name}_g{group:02d}",
                        seed=seed,
                        plan=plan,
                    )
                    planned.append(item)
        return planned

    def draw(self, item: Item) -> MiniClip:
        """Draw one clip: the class's object, perhaps a small distractor, on the group's scene."""
        hard = self.difficulty
        source = item.plan["class"] * GROUPS + item.plan["group"]
        texture = TEXTURES_FROM + 2 * (source * TAKES + item.plan["take"])
        group = np.random.default_rng([SUITE_SEED, SET_CODE, 8, source])
        shot = Shot(
            shape=item.plan["shape"],
            motion=item.plan["motion"],
            timbre=item.plan["shape"],
            texture=texture,
            radius=(hard["radius_low"], hard["radius_high"]),
            stage=self._scene(item, source),
            wander=drift(group, frame_times(), reach=hard["drift"]),
            jitter=hard["jitter"],
            clutter=Clutter(share=hard["distractor"], most=1, radius=SMALL),
        )
        filmed = shoot(shot, item)
        latents = {
            "shape": filmed.actor.shape,
            "motion": filmed.actor.motion,
            "actor": filmed.actor.latents(),
            "distractor": filmed.distractors[0].latents() if filmed.distractors else None,
            "scene_biased": self._biased(item),
            "source": source,
            "texture_ids": [texture, texture + 1],
            **filmed.measured(),
        }
        return filmed.clip(latents)

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """Class index and split lists of three folds, CRLF line ends as in the owners' files."""
        folder = "ucfTrainTestlist"
        ids = {name: index for index, name in enumerate(CLASSES, start=1)}
        files = {f"{folder}/classInd.txt": [f"{index} {name}" for name, index in ids.items()]}
        for fold in range(1, FOLDS + 1):
            tested = range(TEST_GROUPS * (fold - 1) + 1, TEST_GROUPS * fold + 1)
            rows = [(item, item.path.removeprefix("UCF-101/")) for item in items]
            files[f"{folder}/trainlist{fold:02d}.txt"] = [
                f"{path} {ids[item.label]}"
                for item, path in rows
                if item.plan["group"] not in tested
            ]
            files[f"{folder}/testlist{fold:02d}.txt"] = [
                path for item, path in rows if item.plan["group"] in tested
            ]
        return {path: "".join(f"{line}\r\n" for line in lines) for path, lines in files.items()}

    def _biased(self, item: Item) -> bool:
        """Whether the group has the class's scene; alternates over groups and classes."""
        turn = (
            item.plan["group"] + item.plan["class"]
        ) % 2  # half of the groups of any fold, give or take one
        return turn < round(2 * self.difficulty["scene_bias"])

    def _scene(self, item: Item, source: int) -> np.ndarray:
        """Background of the group (H', W', 3) float32, wider than the picture."""
        scene = _stage(source)
        mean = scene.mean((0, 1))
        if self._biased(item):
            weight = self.difficulty["scene_weight"]
            other = _stage(10_000 + item.plan["class"])
            other = other[:, ::-1] if source % 3 == 0 else other
            # the class's pattern in the group's own mean colour, which stays a nuisance
            scene = weight * (other - other.mean((0, 1)) + mean) + (1 - weight) * scene
        return faded(scene, self.difficulty["scene_contrast"])


def _stage(scene: int) -> np.ndarray:
    """The still background of a scene id: the same for all clips of a group."""
    return draw_stage(np.random.default_rng([SUITE_SEED, SET_CODE, 9, scene]))


def _group_sizes(label: int, tier: Tier) -> list[int]:
    """Clips in each of the 25 groups of a class; which groups get one more turns with the class.

    Each fold's test groups hold the same number of clips in every class, so train and test counts
    are equal in all folds.
    """
    tested, rest = PER_CLASS[tier]
    sizes = []
    for _ in range(FOLDS):
        sizes += _spread(tested, TEST_GROUPS, label)
    return sizes + _spread(rest, GROUPS - FOLDS * TEST_GROUPS, label)


def _spread(count: int, groups: int, turn: int) -> list[int]:
    """Share `count` clips among `groups` evenly, the larger shares starting at `turn`."""
    return [count // groups + ((g - turn) % groups < count % groups) for g in range(groups)]
