"""Where each clip of a pack is: a table sorted by name, memory-mapped, 24 bytes a clip."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from benchmark.data.pack.shard import DamagedError
from benchmark.results.atomic import write_over

FILE = "index.arrow"


class Index(NamedTuple):
    """Columns (N,): name, ascending, and content as in identity.py; file and row in it."""

    name: np.ndarray
    content: np.ndarray
    shard: np.ndarray
    row: np.ndarray

    def places(self, names: np.ndarray) -> np.ndarray:
        """Place of each name (M,) in the index, -1 for none."""
        found = np.searchsorted(self.name, names).clip(max=max(len(self.name) - 1, 0))
        return np.where(self.name[found] == names, found, -1) if len(self.name) else found - 1

    def write(self, folder: Path) -> str:
        """Write it, sorted; returns the file's SHA-256."""
        order = np.argsort(self.name, kind="stable")
        batch = pa.record_batch([pa.array(column[order]) for column in self], list(self._fields))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        data = memoryview(sink.getvalue())
        write_over(folder / FILE, data)
        return hashlib.sha256(data).hexdigest()

    @classmethod
    def read(cls, folder: Path) -> Index:
        """Map what `write` wrote. Raises DamagedError for another file."""
        path = folder / FILE
        try:
            batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
            return cls(*(batch.column(name).to_numpy() for name in cls._fields))
        except (pa.ArrowException, OSError, KeyError) as error:
            raise DamagedError(
                f"{path}: a missing or damaged index of a pack ({error}); delete it and give the "
                "`bench data pack` command again, which writes what is missing"
            ) from error
