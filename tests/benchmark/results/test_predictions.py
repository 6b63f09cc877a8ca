import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    roc_auc_score,
    top_k_accuracy_score,
)

from benchmark.results.predictions import (
    PredictionTable,
    read_predictions,
    write_predictions,
)
from benchmark.results.scores import recomputable, recompute
from registries.errors import UsageError, VerificationError


def table(target, score):
    names = np.array([f"clip-{index:04d}" for index in range(len(target))])
    return PredictionTable(
        sample_id=names,
        group_id=names,
        target=np.asarray(target),
        score=np.asarray(score, dtype=np.float32),
    )


def drawn(classes, *, count=300):
    rng = np.random.default_rng(classes)
    target = np.append(np.arange(classes), rng.integers(classes, size=count - classes))
    return table(target, rng.normal(size=(count, classes)) + 0.8 * np.eye(classes)[target])


def save(path, found, **changes):
    parts = {name: getattr(found, name) for name in ("sample_id", "group_id", "target", "score")}
    return write_predictions(path, **{**parts, **changes})


@pytest.mark.parametrize("classes", [2, 7, 40])
def test_scores_equal_sklearn(tmp_path, classes):
    found = drawn(classes)
    save(tmp_path / "p.npz", found)
    label, score = found.target, found.score
    expected = {
        "top1": accuracy_score(label, score.argmax(axis=1)),
        "macro_top1": balanced_accuracy_score(label, score.argmax(axis=1)),
    }
    if classes > 5:
        expected["top5"] = top_k_accuracy_score(label, score, k=5, labels=np.arange(classes))
    if classes == 2:
        expected["auc"] = roc_auc_score(label, score[:, 1])
        for threshold in (0.5, 0.6):
            called = score[:, 1] >= threshold
            expected[f"hard_auc@{threshold}"] = roc_auc_score(label, called)  # as Chugh et al. do
        expected["hard_auc"] = expected["hard_auc@0.5"]
    for name, value in expected.items():
        again = recompute(name, tmp_path / "p.npz")
        assert again.value == pytest.approx(100 * value, abs=1e-9), name
        assert (again.unit, again.n) == ("%", 300)


def test_auc_and_thresholded_auc_of_the_worked_example():
    """Fakes .9 .4, reals .5 .2 .1: five of six pairs in order; at .45 one error on either side."""
    found = table([1, 1, 0, 0, 0], np.array([[0.9], [0.4], [0.5], [0.2], [0.1]]))
    assert recompute("auc", found).value == pytest.approx(100 * 5 / 6)
    assert recompute("hard_auc@0.45", found).value == pytest.approx(100 * (1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("name", "constant", "perfect", "reversed_"),
    [
        ("top1", 50, 100, 0),
        ("macro_top1", 50, 100, 0),
        ("auc", 50, 100, 0),
        ("top5", 100, 100, 100),
    ],
)
def test_constant_perfect_and_reversed_predictors(name, constant, perfect, reversed_):
    target = np.array([0, 1, 1, 1])
    for score, value in (
        (np.full((4, 2), 0.3), constant),
        (np.eye(2)[target], perfect),
        (np.eye(2)[1 - target], reversed_),
    ):
        assert recompute(name, table(target, score)).value == value


def test_a_constant_scorer_gets_chance_in_top_k():
    assert recompute("top5", table(np.arange(20), np.zeros((20, 20)))).value == 25.0


def test_the_order_of_samples_does_not_matter(tmp_path):
    found = drawn(7)
    shuffle = np.random.default_rng(1).permutation(300)
    parts = ("sample_id", "group_id", "target", "score")
    mixed = {name: getattr(found, name)[shuffle] for name in parts}
    one = save(tmp_path / "a.npz", found)
    two = save(tmp_path / "b.npz", found, **mixed)
    assert one.sha256 == two.sha256
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = read_predictions(tmp_path / "b.npz")
    assert back.score.dtype == np.float32
    for name in parts:
        assert np.array_equal(getattr(back, name), getattr(found, name))


def test_the_described_path_is_below_the_root(tmp_path):
    path = tmp_path / "predictions" / "p.npz"
    assert save(path, drawn(2)).path == "p.npz"
    assert save(path, drawn(2), root=tmp_path).path == "predictions/p.npz"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_id": ["a", "a", "b"]}, "sample a occurs twice"),
        ({"score": [[0.1, np.nan]] * 3}, "not finite"),
        ({"target": [0, 1]}, "N rows"),
        ({"target": [0, 1, 2]}, "outside the 2 scores"),
        ({"score": [0.1, 0.2, 0.3]}, "N rows"),
    ],
)
def test_impossible_predictions_are_refused(tmp_path, change, message):
    parts = {"sample_id": ["a", "b", "c"], "group_id": ["g"] * 3, "target": [0, 1, 0]}
    parts["score"] = [[0.1, 0.9]] * 3
    with pytest.raises(ValueError, match=message):
        write_predictions(tmp_path / "p.npz", **{**parts, **change})
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "p.npz"
    save(path, drawn(2))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(VerificationError, match=r"p\.npz is no prediction file"):
        read_predictions(path)


def test_unknown_metrics_are_usage_errors():
    assert recomputable("hard_auc@0.6")
    assert not recomputable("bleu")
    for name in ("bleu", "top1@3"):
        with pytest.raises(UsageError, match="known: top1"):
            recompute(name, drawn(2))


def test_an_auc_of_one_class_does_not_exist():
    with pytest.raises(ValueError, match="targets 0 and 1"):
        recompute("auc", table([1, 1], [[0.1, 0.9]] * 2))
