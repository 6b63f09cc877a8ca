"""Utterances of the miniature talkers: which mouth shape is spoken when, and how the lips follow.

Six visemes: C closed, A open, I wide, U round, F lip on teeth, L tongue. An utterance is a list of
segments with times in seconds; both the picture and the sound are functions of that list, so they
cannot drift apart. A value at time t is the segments' values under a Hann window of half-width w
centred on t:

    y(t) = sum_s v_s * (H(stop_s - t) - H(start_s - t))
    H(x) = (1 + x/w + sin(pi x/w)/pi) / 2 on [-w, w], 0 before, 1 after

This is co-articulation: a segment shorter than 2 w never reaches its target, and the faster the
speech, the more it misses. Own construction, no paper; lrw.py reports what the settings do to
probes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

VISEMES = "CAIUFL"
# (opening, width, teeth, tongue) of each viseme when held, all in 0..1; chosen so that no two
# coincide
TARGETS = {
    "C": (0.00, 0.50, 0.00, 0.00),
    "A": (1.00, 0.50, 0.25, 0.10),
    "I": (0.35, 1.00, 0.75, 0.00),
    "U": (0.40, 0.05, 0.00, 0.00),
    "F": (0.12, 0.55, 1.00, 0.00),
    "L": (0.55, 0.65, 0.30, 1.00),
}
REST = (0.0, 0.5, 0.0, 0.0)  # a face that does not speak
# two phones look alike on the lips: the first of each pair is voiced, the second is not
PHONES = {
    "C": ("b", "p"),
    "A": ("a", "ah"),
    "I": ("i", "ih"),
    "U": ("u", "uh"),
    "F": ("v", "f"),
    "L": ("l", "lh"),
}
MEAN_DURATION = 0.13  # seconds per viseme at rate 1; probed setting
SEGMENT_SPREAD = (0.6, 1.6)  # log-uniform factor per segment; probed setting
JITTER = 0.25  # articulation error per realisation; probed setting
HALF_WIDTH = 0.05  # seconds of the Hann co-articulation window; probed setting
UNVOICED = 0.4  # share of segments spoken with the unvoiced phone; chosen
MARGIN = (
    0.8  # seconds of speech before and after the clip, so that a shifted sound has no gap; chosen
)

# Four words in each of five families. A family shares its set of five visemes and its first and
# last one; members differ by the order of the inner three. A time average therefore names the
# family at best.
FAMILIES = (
    ("LAUCF", "LUACF", "LACUF", "LCUAF"),
    ("CAILU", "CIALU", "CALIU", "CLIAU"),
    ("FIUCA", "FUICA", "FICUA", "FCUIA"),
    ("ULFAI", "UFLAI", "ULAFI", "UAFLI"),
    ("ICFUL", "IFCUL", "ICUFL", "IUFCL"),
)
WORDS = tuple(sorted(word for family in FAMILIES for word in family))


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One realised viseme: `[start, stop)` in seconds, `shape` its jittered target (4,)."""

    viseme: str
    phone: str
    start: float
    stop: float
    shape: tuple[float, float, float, float]

    @property
    def voiced(self) -> bool:
        """Whether the voiced phone of the pair is spoken."""
        return self.phone == PHONES[self.viseme][0]


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """Adjoining segments that reach beyond the clip on both sides; time 0 is the clip's start."""

    segments: tuple[Segment, ...]

    def shifted(self, seconds: float) -> Utterance:
        """The same utterance, later by `seconds` (earlier if negative)."""
        moved = (replace(s, start=s.start + seconds, stop=s.stop + seconds) for s in self.segments)
        return Utterance(segments=tuple(moved))

    def follow(
        self, values: np.ndarray, times: np.ndarray, *, half_width: float = HALF_WIDTH
    ) -> np.ndarray:
        """Co-articulated value of any per-segment quantity: (S, K) at (T,) seconds -> (T, K)."""
        starts = np.array([segment.start for segment in self.segments])
        stops = np.array([segment.stop for segment in self.segments])
        weights = _hann_step(stops - times[:, None], half_width)
        weights -= _hann_step(starts - times[:, None], half_width)
        return weights @ np.asarray(values, dtype=np.float64)

    def mouth(self, *, frames: int, fps: float) -> np.ndarray:
        """Mouth shape at the middle of every frame: (T, 4) as in TARGETS."""
        times = (np.arange(frames) + 0.5) / fps
        return np.clip(self.follow(np.array([s.shape for s in self.segments]), times), 0, 1.15)

    def latents(self, *, seconds: float) -> list[list[str | float]]:
        """The segments that touch `[0, seconds)` as JSON-ready [viseme, phone, start, stop]."""
        inside = (s for s in self.segments if s.stop > 0 and s.start < seconds)
        return [[s.viseme, s.phone, round(s.start, 4), round(s.stop, 4)] for s in inside]


