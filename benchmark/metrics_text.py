"""Streaming error rates of transcripts for the validation loop, on torchmetrics.

A record's score is computed elsewhere, from the saved predictions (`benchmark.results.scores_text`,
by torchaudio's edit distance): two independent paths to one number. torchmetrics is imported where
a number is computed; see metrics.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from registries.errors import unknown

RATES = ("wer", "cer")


class TextMetric(BaseMetric):
    """Collects one (hypothesis, text) pair a sample; `name` says what is computed from them.

    name "wer": word errors over words that were said, of the whole corpus, in percent. name "cer":
    the same over characters, spaces included. Texts come as adapters and heads give them, in upper
    case and with single spaces. Raises UsageError for another name.
    """

    default_prefix = ""

    def __init__(self, name: str) -> None:
        super().__init__(collect_device="cpu")
        if name not in RATES:
            raise unknown("streaming metric of texts", name, RATES)
        self.name = name

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401
        """data_samples: one {"hypothesis": read, "text": said} a sample."""
        self.results.extend((sample["hypothesis"], sample["text"]) for sample in data_samples)

    def compute_metrics(self, results: list[tuple[str, str]]) -> dict[str, float]:
        """The rate over all samples seen."""
        from torchmetrics.functional.text import char_error_rate, word_error_rate

        read, said = zip(*results, strict=True)
        rate = {"wer": word_error_rate, "cer": char_error_rate}[self.name]
        return {self.name: 100.0 * float(rate(list(read), list(said)))}
