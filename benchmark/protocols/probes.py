"""Classifiers on frozen features. What is free is chosen on held-out train, never on test.

Pure functions of arrays: train, val and test features (n, C), labels (n,), scores (n, classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.protocols.retrieval import unit

Array = np.ndarray[Any, Any]

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)  # of the logistic regression, 1 / lambda; chosen
# of the SVM: CrissCross's eight and two more, because the features of narrow encoders
# chose the largest of the eight on every fold of ESC-10
COSTS = (1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 1.0, 10.0, 100.0)
NEIGHBOURS, TEMPERATURE = 20, 0.07  # chosen, the usual ones


@dataclass(frozen=True)
class Part:
    """Features of one split and their labels, indices 0 to classes - 1."""

    features: Array
    labels: Array


@dataclass(frozen=True)
class Fitted:
    """Scores of the test part; how the free number was chosen, and what it did on val, percent."""

    score: Array
    rule: str
    val: float


def linear(train: Part, val: Part, test: Array, *, classes: int) -> Fitted:
    """Multinomial logistic regression on standardised features: probabilities.

    Strength by accuracy on val out of STRENGTHS (the weaker on ties), then fitted to train and val.
    """
    from sklearn.linear_model import LogisticRegression

    def fit(part: Part, strength: float) -> Any:  # noqa: ANN401 - a scikit-learn pipeline
        return _standardised(LogisticRegression(C=strength, max_iter=2000)).fit(
            part.features, part.labels
        )

    best, accuracy = _choose(STRENGTHS, train, val, fit)
    fitted = fit(_both(train, val), best)
    score = _spread(fitted.predict_proba(test), fitted.classes_, classes, fill=0.0)
    return Fitted(score, f"C={best:g} on val", accuracy)


def svm(train: Part, val: Part, test: Array, *, classes: int) -> Fitted:
    """One-vs-rest linear SVM on standardised features of unit length: decision values.

    Sarkar and Etemad 2023, authors' code: the best of eight costs on test; here of ten, on val.
    """
    from sklearn.svm import LinearSVC

    def fit(part: Part, cost: float) -> Any:  # noqa: ANN401 - a scikit-learn pipeline
        return _standardised(LinearSVC(C=cost, max_iter=1000, dual="auto"), scaled=True).fit(
            part.features, part.labels
        )

    best, accuracy = _choose(COSTS, train, val, fit)
    fitted = fit(_both(train, val), best)
    values = fitted.decision_function(test)
    if values.ndim == 1:  # of two classes it gives the second one's
        values = np.stack([-values, values], axis=1)
    least = float(values.min()) - 1.0  # a class without a training sample is never chosen
    score = _spread(values, fitted.classes_, classes, fill=least)
    return Fitted(score, f"C={best:g} on val", accuracy)


def knn(
    train: Part, val: Part, test: Array, *, classes: int, neighbours: int = NEIGHBOURS
) -> Fitted:
    """Vote of the nearest samples of train and val by cosine, each weighing exp(cosine / 0.07).

    Wu et al. 2018, sec. 3.4. Nothing is chosen; `val` is scored by train alone.
    """
    held = _vote(train, val.features, classes=classes, neighbours=neighbours)
    score = _vote(_both(train, val), test, classes=classes, neighbours=neighbours)
    accuracy = 100.0 * float((held.argmax(axis=1) == val.labels).mean())
    return Fitted(score, f"k={neighbours}", accuracy)


def _vote(known: Part, asked: Array, *, classes: int, neighbours: int) -> Array:
    cosine = unit(asked.astype(np.float64)) @ unit(known.features.astype(np.float64)).T
    count = min(neighbours, cosine.shape[1])
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :count]
    # relative to the nearest one: the order stays, and exp cannot overflow
    close = np.take_along_axis(cosine, nearest, axis=1)
    weight = np.exp((close - close[:, :1]) / TEMPERATURE)
    score = np.zeros((len(asked), classes))
    for column in range(count):
        voted = known.labels[nearest[:, column]]
        np.add.at(score, (np.arange(len(asked)), voted), weight[:, column])
    return score / score.sum(axis=1, keepdims=True)


def _choose(
    options: Sequence[float],
    train: Part,
    val: Part,
    fit: Any,  # noqa: ANN401
) -> tuple[float, float]:
    """The option with the best accuracy on val, the first on ties, and that accuracy."""
    hits = [float((fit(train, o).predict(val.features) == val.labels).mean()) for o in options]
    best = int(np.argmax(hits))
    return options[best], 100.0 * hits[best]


def _standardised(classifier: Any, *, scaled: bool = False) -> Any:  # noqa: ANN401
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler

    steps = [StandardScaler(), *([Normalizer()] if scaled else []), classifier]
    return make_pipeline(*steps)


def _both(train: Part, val: Part) -> Part:
    return Part(
        np.concatenate([train.features, val.features]), np.concatenate([train.labels, val.labels])
    )


def _spread(values: Array, present: Array, classes: int, *, fill: float) -> Array:
    """Columns of the classes that training knew put at their places."""
    score = np.full((len(values), classes), fill)
    score[:, present] = values
    return score
