"""How encoders are evaluated: what is trained, what is kept frozen, how the answer comes about."""

from __future__ import annotations

from registries.errors import UsageError, unknown

PROTOCOLS = {
    "finetune": "encoder and head trained end to end; the epoch is chosen on held-out train",
    "fewshot": "finetune on K samples of each class (fewshot:5) or a share of train (fewshot:10%)",
    "linear": "logistic regression on frozen features; its strength is chosen on held-out train",
    "svm": "one-vs-rest linear SVM on frozen features; its cost is chosen on held-out train",
    "knn": "vote of the nearest training samples by cosine of frozen features (knn:K, 20)",
    "frozen_weighted": "linear layer on a learned mix of all stages of a frozen encoder",
    "retrieval": "test queries, training gallery, cosine of frozen features; recall at k",
    "localise": "similarity of a clip's sound with every cell of its picture, against boxes",
    "fingerprint": "distorted copies look for their clip, cosine of frozen features; recall at 1",
    "crossmodal": "test videos look for their sound and sounds for their video, in a common space",
}
TRAINED = ("finetune", "fewshot")
FROZEN = frozenset(PROTOCOLS) - frozenset(TRAINED)
HEADLESS = frozenset({"localise", "fingerprint"})  # a task with no other has nothing to train


def parse(text: str) -> tuple[str, str]:
    """`"fewshot:5"` -> ("fewshot", "5"), `"linear"` -> ("linear", "").

    Raises UsageError for an unknown protocol and for a number that it does not take.
    """
    name, colon, number = text.partition(":")
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    if name == "fewshot":
        shots(number)
    elif name == "knn" and (not colon or (number.isdigit() and int(number))):
        return name, number
    elif colon:
        raise UsageError(
            f"protocol {text!r}: {name} takes no number but a count of neighbours for knn:K, of "
            "samples a class for fewshot:K, or a share for fewshot:P%"
        )
    return name, number


def shots(number: str) -> int | float:
    """Samples a class as an int, or the share of train as a float: "5" -> 5, "10%" -> 0.1."""
    share = number.removesuffix("%")
    try:
        value = float(share) / 100 if share != number else int(number)
    except ValueError:
        value = 0
    if not value > 0 or (isinstance(value, float) and value > 1):
        raise UsageError(
            f"protocol fewshot:{number} needs how many samples of each class are trained on "
            "(fewshot:5), or a share of them (fewshot:10%)"
        )
    return value