def draw_stream(rng: np.random.Generator, *, seconds: float, rate: float) -> Utterance:
    """Random speech without immediate repeats over `[-MARGIN, seconds + MARGIN]`.

    `rate` multiplies every duration (the speaker's 0.7-1.4; larger is slower).
    """
    letters, durations, end = "", [], -MARGIN - rng.uniform(0, MEAN_DURATION)
    start = end
    while end < seconds + MARGIN:
        letters += _next_letter(rng, avoid=letters[-1:])
        durations.append(draw_duration(rng, rate))
        end += durations[-1]
    return realise(rng, letters, durations, start=start)


def draw_word(
    rng: np.random.Generator, word: str, *, seconds: float, rate: float, offset: float
) -> tuple[Utterance, tuple[float, float]]:
    """A word near the middle of the clip inside random speech.

    `offset` is the largest distance, in seconds, of the word's middle from the clip's; it is cut
    where the word would leave the clip. Returns the utterance and the word's `[start, stop)` in
    seconds.
    """
    inner = [draw_duration(rng, rate) for _ in word]
    room = max(0.0, (seconds - sum(inner)) / 2 - HALF_WIDTH)
    start = (seconds - sum(inner)) / 2 + np.clip(rng.uniform(-offset, offset), -room, room)
    stop = start + sum(inner)
    before, after = "", ""
    lead: list[float] = []
    tail: list[float] = []
    while start - sum(lead) > -MARGIN:
        before = _next_letter(rng, avoid=(before or word)[0]) + before
        lead.insert(0, draw_duration(rng, rate))
    while stop + sum(tail) < seconds + MARGIN:
        after += _next_letter(rng, avoid=(after or word)[-1])
        tail.append(draw_duration(rng, rate))
    utterance = realise(rng, before + word + after, lead + inner + tail, start=start - sum(lead))
    return utterance, (float(start), float(stop))


def family_of(word: str) -> int:
    """Index of the family a word belongs to."""
    return next(index for index, family in enumerate(FAMILIES) if word in family)


def realise(
    rng: np.random.Generator, letters: str, durations: Sequence[float], *, start: float
) -> Utterance:
    """Speak `letters` one after the other from `start` on, each for its number of seconds."""
    edges = start + np.concatenate([[0.0], np.cumsum(durations)])
    segments = []
    for index, letter in enumerate(letters):
        phone = PHONES[letter][int(rng.random() < UNVOICED)]
        low, high = float(edges[index]), float(edges[index + 1])
        segments.append(
            Segment(viseme=letter, phone=phone, start=low, stop=high, shape=_shape(rng, letter))
        )
    return Utterance(segments=tuple(segments))


def _shape(rng: np.random.Generator, letter: str) -> tuple[float, float, float, float]:
    """A target off by up to JITTER of itself plus JITTER of a quarter of the range, (4,)."""
    target = np.array(TARGETS[letter])
    moved = target * (1 + rng.uniform(-JITTER, JITTER, 4)) + rng.uniform(-JITTER, JITTER, 4) / 4
    if letter == "C":
        moved[0] = 0.0  # the closure is what makes the burst: it stays shut
    return tuple(float(value) for value in np.clip(moved, 0, 1.25))  # type: ignore[return-value]


def _next_letter(rng: np.random.Generator, *, avoid: str) -> str:
    choices = [letter for letter in VISEMES if letter != avoid]
    return choices[int(rng.integers(len(choices)))]


def draw_duration(rng: np.random.Generator, rate: float) -> float:
    """Seconds of one viseme of a speaker with this rate."""
    low, high = np.log(SEGMENT_SPREAD)
    return float(MEAN_DURATION * rate * np.exp(rng.uniform(low, high)))


def _hann_step(x: np.ndarray, half_width: float) -> np.ndarray:
    """Integral of the unit Hann window up to x."""
    ratio = np.clip(x / half_width, -1, 1)
    return (1 + ratio + np.sin(np.pi * ratio) / np.pi) / 2
