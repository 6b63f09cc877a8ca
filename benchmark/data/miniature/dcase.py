"""mini-DCASE: ten acoustic scenes, each a background and a mixture of eight types of event.

Layout of the DCASE 2013 scenes as CrissCross reads them:
`set1/scenes_stereo/scenes_stereo/<class><NN>.wav` to train on and
`set1/scenes_stereo_testset/scenes_stereo_testset/<class><NN>.wav` to test on. Differs: 10 s, 16 kHz
and mono instead of 30 s, 44.1 kHz and stereo.

Every scene has all eight types of event, at rates of its own, over noise and hum of its own; the
sources of the events are disjoint between train and test. One clip is one point of accuracy with
the owners' ten of a scene, hence a second set of fifty and fifty, `mini-dcase50`.

Measured with version 1, base tier, chance 10 %: logistic regression on 120 log-mel statistics of
2 s windows, averaged over a clip, 52 % (mini-dcase50: 72 %); on the counts of events and the
numbers of the background, as drawn, 91 % (95 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.data.miniature.clip import SAMPLE_RATE, SUITE_SEED, Item, MiniClip, Tier
from benchmark.data.miniature.sound_events import render
from benchmark.data.miniature.sound_families import blend, draw_source, group_of
from benchmark.data.miniature.sound_room import record

SECONDS = 10.0  # chosen
FOLDERS = {
    "train": "set1/scenes_stereo/scenes_stereo",
    "test": "set1/scenes_stereo_testset/scenes_stereo_testset",
}
# eight types of event, each a family of sounds: steps, voices, dogs, dishes, cars, beeps, birds,
# doors and brakes
EVENTS = ("footsteps", "laugh", "bark", "glass_strike", "revving", "two_tone", "bird", "wind")
EVENT_SECONDS = (0.4, 1.6)  # chosen
EVENT_GAIN = (0.3, 1.0)  # near and far; chosen
EVENT_CONTRAST, EVENT_SPREAD = 1.0, 0.3  # of the sources: all types are easily told apart; chosen
SOURCES = 40  # of a type of event, half of them for each split; chosen
SOURCE_STREAM = 8  # third element of a source's seed; a clip's is 0 or 1
FADE = 0.05  # seconds at both ends of an event; chosen

# events in ten seconds, in the order of EVENTS; corner (Hz), slope, hum and pitch (Hz) of the
# background. All chosen; alike are bus and tube, the streets, the halls, park and market.
SCENES: dict[str, tuple[tuple[float, ...], tuple[float, float, float, float]]] = {
    "bus": ((0.3, 2.0, 0.1, 0.2, 4.0, 1.5, 0.1, 1.5), (250.0, 1.6, 0.8, 70.0)),
    "busystreet": ((3.0, 1.5, 0.5, 0.2, 5.0, 1.0, 0.4, 1.0), (500.0, 1.2, 0.2, 90.0)),
    "office": ((1.0, 1.0, 0.1, 0.3, 0.1, 1.5, 0.2, 0.5), (300.0, 1.4, 0.8, 120.0)),
    "openairmarket": ((3.0, 6.0, 0.6, 1.0, 0.5, 0.3, 0.8, 0.5), (900.0, 0.9, 0.1, 100.0)),
    "park": ((1.5, 1.0, 1.5, 0.1, 0.5, 0.1, 5.0, 1.0), (700.0, 0.9, 0.1, 80.0)),
    "quietstreet": ((2.0, 0.5, 0.8, 0.1, 1.5, 0.1, 2.0, 1.0), (500.0, 1.1, 0.2, 80.0)),
    "restaurant": ((0.8, 5.0, 0.1, 6.0, 0.1, 0.3, 0.1, 0.3), (800.0, 1.2, 0.3, 110.0)),
    "supermarket": ((2.0, 2.5, 0.1, 1.0, 0.1, 5.0, 0.1, 0.5), (600.0, 1.2, 0.7, 120.0)),
    "tube": ((0.3, 1.5, 0.1, 0.1, 2.0, 0.8, 0.1, 5.0), (300.0, 1.8, 0.6, 95.0)),
    "tubestation": ((4.0, 2.5, 0.1, 0.2, 1.0, 2.0, 0.1, 3.0), (450.0, 1.5, 0.4, 95.0)),
}
CLASSES = tuple(SCENES)


class MiniDCASE:
    """The mini-DCASE set; see the module. `difficulty` holds the calibrated scalars."""

    name = "mini-dcase"
    version = 1
    title = "Miniature of the DCASE 2013 scenes: backgrounds and mixtures of events"
    code = 73  # second element of every clip's seed; chosen, one for each set
    counts: Mapping[Tier, int] = {"base": 10, "small": 6, "ci": 2}  # of a scene in each split
    difficulty: Mapping[str, float] = {
        "rate_contrast": 1.0,  # of the listed rates of events, towards their mean
        "background_contrast": 1.0,  # of the listed backgrounds, towards their mean
        "background_spread": 0.3,  # octaves of a clip around its scene
        "event_level_db": 0.0,  # power of the events over the background's
        "snr_low_db": 6.0,  # of both over the microphone's noise
        "snr_high_db": 18.0,
    }

    def items(self, tier: Tier) -> Sequence[Item]:
        """Split by split, scene by scene; smaller tiers are parts of larger ones."""
        return [
            Item(
                path=f"{place}/{name}{number:02d}.wav",
                split=split,
                label=name,
                group=f"{split}_{name}{number:02d}",
                seed=(SUITE_SEED, self.code, code, label * 100 + number),
                plan={"number": number},
            )
            for code, (split, place) in enumerate(FOLDERS.items())
            for label, name in enumerate(CLASSES)
            for number in range(1, self.counts[tier] + 1)
        ]

    def draw(self, item: Item) -> MiniClip:
        """Draw one clip; random streams: 0 events, 1 background, 2 how it is recorded."""
        hard = self.difficulty
        events, happened = self._events(item)
        numbers = self._background(item)
        bed = render("hiss", numbers, item.rng(1), seconds=SECONDS)
        gain = 10 ** (hard["event_level_db"] / 20)
        wave, recording = record(
            bed + gain * events, item.rng(2), snr=(hard["snr_low_db"], hard["snr_high_db"])
        )
        latents = {
            "events": happened,
            "background": numbers,
            "rates": self.rates(item.label),
            "recording": recording,
        }
        return MiniClip(wave=wave, latents=latents)

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """None: the folders are the lists, the file names hold the classes."""
        return {}

    def rates(self, scene: str) -> list[float]:
        """Events of each type in ten seconds."""
        contrast = self.difficulty["rate_contrast"]
        table = np.array([rates for rates, _ in SCENES.values()]).T
        pairs = zip(SCENES[scene][0], table, strict=True)
        return [blend(value, listed, contrast=contrast) for value, listed in pairs]

    def _background(self, item: Item) -> dict[str, float]:
        """The numbers of one clip's background, for the kind `hiss`."""
        rng, hard = item.rng(3), self.difficulty
        table = np.array([background for _, background in SCENES.values()]).T
        keys = ("corner", "slope", "hum", "pitch")
        numbers = {}
        for key, value, listed in zip(keys, SCENES[item.label][1], table, strict=True):
            own = blend(value, listed, contrast=hard["background_contrast"])
            octaves = hard["background_spread"]
            numbers[key] = own * float(2 ** rng.uniform(-octaves, octaves))
        # slow swells that say nothing about the scene; chosen
        return numbers | {
            "rate": rng.uniform(0.1, 0.5),
            "depth": rng.uniform(0, 0.3),
            "wander": 0.5,
        }

    def _events(self, item: Item) -> tuple[np.ndarray, list[list[float]]]:
        """Sum of all events, (N,) of unit power, and [type, source, start, seconds] of each."""
        rng = item.rng(0)
        half = SOURCES // 2
        wave, happened = np.zeros(round(SECONDS * SAMPLE_RATE)), []
        for kind, rate in enumerate(self.rates(item.label)):
            for _ in range(int(rng.poisson(rate * SECONDS / 10))):
                source = int(rng.integers(half)) + half * (item.split == "test")
                seconds = float(rng.uniform(*EVENT_SECONDS))
                start = float(rng.uniform(0, SECONDS - seconds))
                event = self._event(kind, source, rng, seconds=seconds) * rng.uniform(*EVENT_GAIN)
                first = round(start * SAMPLE_RATE)
                stop = min(first + len(event), len(wave))
                wave[first:stop] += event[: stop - first]
                happened.append([kind, source, start, seconds])
        return wave / np.sqrt(np.mean(wave**2) + 1e-12), happened

    def _event(
        self, kind: int, source: int, rng: np.random.Generator, *, seconds: float
    ) -> np.ndarray:
        """One event of a source, faded in and out: (n,)."""
        family = EVENTS[kind]
        own = np.random.default_rng([SUITE_SEED, self.code, SOURCE_STREAM, kind, source])
        numbers = draw_source(own, family, contrast=EVENT_CONTRAST, spread=EVENT_SPREAD)
        event = render(group_of(family).kind, numbers, rng, seconds=seconds)
        fade = np.minimum(1.0, (np.arange(len(event)) + 0.5) / (FADE * SAMPLE_RATE))
        return event * fade * fade[::-1]


class MiniDCASE50(MiniDCASE):
    """The same scenes with fifty clips of each in both splits, and sources of its own."""

    name = "mini-dcase50"
    title = "Miniature of the DCASE 2013 scenes, fifty clips of each to train and to test"
    code = 74
    counts: Mapping[Tier, int] = {"base": 50, "small": 20, "ci": 2}
