"""Tiny sets for the tests of the builder and the audit: a few plain clips, drawn in a moment."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from benchmark.data.miniature.clip import SUITE_SEED, Item, MiniClip
from benchmark.data.miniature.dfdc import MiniDFDC
from benchmark.data.miniature.kav import MiniKAV
from benchmark.data.miniature.lrs2 import MiniLRS2
from benchmark.data.miniature.lrw import MiniLRW

HERE = __name__  # workers find it by the search path they inherit
TOYS = {"toy": f"{HERE}:Toy", "toy-twice": f"{HERE}:Twice", "toy-breaks": f"{HERE}:Breaks"}


class Toy:
    """Six clips of half a second with landmarks, a sidecar and a list."""

    name = "toy"
    version = 3
    title = "Toy"
    difficulty: ClassVar[dict[str, float]] = {"noise": 2.0}
    drawn: ClassVar[list[str]] = []  # paths, in the order of drawing, for tests in one process

    def items(self, tier):
        return [self._item(index) for index in range({"ci": 6, "small": 12, "base": 24}[tier])]

    def _item(self, index):
        return Item(
            path=f"clips/{'ab'[index % 2]}/{index:03d}.mp4",
            split=("train", "test")[index % 2],
            label="ab"[index // 2 % 2],
            group=f"g{index}",
            seed=(SUITE_SEED, 9000, index),
            plan={"index": index},
        )

    def draw(self, item):
        Toy.drawn.append(item.path)
        rng = item.rng()
        return MiniClip(
            frames=rng.integers(60, 90, (5, 32, 32, 3)).astype(np.uint8),
            fps=10,
            wave=rng.uniform(-0.1, 0.1, 8000).astype(np.float32),
            crf=25,
            latents={"numbers": np.arange(3), "level": np.float32(0.5), "flag": np.bool_(True)},
            landmarks=np.ones((5, 5, 2)),
            sidecars={item.path.replace(".mp4", ".txt"): "Duration: 0.5\n"},
        )

    def lists(self, items):
        return {"lists/all.txt": "".join(f"{item.path}\r\n" for item in items)}


class Twice(Toy):
    """Plans one path twice."""

    def items(self, tier):
        return [self._item(0), self._item(0)]


class Breaks(Toy):
    """Fails at the fourth clip, as a process that is killed would leave it."""

    def draw(self, item):
        if item.plan["index"] == 3:
            raise KeyboardInterrupt
        return super().draw(item)


class Leaky(Toy):
    """One label is brighter and louder, and a test clip copies a training clip."""

    name = "leaky"
    title = "Leaky"

    def items(self, tier):
        return [self._item(index) for index in range(120)]

    def draw(self, item):
        index = 0 if item.plan["index"] == 1 else item.plan["index"]
        rng = np.random.default_rng([5, index])
        still = rng.integers(0, 60, (1, 32, 32, 3)) + 40 * (item.label == "b")
        frames = np.repeat(still, 5, axis=0) + rng.integers(0, 8, (5, 32, 32, 3))
        wave = (0.2 if item.label == "b" else 0.1) * rng.standard_normal(8000).clip(-3, 3)
        return MiniClip(
            frames=frames.astype(np.uint8), fps=10, wave=wave.astype(np.float32), crf=25, latents={}
        )


LEAKY = {"leaky": f"{HERE}:Leaky"}


class FewKAV(MiniKAV):
    """One block, in which all shares are exact."""

    def items(self, tier):
        return super().items(tier)[:20]


class FewLRW(MiniLRW):
    """One clip of each word in each split."""

    def items(self, tier):
        return [item for item in super().items(tier) if item.path.endswith("_00001.mp4")]


class FewLRS2(MiniLRS2):
    """Three clips of each list."""

    def items(self, tier):
        planned = super().items(tier)
        lists = ("train", "val", "test", "pretrain")
        return [i for s in lists for i in [i for i in planned if i.plan["list"] == s][:3]]


class FewDFDC(MiniDFDC):
    """Three pairs of each split."""

    def items(self, tier):
        planned = super().items(tier)
        splits = ("train", "val", "test")
        return [i for s in splits for i in [i for i in planned if i.split == s][:6]]


FEW = {
    "mini-kav": f"{HERE}:FewKAV",
    "mini-lrw": f"{HERE}:FewLRW",
    "mini-lrs2": f"{HERE}:FewLRS2",
    "mini-dfdc": f"{HERE}:FewDFDC",
}
