"""Error rates of the validation loop, against those of the records."""

from __future__ import annotations

from types import SimpleNamespace

import jiwer
import numpy as np
import pytest
from torch import nn

from benchmark.checkpoint import BestEpoch
from benchmark.metrics_text import TextMetric
from benchmark.results.predictions import PredictionTable
from benchmark.results.scores import recompute
from registries.errors import UsageError


def streamed(name, said, read):
    metric = TextMetric(name)
    rows = [{"text": a, "hypothesis": b} for a, b in zip(said, read, strict=True)]
    metric.process(None, rows[:2])
    metric.process(None, rows[2:])
    return metric.evaluate(len(rows))[name]


def recorded(name, said, read):
    count = len(said)
    table = PredictionTable(
        sample_id=np.array([f"{i:03d}" for i in range(count)]),
        group_id=np.array([""] * count),
        target=np.full(count, -1),
        score=np.zeros((count, 1), np.float32),
        reference=np.array(said),
        hypothesis=np.array(read),
    )
    return recompute(name, table).value


def sentences(seed, count=40):
    rng = np.random.default_rng(seed)
    words = ["A", "IT'S", "CAT", "10", "UFO"]
    return [" ".join(rng.choice(words, rng.integers(1, 6))) for _ in range(count)]


def test_errors_are_counted_over_the_whole_corpus():
    said, read = ["A B C", "D"], ["A X", "D E"]  # substitution, deletion; insertion
    assert streamed("wer", said, read) == pytest.approx(75.0)
    assert streamed("cer", said, read) == pytest.approx(100 * 5 / 6)


def test_who_says_nothing_has_every_word_wrong():
    assert streamed("wer", ["A B", "C"], ["", ""]) == 100.0


@pytest.mark.parametrize("name", ["wer", "cer"])
@pytest.mark.parametrize("seed", range(3))
def test_both_paths_agree(name, seed):
    said, read = sentences(seed), sentences(seed + 100)
    read[3] = ""
    value = streamed(name, said, read)
    assert value > 0 and value == pytest.approx(recorded(name, said, read), abs=1e-4)


@pytest.mark.parametrize("name", ["wer", "cer"])
@pytest.mark.parametrize("seed", range(3))
def test_jiwer_agrees(name, seed):
    said, read = sentences(seed), sentences(seed + 200)
    read[2] = ""
    assert streamed(name, said, read) == pytest.approx(100 * getattr(jiwer, name)(said, read))


def test_the_best_epoch_is_the_lowest():
    best = BestEpoch("wer", higher_is_better=False)
    for epoch, value in enumerate((97.0, 61.0, 61.0, 80.0), start=1):
        best.after_val_epoch(SimpleNamespace(epoch=epoch, model=nn.Linear(1, 1)), {"wer": value})
    assert (best.value, best.epoch) == (61.0, 2)


def test_other_names_are_refused():
    with pytest.raises(UsageError, match="'wer'"):
        TextMetric("wre")
