"""`bench results compact`: fewer bytes, the same numbers, a successor for each record."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.results.compact import BITS, FLOAT_BITS, compact, rounded
from benchmark.results.predictions import read_predictions, write_predictions
from benchmark.results.schema import Score
from benchmark.results.scores import recompute
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify


@pytest.fixture
def stored(tmp_path, make_record):
    """stored(scores (N, C), metric) -> the store with one record of them; targets are in turn."""
    store = RecordStore(tmp_path)

    def make(scores, metric="top1"):
        count, classes = scores.shape
        record = make_record("glcm", "lrw")
        path = store.predictions_path(record.cell_key, record.run_id)
        written = write_predictions(
            path,
            sample_id=[f"clip-{index:04d}" for index in range(count)],
            group_id=[f"speaker-{index // 20}" for index in range(count)],
            target=np.arange(count) % classes,
            score=scores,
            root=store.root,
        )
        own = {"predictions": written, "scores": {metric: recompute(metric, path)}}
        store.write(record.model_copy(update=own))
        return store

    return make


@pytest.fixture
def noise():
    """Random scores of 400 samples and 10 classes."""
    return np.random.default_rng(0).normal(size=(400, 10)).astype(np.float32)


def only(store):
    [record] = store.read_all(indexed=False)
    return record


def test_rounding_to_half_precision_is_that_of_numpy(noise):
    assert np.array_equal(rounded(noise, 11), noise.astype(np.float16).astype(np.float32))
    assert np.array_equal(rounded(noise, FLOAT_BITS), noise)
    assert np.array_equal(rounded(rounded(noise, 14), 14), rounded(noise, 14))


def test_a_successor_says_the_same_in_fewer_bytes(stored, noise):
    store = stored(noise)
    old = only(store)
    found = compact(store)
    new = only(store)
    assert (found.rewritten, found.kept) == (1, 0)
    assert found.after < 0.65 * found.before
    assert (new.supersedes, new.scores, new.finished) == (old.run_id, old.scores, old.finished)
    assert store.find_predictions(old) is None
    table = read_predictions(store.find_predictions(new))
    assert np.array_equal(table.score, rounded(noise, BITS[0]))
    assert verify(store) == []
    assert store.done(new.cell_key).run_id == new.run_id


def test_what_is_compact_stays_as_it_is(stored, noise):
    store = stored(noise)
    compact(store)
    before = only(store)
    assert compact(store).kept == 1
    assert only(store) == before


@pytest.mark.parametrize(("gap", "bits"), [(2.0**-12, 14), (2.0**-15, 17), (2.0**-20, FLOAT_BITS)])
def test_no_score_changes_and_no_answer(stored, noise, gap, bits):
    """Two classes so close that fewer bits would make them equal."""
    noise[0] = -1.0
    noise[0, 3:5] = 1.0, 1.0 + gap
    store = stored(noise)
    scores = only(store).scores
    compact(store)
    table = read_predictions(store.find_predictions(only(store)))
    assert np.array_equal(table.score, rounded(noise, bits))
    assert only(store).scores == scores
    assert table.score[0].argmax() == 4


def test_a_metric_that_cannot_be_computed_again_keeps_every_bit(stored, noise):
    store = stored(noise)
    old = only(store)
    store.path(old).unlink()
    more = old.scores | {"mystery": Score(value=1.0, n=400)}
    store.write(old.model_copy(update={"scores": more}))
    compact(store)
    assert np.array_equal(read_predictions(store.find_predictions(only(store))).score, noise)


def test_the_command_says_what_it_did(stored, noise, capsys):
    root = stored(noise).root
    assert main.execute(["results", "compact", "--runs", str(root)]) == 0
    assert "1 rewritten, 0.0 to 0.0 MB; 0 stay as they are" in capsys.readouterr().out
    assert main.execute(["results", "verify", "--runs", str(root)]) == 0
    assert main.execute(["results", "compact", "--runs", str(root / "none")]) == 3
