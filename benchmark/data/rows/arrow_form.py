"""A manifest as an Arrow IPC file: opened by mapping it into memory, whatever its length.

    schema     its metadata hold the head, as JSON, with the hash of the manifest
    batch 0    all rows; few texts that repeat, or one number for all rows, are a dictionary with a
               byte a row
    batch 1    no row; its metadata hold the SHA-256 of what lies before it in the file

Rows that are mapped are read from disk when they are asked for, and the system takes their memory
back when it is needed elsewhere. What a dictionary stores is spelt out when a file is opened, so
that the columns have the types that those of a CSV have; one value for all rows takes no memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmark.data.rows.checks import as_text
from benchmark.data.rows.columns import COLUMNS

HEAD, CHECKSUM, COVERED = b"bench-manifest", b"sha256", b"bytes"
LOOKED_AT = 65_536  # texts of a column, spread over it, that say whether it repeats; chosen
OWN = ("id", "path")  # a text of its own for almost every row
REPEATS = 127  # different texts at most in a column that is stored as a dictionary: one byte a row
TEXT = pd.StringDtype("pyarrow", na_value=np.nan)  # what pandas calls "str"
BLOCK = 8_192  # rows that a text of all rows is spelt out for; chosen
PLAIN: dict[str, pa.DataType] = {
    "str": pa.large_string(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "boolean": pa.bool_(),
}


def write(path: Path, head: Mapping[str, Any], rows: pd.DataFrame) -> None:
    """The head and all rows, then the checksum of them."""
    columns = {name: _stored(rows[name]) for name in COLUMNS}
    batch = pa.RecordBatch.from_pydict(columns, metadata={HEAD: json.dumps(head)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
        covered = sink.tell()
        note = {CHECKSUM: _sha256(path, covered), COVERED: str(covered)}
        writer.write_batch(batch.slice(0, 0), custom_metadata=note)


def read(path: Path, *, check: bool) -> tuple[dict[str, Any], pd.DataFrame]:
    """Head and rows, mapped from the file. Raises what the parsing of other files ends in.

    check: read the file once to its end, and refuse one that differs from its checksum. Without,
    a damaged file may be read as other rows, or end the process: see `benchmark.data.rows.trust`.
    """
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    head = json.loads((reader.schema.metadata or {})[HEAD])
    if reader.num_record_batches != 2:
        raise ValueError(f"{reader.num_record_batches} batches of rows, not 2")
    if check:
        note = reader.get_batch_with_custom_metadata(1).custom_metadata or {}
        if note[CHECKSUM].decode() != _sha256(path, int(note[COVERED])):
            raise ValueError("its content differs from its checksum")
    batch = reader.get_batch(0)
    if check:
        batch.validate(full=True)
    return head, pd.DataFrame(
        {name: _column(batch, name, kind) for name, kind in COLUMNS.items()}, copy=False
    )


def _stored(column: pd.Series) -> pa.Array:
    kind = COLUMNS[column.name]
    if kind == "str":
        return _stored_text(as_text(column), repeats=column.name not in OWN)
    found = pa.array(column, PLAIN[kind], from_pandas=kind == "boolean")
    if kind == "boolean":
        return found
    bits = column.to_numpy().view(np.int64)  # NaN equals itself, -0.0 is not 0.0
    if (bits != bits[0]).any():
        return found
    return pa.DictionaryArray.from_arrays(np.zeros(len(found), np.int8), found[:1])


def _stored_text(text: pa.ChunkedArray, *, repeats: bool) -> pa.Array:
    if repeats:
        spread = np.linspace(0, len(text) - 1, LOOKED_AT).astype(np.int64)
        repeats = len(text.take(pa.array(spread)).unique()) <= REPEATS
    if repeats and len(text.unique()) <= REPEATS:
        text = text.dictionary_encode().cast(_coded("str"))
    return text.combine_chunks()


def _column(batch: pa.RecordBatch, name: str, kind: str) -> Any:  # noqa: ANN401 - any array of pandas
    """A column as pandas holds it, without a copy where it is stored so."""
    found = batch.column(name)
    if found.type not in (PLAIN[kind], _coded(kind)):
        raise TypeError(f"column {name} is {found.type}, not {PLAIN[kind]}")
    if kind == "boolean":
        return pd.BooleanDtype().__from_arrow__(found)
    coded = found.type == _coded(kind)
    if found.null_count or (coded and found.dictionary.null_count):
        raise ValueError(f"column {name} has empty places")
    once = coded and len(found.dictionary) == 1
    if kind == "str":
        return TEXT.__from_arrow__(_repeated(found) if once else found.cast(PLAIN[kind]))
    if coded and not once:
        raise ValueError(f"column {name} has several numbers in a dictionary")
    return np.broadcast_to(found.dictionary.to_numpy(), len(found)) if once else found.to_numpy()


def _repeated(column: pa.DictionaryArray) -> pa.ChunkedArray:
    """One text for all rows: blocks of them that share their memory."""
    block = pa.repeat(column.dictionary[0], min(len(column), BLOCK))
    whole, rest = divmod(len(column), len(block))
    return pa.chunked_array([*[block] * whole, block[:rest]])


def _coded(kind: str) -> pa.DataType:
    return pa.dictionary(pa.int8(), PLAIN[kind])


def _sha256(path: Path, length: int) -> str:
    """Of the first `length` bytes of a file."""
    digest, block = hashlib.sha256(), memoryview(bytearray(1 << 20))
    with path.open("rb", buffering=0) as file:
        while length > 0 and (count := file.readinto(block[: min(length, len(block))])):
            digest.update(block[:count])
            length -= count
    return digest.hexdigest()
