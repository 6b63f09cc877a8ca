"""Sentences of the miniature talkers: thirty words spelled in visemes, a closure between two words.

The words stand in three slots of ten; a sentence of n words takes its words from slots 1, 2, 3, 1,
2 in turn, uniformly, so that a decoder which sees nothing is right at one word in ten. A word has
two to four letters, no letter twice in a row. C, the closed mouth, is the second letter or none:
between words the mouth closes for a moment, and where one letter alone stands before a closure, it
begins a word that goes on; so no two sentences look the same on the lips (no homophenes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.data.miniature.viseme import (
    MARGIN,
    Utterance,
    draw_duration,
    realise,
)

# chosen by a search: every letter stands 15 to 17 times, two pairs of words are one edit apart
SLOTS = (
    ("ACFL", "AIF", "AL", "FCAL", "FCF", "ICI", "LCAF", "UCFU", "UF", "UIL"),
    ("FCUI", "FI", "FLA", "IA", "ILF", "LCFA", "LCL", "UAU", "UCIF", "UCUL"),
    ("ACA", "AUI", "FIFA", "FU", "ICAU", "ICLA", "IUL", "LAI", "LCIU", "LU"),
)
LEXICON = tuple(word for slot in SLOTS for word in slot)
CLOSURE = 0.75  # length of the closure between words / of a viseme; chosen
EDGE = (0.2, 0.45)  # seconds of a closed mouth before the first and after the last word; chosen
FRAME = 0.05  # seconds; lengths of clips are whole frames at 20 fps

Word = tuple[str, float, float]  # text, start, stop in seconds


@dataclass(frozen=True, kw_only=True)
class Speech:
    """What is said in a clip of `seconds`, and when each word begins and ends."""

    utterance: Utterance
    words: tuple[Word, ...]
    seconds: float

    @property
    def text(self) -> str:
        """The transcript."""
        return " ".join(word for word, _, _ in self.words)


def sentence(number: int, *, words: int, slot: int = 0) -> tuple[str, ...]:
    """The sentence of that number, below 10 ** words; its first word is of `slot`."""
    places = [number // 10**place % 10 for place in range(words)]
    return tuple(SLOTS[(slot + at) % len(SLOTS)][digit] for at, digit in enumerate(places))


def draw_sentence(
    rng: np.random.Generator,
    words: tuple[str, ...],
    *,
    rate: float,
    seconds: tuple[float, float],
) -> Speech:
    """Speak `words` in a clip of at least and at most `seconds`.

    rate: the speaker's, multiplies every duration. Speech that does not fit is quickened to fit;
    what a short one leaves of the clip is silence on both sides.
    """
    letters, durations, ends = "", [], []
    for word in words:
        if letters:
            letters += "C"
            durations.append(CLOSURE * draw_duration(rng, rate))
        first = len(letters)
        letters += word
        durations += [draw_duration(rng, rate) for _ in word]
        ends.append((first, len(letters)))
    shortest, longest = seconds
    edges = rng.uniform(*EDGE, 2)
    spoken = np.array(durations)
    spoken *= min(1.0, (longest - edges.sum()) / spoken.sum())
    whole = max(shortest, edges.sum() + spoken.sum())
    whole = min(longest, float(np.ceil(whole / FRAME - 1e-9)) * FRAME)
    room = whole - edges.sum() - spoken.sum()
    start = edges[0] + room * rng.random()
    stop = start + spoken.sum()
    times = start + np.concatenate([[0.0], np.cumsum(spoken)])
    closed = [start + MARGIN, *spoken, whole + MARGIN - stop]
    return Speech(
        utterance=realise(rng, f"C{letters}C", closed, start=-MARGIN),
        words=tuple(
            (word, float(times[low]), float(times[high]))
            for word, (low, high) in zip(words, ends, strict=True)
        ),
        seconds=round(whole, 6),
    )
