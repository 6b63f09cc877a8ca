"""From the symbol probabilities of every step to a text: greedy, or the best of a beam.

Connectionist temporal classification (Graves et al. 2006): a text is what is left of a sequence of
symbols, one a step, when repetitions are merged and blanks dropped. Decoding uses no lexicon and no
language model, so that the number reflects the features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from registries.errors import NotReadyError

BLANK = 0
UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # stands for every character that has no symbol
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789' "
SYMBOLS = ("", *LETTERS, UNKNOWN)  # 40, the blank first; chosen
WIDTH = 16  # of the beam; chosen
NEVER = -math.inf


def encode(text: str) -> list[int]:
    """Symbol numbers of a text; a character without a symbol is the unknown one."""
    return [LETTERS.find(letter) + 1 or len(SYMBOLS) - 1 for letter in text]


def steps_needed(symbols: Sequence[int]) -> int:
    """Fewest steps that can say the symbols: a blank must stand between two equal ones."""
    return len(symbols) + sum(a == b for a, b in pairwise(symbols))


def text_of(symbols: Sequence[int]) -> str:
    """The text of symbol numbers without blanks; unknown ones are left out, spaces are single."""
    return " ".join("".join(SYMBOLS[symbol] for symbol in symbols).replace(UNKNOWN, "").split())


def greedy(log_probs: Tensor) -> list[int]:
    """The most probable symbol of each step, repetitions merged, blanks dropped: (T, S) -> (U,)."""
    best = torch.unique_consecutive(log_probs.argmax(dim=1))
    return [symbol for symbol in best.tolist() if symbol != BLANK]


def prefix_beam(log_probs: Tensor, *, width: int = WIDTH) -> list[int]:
    """The most probable text among those that stay in the beam: (T, S) log-probabilities -> (U,).

    Prefix search (Hannun et al. 2014, alg. 1) without a language model. A prefix carries the sum
    over all its alignments, apart for those that end in a blank and those that do not; at each step
    the `width` most probable ones are kept, of equal ones the first in the order of symbols. With a
    beam that drops nothing it is the exact maximum over all texts.
    """
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, NEVER)}
    for row in log_probs.double().tolist():
        found: dict[tuple[int, ...], list[float]] = {}
        for prefix, (blank, other) in beam.items():
            both = _add(blank, other)
            _gain(found, prefix, 0, both + row[BLANK])
            if prefix:
                _gain(found, prefix, 1, other + row[prefix[-1]])
            for symbol, value in enumerate(row):
                if symbol != BLANK:
                    # the last symbol again is a new one only after a blank
                    before = blank if prefix[-1:] == (symbol,) else both
                    _gain(found, (*prefix, symbol), 1, before + value)
        ranked = sorted(found.items(), key=lambda entry: (-_add(*entry[1]), entry[0]))
        beam = {prefix: (values[0], values[1]) for prefix, values in ranked[:width]}
    return list(next(iter(beam)))


def flashlight(log_probs: Tensor, *, width: int = WIDTH) -> list[int]:
    """Torchaudio's beam search in C++, without lexicon and language model: (T, S) -> (U,).

    Raises NotReadyError where flashlight-text is not installed.
    """
    try:
        from torchaudio.models.decoder import ctc_decoder
    except ImportError as error:
        raise NotReadyError(
            f"decoder 'flashlight' needs flashlight-text ({error}). Install it with `pip install "
            "flashlight-text`, or use decoder 'beam', which sums over the same alignments"
        ) from error
    tokens = ["<blank>", *SYMBOLS[1:]]
    search = ctc_decoder(
        lexicon=None, tokens=tokens, beam_size=width, blank_token=tokens[0], sil_token=" ",
        unk_word=UNKNOWN, log_add=True,
    )  # fmt: skip
    # it frames every text by the token of silence, here the space, which `text_of` takes away
    return search(log_probs[None].float().cpu())[0][0].tokens.tolist()


DECODERS: Mapping[str, Callable[[Tensor], list[int]]] = {
    "greedy": greedy,
    "beam": prefix_beam,
    "flashlight": flashlight,
}


def _gain(found: dict[tuple[int, ...], list[float]], prefix: tuple[int, ...], end: int, p: float):  # noqa: ANN202
    """Add a log-probability to the alignments of a prefix that end in a blank (0) or not (1)."""
    values = found.setdefault(prefix, [NEVER, NEVER])
    values[end] = _add(values[end], p)


def _add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == NEVER else a + math.log1p(math.exp(b - a))
