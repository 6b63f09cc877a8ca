"""mini-fingerprint: clips of which each must be told from all others, in VGGSound's layout.

Clips are drawn as those of mini-Kinetics-Sound are, whose 12 classes are what VGGSound's are here:
within a class all look and sound alike but for scene, camera path, textures, pitch and what else is
struck, so that a search that knows the class alone finds its clip once in some forty times. All are
listed as test: there is nothing to train. `video/<id>_<start>.mp4`, `vggsound.csv` without header.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.data.miniature.clip import SUITE_SEED, Item, MiniClip, Tier
from benchmark.data.miniature.ks import CLASSES, CLIPS, ID_LENGTH, SPLITS, MiniKS

SET_CODE = 81  # second element of every clip's seed; chosen, one for each set
SIZES: dict[Tier, int] = {"base": 500, "small": 60, "ci": 12}  # chosen
FIRST = len(SPLITS) * len(CLASSES) * CLIPS  # numbers below, and their textures, are mini-KS's


class MiniFingerprint:
    """The mini-fingerprint set; see the module. `difficulty` is that of mini-Kinetics-Sound."""

    name = "mini-fingerprint"
    version = 1
    title = "Miniature of VGGSound for fingerprinting: clips alike within 12 classes"
    difficulty = MiniKS.difficulty

    def items(self, tier: Tier) -> Sequence[Item]:
        """Plan every clip; classes take turns."""
        return [_item(index) for index in range(SIZES[tier])]

    def draw(self, item: Item) -> MiniClip:
        """Draw one clip of its class, with seed and textures of its own."""
        return MiniKS().draw(item)

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """`vggsound.csv`: youtube id, start, label, split."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for item in items:
            writer.writerow([item.group, item.plan["start"], item.label, item.split])
        return {"vggsound.csv": text.getvalue()}


def _item(index: int) -> Item:
    digest = hashlib.sha1(f"{MiniFingerprint.name}:{index}".encode()).digest()
    video = base64.urlsafe_b64encode(digest).decode()[:ID_LENGTH]
    start = int(np.random.default_rng([SUITE_SEED, SET_CODE, 9, index]).integers(0, 300))
    return Item(
        path=f"video/{video}_{start:06d}.mp4",
        split="test",
        label=list(CLASSES)[index % len(CLASSES)],
        group=video,
        seed=(SUITE_SEED, SET_CODE, 0, index),
        plan={"number": FIRST + index, "start": start},
    )
