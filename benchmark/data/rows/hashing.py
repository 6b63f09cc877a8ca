"""What identifies rows: SHA-256 over one line a row, made and hashed a block at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmark.data.rows.checks import as_text

HASHED = ("id", "path", "start", "stop", "label", "split", "group")
TRUTHS = ("text", "boxes")  # part of the hash where a dataset has them
SAMPLE = ("id", "path", "start", "stop")
TAB = pa.scalar("\t", pa.large_string())
BLOCK = 65_536  # rows a step; chosen: some 10 MB of lines


def hash_of(rows: pd.DataFrame, labels: Sequence[str]) -> str:
    """Of the rows in their order, the content of their files, and the labels."""
    truths = [name for name in TRUTHS if (rows[name] != "").any()]
    digest = hashlib.sha256("\t".join(labels).encode())
    for lines in _lines(rows, (*HASHED, *truths)):
        digest.update(("\n" + "\n".join(lines.to_pylist())).encode())
    return digest.hexdigest()


def content_of(rows: pd.DataFrame) -> str:
    """Of the samples themselves in any order, whatever their labels and splits."""
    lines = pa.chunked_array(list(_lines(rows, SAMPLE)))
    ordered = lines.take(pc.sort_indices(lines))  # bytes of UTF-8 sort as its characters do
    digest = hashlib.sha256()
    for at in range(0, len(ordered), BLOCK):
        part = "\n".join(ordered[at : at + BLOCK].to_pylist())
        digest.update((f"\n{part}" if at else part).encode())
    return digest.hexdigest()


def _lines(rows: pd.DataFrame, names: Sequence[str]) -> Iterator[pa.Array]:
    """Values of some columns and what tells the content of the file, joined by tabs."""
    for at in range(0, len(rows), BLOCK):
        part = rows.iloc[at : at + BLOCK]
        columns = [_spelt(part[name]) for name in names]
        yield pc.binary_join_element_wise(*columns, _files(part), TAB)


def _files(part: pd.DataFrame) -> pa.Array:
    """What tells the content of each file: its hash, or its size where it was not hashed."""
    sha256 = _spelt(part["sha256"])
    return pc.if_else(pc.equal(sha256, ""), _spelt(part["bytes"]), sha256)


def _spelt(column: pd.Series) -> pa.Array:
    """One spelling for each value: micro-seconds for floats, nothing for NaN."""
    if column.dtype.kind == "f":
        # each value of a block is spelt once; by their bits, as -0.0 is spelt apart
        bits, place = np.unique(column.to_numpy(np.float64).view(np.int64), return_inverse=True)
        texts = ["" if np.isnan(v) else f"{v:.6f}" for v in bits.view(np.float64).tolist()]
        return pa.array(texts, pa.large_string()).take(pa.array(place))
    if column.dtype.kind == "i":
        return pc.cast(pa.array(column.to_numpy()), pa.large_string())
    return as_text(column).combine_chunks()
