"""Error rates of transcripts: what was read against what was said.

WER = sum_i (S_i + D_i + I_i) / sum_i |reference_i| over the whole corpus, not a mean of the rates
of utterances; CER the same over characters, spaces included. Both can exceed 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from benchmark.results.predictions import PredictionTable


def normalised(text: str) -> str:
    """Upper case, A-Z 0-9 ' and single spaces; what stands in braces stays: auto_avsr."""
    kept = re.sub(r"[^A-Z0-9' ]+", "", text.upper())
    return " ".join(kept.split())


def wer(table: PredictionTable) -> float:
    """Word error rate. Raises ValueError where no word was said, or no transcripts are there."""
    return _rate(table, str.split)


def cer(table: PredictionTable) -> float:
    """Character error rate."""
    return _rate(table, list)


def _rate(table: PredictionTable, cut: Callable[[str], list[str]]) -> float:
    from torchaudio.functional import edit_distance  # seconds to import; tables need none

    if table.reference is None or table.hypothesis is None:
        raise ValueError("an error rate needs predictions with reference and hypothesis")
    errors = total = 0
    for said, read in zip(table.reference.tolist(), table.hypothesis.tolist(), strict=True):
        words = cut(normalised(said))
        errors += int(edit_distance(words, cut(normalised(read))))
        total += len(words)
    if not total:
        raise ValueError("an error rate needs at least one word that was said")
    return errors / total


METRICS: dict[str, Callable[[PredictionTable], float]] = {"wer": wer, "cer": cer}
