"""Who talks: a speaker is one number, from which the look and the voice are drawn.

Look and voice share one hidden size (large heads speak low), so a face tells something about its
voice. Speakers are told apart by number only: 0-99 are the task speakers (0-69 train, 70-79 val,
80-99 test, shared by the word and the forgery set), 1000-1199 pretrain and never appear in a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from benchmark.data.miniature.clip import SUITE_SEED

SPEAKER_CODE = 7001  # second element of every speaker's seed, apart from the set codes; chosen
TASK_SPEAKERS = {"train": range(0, 70), "val": range(70, 80), "test": range(80, 100)}
PRETRAINING_SPEAKERS = range(1000, 1200)
F0 = (95.0, 250.0)  # Hz; specified range
TRACT = (0.87, 1.15)  # factor on every formant; specified range
RATE = (0.7, 1.4)  # factor on every duration; specified range
GLASSES, BEARD = 0.3, 0.3  # shares; specified

SKINS = (
    (244, 208, 177),
    (231, 188, 148),
    (205, 151, 112),
    (168, 116, 82),
    (122, 80, 56),
    (88, 57, 42),
)
HAIRS = (
    (28, 22, 20),
    (60, 38, 24),
    (104, 66, 38),
    (168, 120, 66),
    (214, 180, 120),
    (150, 148, 146),
    (140, 52, 28),
)
HAIR_STYLES = ("short", "long", "bald", "bun")

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """One identity.

    Lengths in face units: one unit is one pixel when the face has scale 1 (head about 86 high).
    """

    number: int
    head: tuple[float, float]  # half width, half height
    jaw: float  # how much the lower face narrows, 0..1
    skin: Colour
    hair: Colour
    hair_style: str
    eye: tuple[float, float, float, float]  # x of the middle, y, half width, half height
    iris: Colour
    brow: tuple[float, float, float]  # height over the eye, tilt, thickness
    nose: tuple[float, float]  # y of the tip, half width
    mouth_y: float
    mouth_scale: float
    lip: Colour
    lip_thickness: float
    glasses: Colour | None
    beard: float  # 0 none .. 1 full
    cloth: Colour
    texture_strength: float
    moles: int
    f0: float  # Hz
    tract: float
    rate: float
    vibrato: tuple[float, float]  # Hz, depth as a fraction
    breath: float  # share of noise in voiced sounds

    def latents(self) -> dict[str, float | int | str | bool]:
        """What audits need to know about an identity, JSON-ready."""
        return {
            "speaker": self.number,
            "f0": round(self.f0, 2),
            "tract": round(self.tract, 4),
            "rate": round(self.rate, 4),
            "hair_style": self.hair_style,
            "glasses": self.glasses is not None,
            "beard": self.beard > 0,
        }


@lru_cache(maxsize=512)
def speaker(number: int) -> Speaker:
    """The speaker of that number; the same in every set and every process."""
    rng = np.random.default_rng([SUITE_SEED, SPEAKER_CODE, number])
    size = rng.random()  # 0 small and high-pitched .. 1 large and low-pitched
    skin = _tint(rng, SKINS[int(rng.integers(len(SKINS)))], spread=8)
    hair = _tint(rng, HAIRS[int(rng.integers(len(HAIRS)))], spread=10)
    glasses = _tint(rng, (45, 40, 45), spread=35) if rng.random() < GLASSES else None
    beard = rng.uniform(0.5, 1.0) if rng.random() < BEARD else 0.0
    return Speaker(
        number=number,
        head=(30 + 6 * size + rng.uniform(-1.5, 1.5), 39 + 5 * size + rng.uniform(-2, 2)),
        jaw=rng.uniform(0.05, 0.3),
        skin=skin,
        hair=hair,
        hair_style=HAIR_STYLES[int(rng.integers(len(HAIR_STYLES)))],
        eye=(
            rng.uniform(12.5, 15),
            rng.uniform(-9, -6),
            rng.uniform(5.5, 7.2),
            rng.uniform(2.8, 4.2),
        ),
        iris=_tint(
            rng, ((60, 40, 25), (60, 95, 130), (70, 100, 60))[int(rng.integers(3))], spread=12
        ),
        brow=(rng.uniform(6, 9), rng.uniform(-0.2, 0.2), rng.uniform(1.2, 3.0)),
        nose=(rng.uniform(5, 9), rng.uniform(3.5, 6.5)),
        mouth_y=rng.uniform(20.5, 23.5),
        mouth_scale=rng.uniform(0.9, 1.12),
        lip=_lip(rng, skin),
        lip_thickness=rng.uniform(0.75, 1.3),
        glasses=glasses,
        beard=beard,
        cloth=_tint(rng, tuple(rng.uniform(30, 210, 3)), spread=5),
        texture_strength=rng.uniform(0.04, 0.08),
        moles=int(rng.integers(2, 12)),
        f0=float(
            F0[0] * (F0[1] / F0[0]) ** np.clip(0.85 * (1 - size) + rng.uniform(0, 0.15), 0, 1)
        ),
        tract=float(
            TRACT[0] + (TRACT[1] - TRACT[0]) * np.clip(0.8 * (1 - size) + rng.uniform(0, 0.2), 0, 1)
        ),
        rate=float(np.exp(rng.uniform(np.log(RATE[0]), np.log(RATE[1])))),
        vibrato=(rng.uniform(4, 6.5), rng.uniform(0.005, 0.03)),
        breath=rng.uniform(0.02, 0.12),
    )


def texture_rng(number: int) -> np.random.Generator:
    """Generator of a speaker's skin texture, apart from the one that draws the identity."""
    return np.random.default_rng([SUITE_SEED, SPEAKER_CODE, number, 1])


def _tint(rng: np.random.Generator, colour: tuple[float, ...], *, spread: float) -> Colour:
    moved = np.clip(
        np.array(colour) + rng.normal(0, spread / 2, 3) + rng.uniform(-spread, spread), 5, 250
    )
    return (float(moved[0]), float(moved[1]), float(moved[2]))


def _lip(rng: np.random.Generator, skin: Colour) -> Colour:
    """Skin turned towards red, by an amount of its own."""
    red = np.array((175.0, 60.0, 70.0)) if rng.random() < 0.75 else np.array((130.0, 65.0, 85.0))
    mix = rng.uniform(0.45, 0.8)
    return _tint(rng, tuple(mix * red + (1 - mix) * 0.9 * np.array(skin)), spread=4)
