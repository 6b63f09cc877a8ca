"""Hashes of rows against a plain loop over them, as the first manifests were hashed."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from benchmark.data.rows import hashing
from benchmark.data.rows.columns import make_rows

LABELS = ("one", "two\nlines")


def spelt(value):
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6f}"
    return str(value)


def plain_hash(rows, labels):
    names = ["id", "path", "start", "stop", "label", "split", "group"]
    names += [name for name in ("text", "boxes") if any(rows[name] != "")]
    text = "\t".join(labels)
    for row in rows.to_dict("records"):
        values = [spelt(row[name]) for name in names] + [row["sha256"] or str(row["bytes"])]
        text += "\n" + "\t".join(values)
    return hashlib.sha256(text.encode()).hexdigest()


def plain_content(rows):
    lines = []
    for row in rows.to_dict("records"):
        values = [spelt(row[name]) for name in ("id", "path", "start", "stop")]
        lines.append("\t".join([*values, row["sha256"] or str(row["bytes"])]))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def rows_of(count, **columns):
    rng = np.random.default_rng(count)
    starts = rng.choice([0.0, -0.0, 1 / 3, 5e-7, 1.5e-6, 12345.6789, 2.0000005], count)
    samples = [
        {
            "id": f"{place} é🎬\t'{place % 7}",
            "path": f"v/{rng.integers(1e9)}.mp4",
            "start": starts[place],
            "stop": math.nan if place % 3 else starts[place] + rng.random(),
            "label": int(rng.integers(-1, 5)),
            "split": "train" if place % 5 else "test",
            "group": f"g{place % 11}",
            "sha256": "" if place % 2 else f"{place:064x}",
            "bytes": int(rng.integers(2**40)),
            **{name: values[place % len(values)] for name, values in columns.items()},
        }
        for place in range(count)
    ]
    return make_rows(samples)


@pytest.mark.parametrize("columns", [{}, {"text": ["BIN BLUE", ""]}, {"boxes": ["", "[1]"]}])
@pytest.mark.parametrize("count", [1, 2, 64, 65, 200])
def test_the_same_as_a_plain_loop(monkeypatch, count, columns):
    monkeypatch.setattr(hashing, "BLOCK", 64)  # so that rows lie in several
    rows = rows_of(count, **columns)
    assert hashing.hash_of(rows, LABELS) == plain_hash(rows, LABELS)
    assert hashing.content_of(rows) == plain_content(rows)


def test_one_that_was_written_down():
    """Of the code before rows were hashed in blocks: keys of records hold such values."""
    rows = make_rows([{"id": "a", "path": "a.mp4", "split": "train", "start": 0.5, "bytes": 7}])
    said = b"one\ttwo\na\ta.mp4\t0.500000\t\t-1\ttrain\t\t7"
    assert hashing.hash_of(rows, ("one", "two")) == hashlib.sha256(said).hexdigest()
