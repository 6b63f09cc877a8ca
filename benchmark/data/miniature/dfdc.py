"""mini-dfdc: real and manipulated talking heads, every fake beside its original.

Layout of the DFDC full set (Dolhansky et al. 2020): `dfdc_train_part_NN/` with `metadata.json` and
ten-letter names, plus split lists of the form used by Chugh et al. 2020 (`<name>.<part>`):
`chugh_train.txt` and `chugh_val.txt` name fakes only (reals are their originals), `chugh_test.txt`
names both kinds. Differs: drawn speakers, 3.2 s, 112 px, and one fake per original.

Manipulations: F1 the sound of another utterance of the same speaker; F2 the sound shifted by
0.2-0.5 s; F3 the mouth of another utterance blended in; F4 skin texture that slides over the face,
or eyes that blink one after the other. F1 and F2 cannot be seen, so a video-only oracle reaches an
AUC of 0.70 + 0.30 / 2 = 0.85.

What would give fakes away without looking at the face is drawn alike for both kinds: each file is
rendered from raw frames and encoded once, with its own blur, noise and encoder quality; the splice
is made before light and noise.

Measured with version 1 before encoding, 400 training videos, 5 folds by speaker, logistic
regression and boosting: eight global statistics (brightness, sharpness, motion, loudness) reach
an AUC of 0.50 and 0.48; eleven statistics of the true mouth and eye regions 0.65 and 0.64 (F3
alone 0.85 and 0.83).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmark.data.miniature import forgery
from benchmark.data.miniature.camera import draw_camera
from benchmark.data.miniature.clip import SUITE_SEED, Item, MiniClip, Tier
from benchmark.data.miniature.face import detector_landmarks, true_landmarks
from benchmark.data.miniature.speaker import TASK_SPEAKERS
from benchmark.data.miniature.talk import plan_talk, render_frames, render_wave, talk_latents

SET_CODE = 53  # second element of every seed of this set; chosen
SPLITS = ("train", "val", "test")
SIZES = {"base": (600, 200, 600), "small": (240, 80, 240), "ci": (24, 8, 24)}  # videos; specified
SECONDS, FPS = 3.2, 20  # specified
PARTS = 4  # folders over which originals (with their fakes) are dealt; chosen
BLUR = (0.05, 0.9)  # pixels, whole frame, both kinds; specified
# manipulations in every 20 pairs: 15 % F1, 15 % F2, 40 % F3, 15 % + 15 % F4; specified shares
BLOCK = ("F1",) * 3 + ("F2",) * 3 + ("F3",) * 8 + ("F4-texture",) * 3 + ("F4-blink",) * 3


class MiniDFDC:
    """Forged talking heads; implements clip.MiniSet."""

    name = "mini-dfdc"
    version = 3  # 1: before the encoder was repeatable; 2: finer splices, smaller slides
    title = "Miniature of DFDC (Chugh subset): drawn talking heads, four manipulations"
    difficulty: Mapping[str, float] = {
        "blur_max_px": BLUR[1],
        "splice_resolution_min": forgery.RESOLUTION[0],
        "splice_gain_sd": forgery.GAIN_SD,
        "shift_min_seconds": forgery.SHIFT[0],
        "slide_units": forgery.SLIDE[0],
    }

    def items(self, tier: Tier) -> Sequence[Item]:
        """Split by split, pair by pair, real before fake; smaller tiers are prefixes."""
        planned = []
        for code, (split, count) in enumerate(zip(SPLITS, SIZES[tier], strict=True)):
            pairs = count // 2
            kinds = _manipulations(code, pairs)
            speakers = _speakers(split, code=code, pairs=pairs)
            for pair in range(pairs):
                planned += _pair(
                    split, code=code, pair=pair, number=speakers[pair], manipulation=kinds[pair]
                )
        return planned

    def draw(self, item: Item) -> MiniClip:
        """Draw one video.

        Random streams: 0 of the original: scene and light; own 1: forgery, 2: camera, 3: landmarks.
        """
        scene_rng = np.random.default_rng([*item.plan["scene_seed"], 0])
        plan = plan_talk(scene_rng, item.plan["speaker"], seconds=SECONDS, fps=FPS)
        light = draw_camera(scene_rng)
        kind = item.plan["manipulation"]
        forged = forgery.forge(plan, kind, item.rng(1))
        frames = render_frames(forged.plan)
        if forged.splice is not None:
            frames = forgery.splice(frames, forged.plan, forged.splice)
        rng = item.rng(2)
        camera = replace(draw_camera(rng, blur=BLUR), gain=light.gain, slope=light.slope)
        latents = {
            "label": item.label,
            "manipulation": kind,
            "original": item.plan["original"],
            "forgery": forged.latents,
            **talk_latents(forged.seen),
            "heard_segments": forgery.said(forged.heard).latents(seconds=SECONDS),
            "camera": camera.latents(),
        }
        return MiniClip(
            frames=camera.shoot(frames, rng),
            fps=FPS,
            wave=render_wave(forged.heard),
            crf=camera.crf,
            latents=latents,
            landmarks=detector_landmarks(true_landmarks(forged.seen.faces[0]), item.rng(3)),
        )

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """`metadata.json` of every part and the three lists in Chugh form."""
        metadata: dict[str, dict[str, dict[str, str]]] = {}
        chugh: dict[str, list[str]] = {split: [] for split in SPLITS}
        for item in items:
            part, name = item.path.split("/")
            entry = {"label": item.label, "split": "train"}  # the owners' parts all say train
            if item.label == "FAKE":
                entry["original"] = item.plan["original"]
            metadata.setdefault(part, {})[name] = entry
            if item.label == "FAKE" or item.split == "test":
                chugh[item.split].append(f"{name.removesuffix('.mp4')}.{part}")
        out = {
            f"{part}/metadata.json": json.dumps(dict(sorted(rows.items())), indent=1) + "\n"
            for part, rows in sorted(metadata.items())
        }
        for split, rows in chugh.items():
            out[f"chugh_{split}.txt"] = "".join(f"{row}\n" for row in sorted(rows))
        return out


def _pair(split: str, *, code: int, pair: int, number: int, manipulation: str) -> list[Item]:
    """A real video and its fake, in the same part, with the same scene."""
    part = f"dfdc_train_part_{pair % PARTS:02d}"
    real, fake = (f"{_name(code, 2 * pair + kind)}.mp4" for kind in (0, 1))
    scene = [SUITE_SEED, SET_CODE, code, 2 * pair]
    return [
        Item(
            path=f"{part}/{name}",
            split=split,
            label=label,
            group=f"speaker_{number:04d}",
            seed=(SUITE_SEED, SET_CODE, code, 2 * pair + kind),
            plan={
                "speaker": number,
                "manipulation": what,
                "original": original,
                "scene_seed": scene,
            },
        )
        for kind, (name, label, what, original) in enumerate(
            ((real, "REAL", "none", None), (fake, "FAKE", manipulation, real))
        )
    ]


def _name(code: int, index: int) -> str:
    """Ten random letters; with 26**10 names and 1,400 videos a repeat is a one in 10**8 event."""
    rng = np.random.default_rng([SUITE_SEED, SET_CODE, code, index, 1])
    return "".join(chr(ord("a") + int(letter)) for letter in rng.integers(0, 26, 10))


def _manipulations(code: int, pairs: int) -> list[str]:
    """Exact shares in every block of 20 pairs, in an order of the block's own."""
    rng = np.random.default_rng([SUITE_SEED, SET_CODE, code, 2**20, 2])
    blocks = -(-pairs // len(BLOCK))
    return [BLOCK[i] for _ in range(blocks) for i in rng.permutation(len(BLOCK))][:pairs]


def _speakers(split: str, *, code: int, pairs: int) -> list[int]:
    """Each speaker equally often up to one, in shuffled rounds."""
    rng = np.random.default_rng([SUITE_SEED, SET_CODE, code, 2**20, 3])
    pool = np.array(TASK_SPEAKERS[split])
    rounds = -(-pairs // len(pool))
    return [int(number) for _ in range(rounds) for number in rng.permutation(pool)][:pairs]
