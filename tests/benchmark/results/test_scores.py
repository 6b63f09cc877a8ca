"""Metrics of transcripts, of ranks and of tagged samples, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.results.predictions import PredictionTable, read_predictions, write_predictions
from benchmark.results.scores import recompute
from benchmark.results.scores_text import normalised


def table(count, *, target=None, score=None, **texts):
    names = np.array([f"s{index}" for index in range(count)])
    return PredictionTable(
        sample_id=names,
        group_id=names,
        target=np.zeros(count, int) if target is None else np.asarray(target),
        score=np.zeros((count, 1), np.float32) if score is None else np.asarray(score, np.float32),
        **{name: np.asarray(text) for name, text in texts.items()},
    )


def distance(a, b):
    """Levenshtein by recursion over prefixes, all of them in a table."""
    found = np.zeros((len(a) + 1, len(b) + 1), int)
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if min(i, j) == 0:
                found[i, j] = max(i, j)
                continue
            swap = found[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            found[i, j] = min(found[i - 1, j] + 1, found[i, j - 1] + 1, swap)
    return found[-1, -1]


def test_error_rates_equal_a_plain_loop():
    rng = np.random.default_rng(0)
    words = np.array(["BIN", "BLUE", "AT", "IT'S", "A", "2"])
    said = [" ".join(rng.choice(words, rng.integers(1, 7))) for _ in range(40)]
    read = [" ".join(rng.choice(words, rng.integers(0, 7))) for _ in range(40)]
    found = table(40, reference=said, hypothesis=read)
    for name, cut in (("wer", str.split), ("cer", list)):
        errors = sum(distance(cut(a), cut(b)) for a, b in zip(said, read, strict=True))
        want = 100 * errors / sum(len(cut(a)) for a in said)
        got = recompute(name, found)
        assert got.value == pytest.approx(want) and (got.unit, got.n) == ("%", 40)


@pytest.mark.parametrize(
    ("hypothesis", "wer"), [(["A B", "C"], 0.0), (["", ""], 100.0), (["A B C D", "C C C"], 400 / 3)]
)
def test_error_rates_of_perfect_empty_and_long_readings(hypothesis, wer):
    found = table(2, reference=["a b", "C"], hypothesis=hypothesis)
    assert recompute("wer", found).value == pytest.approx(wer)


def test_an_error_rate_needs_words():
    with pytest.raises(ValueError, match="at least one word"):
        recompute("wer", table(1, reference=["{}"], hypothesis=["A"]))
    with pytest.raises(ValueError, match="reference and hypothesis"):
        recompute("wer", table(1))


def test_transcripts_are_normalised():
    assert normalised("  it's {LG} 9 O'Clock,  Now!") == "IT'S LG 9 O'CLOCK NOW"


def test_recalls_count_ranks():
    ranks = np.array([1, 1, 2, 5.5, 6, 11, 51])[:, None]
    found = table(7, score=ranks)
    want = {"r1": 2, "r5": 3, "r10": 5, "r20": 6, "r50": 6}
    for name, hits in want.items():
        assert recompute(name, found).value == pytest.approx(100 * hits / 7), name
    median = recompute("median_rank", found)
    assert (median.value, median.unit) == (5.5, "rank")


def test_scores_of_a_tag_are_those_of_its_rows():
    target, tags = [0, 0, 1, 1, 1], ["", "", "swap", "shift", "shift"]
    score = [[0.1], [0.6], [0.9], [0.5], [0.7]]
    found = table(5, target=target, score=score, tag=tags)
    assert recompute("auc", found).value == pytest.approx(100 * 5 / 6)
    swap, shift = recompute("auc:swap", found), recompute("auc:shift", found)
    assert (swap.value, swap.n) == (100.0, 3)
    assert (shift.value, shift.n) == (pytest.approx(75.0), 4)  # each tag against all real ones
    ranks = table(4, score=[[1], [9], [1], [1]], tag=["blur", "blur", "noise", "noise"])
    assert recompute("r1:blur", ranks).value == 50.0 and recompute("r1:noise", ranks).value == 100.0
    with pytest.raises(ValueError, match=r"tag 'crop'.*blur"):
        recompute("r1:crop", ranks)
    with pytest.raises(ValueError, match="with tags"):
        recompute("r1:blur", table(2))


def test_texts_survive_the_file(tmp_path):
    path = tmp_path / "p.npz"
    parts = {"sample_id": ["b", "a"], "group_id": ["g", "h"], "target": [0, 0]}
    texts = {"reference": ["TWO", "ONE"], "hypothesis": ["", "ONE"], "tag": ["y", "x"]}
    saved = write_predictions(path, **parts, score=[[1.0], [2.0]], **texts)
    assert saved.columns[4:] == ["tag", "reference", "hypothesis"]
    found = read_predictions(path)
    assert found.reference.tolist() == ["ONE", "TWO"] and found.tag.tolist() == ["x", "y"]
    assert recompute("wer", path).value == 50.0
    plain = write_predictions(tmp_path / "q.npz", **parts, score=[[1.0], [2.0]])
    assert plain.columns == ["sample_id", "group_id", "target", "score"]
    assert read_predictions(tmp_path / "q.npz").tag is None
