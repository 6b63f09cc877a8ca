"""Per-sample predictions of a cell, in a file from which every score can be computed again.

`benchmark.results.scores` does so: a record's numbers come from there, never from memory.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import numpy as np
from numpy.typing import NDArray

from benchmark.results.atomic import write_over
from benchmark.results.keys import file_sha256
from benchmark.results.schema import Predictions
from registries.errors import VerificationError

Array = NDArray[Any]

EPOCH = (
    1980,
    1,
    1,
    0,
    0,
    0,
)  # the earliest time a zip can hold: bytes must not depend on the clock


@dataclass(frozen=True, kw_only=True)
class PredictionTable:
    """sample_id (N,) and group_id (N,) text, target (N,) integers, score (N, C) float32.

    One row per test sample, in the order of `sample_id`. group_id: what a bootstrap draws as a
    whole (source video, speaker, UCF group). What else a task may have, (N,) text each or None:
    tag, by which scores are reported apart; reference and hypothesis, what was said and what was
    read.
    """

    sample_id: Array
    group_id: Array
    target: Array
    score: Array
    tag: Array | None = None
    reference: Array | None = None
    hypothesis: Array | None = None

    def take(self, rows: Array) -> PredictionTable:
        """The rows of an index or mask, in its order."""
        return PredictionTable(**{name: part[rows] for name, part in self.parts().items()})

    def parts(self) -> dict[str, Array]:
        """The arrays that are there, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: part for name, part in found.items() if part is not None}


def write_predictions(
    path: Path,
    *,
    sample_id: Sequence[str],
    group_id: Sequence[str],
    target: Sequence[int] | Array,
    score: Sequence[Sequence[float]] | Array,
    tag: Sequence[str] | None = None,
    reference: Sequence[str] | None = None,
    hypothesis: Sequence[str] | None = None,
    root: Path | None = None,
) -> Predictions:
    """Save a test run as compressed npz and describe it for the record.

    score (N, C). tag, reference, hypothesis: see `PredictionTable`. Rows are sorted by sample, so
    the bytes depend on the content only. root: folder that the described path is relative to (the
    store's); without it, the file's bare name.
    Raises ValueError for a repeated sample, unequal lengths, or a score that is not finite.
    """
    table = _checked(
        PredictionTable(
            sample_id=np.asarray(sample_id, dtype=np.str_),
            group_id=np.asarray(group_id, dtype=np.str_),
            target=np.asarray(target, dtype=np.int64),
            score=np.ascontiguousarray(score, dtype=np.float32),
            tag=_texts(tag),
            reference=_texts(reference),
            hypothesis=_texts(hypothesis),
        )
    )
    return write_table(path, table, root=root)


def write_table(
    path: Path, table: PredictionTable, *, root: Path | None = None, method: int = ZIP_DEFLATED
) -> Predictions:
    """Save a table as it is. method: of zipfile, by which its columns are compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_over(path, _npz_bytes(table, method))
    place = path.relative_to(root).as_posix() if root else path.name
    columns = list(table.parts())
    return Predictions(path=place, sha256=file_sha256(path), columns=columns)


def read_predictions(path: Path) -> PredictionTable:
    """The saved table. Raises VerificationError for a damaged file or one of another kind."""
    names = [field.name for field in fields(PredictionTable) if field.default is MISSING]
    known = [field.name for field in fields(PredictionTable)]
    try:
        with np.load(path, allow_pickle=False) as stored:
            kept = [name for name in known if name in names or name in stored.files]
            table = PredictionTable(**{name: stored[name] for name in kept})
        return _checked(table)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged or hostile file may raise anything
        raise VerificationError(
            f"{path} is no prediction file ({error}); expected an npz with {', '.join(names)}. "
            "Invalidate its record (bench results invalidate) and run the cell again."
        ) from error


def _checked(table: PredictionTable) -> PredictionTable:
    shapes = {name: part.shape for name, part in table.parts().items()}
    count = len(table.sample_id)
    flat = all(shape == (count,) for name, shape in shapes.items() if name != "score")
    if not flat or not count or table.score.ndim != 2 or len(table.score) != count:
        raise ValueError(f"predictions need N rows in every column and scores (N, C); got {shapes}")
    if not np.isfinite(table.score).all():
        raise ValueError("predictions hold a score that is not finite")
    if (
        table.score.shape[1] > 1
        and not 0 <= table.target.min() <= table.target.max() < (table.score.shape[1])
    ):
        raise ValueError(f"a target lies outside the {table.score.shape[1]} scores")
    order = np.argsort(table.sample_id, kind="stable")
    ordered = table.take(order)
    twice = ordered.sample_id[1:][ordered.sample_id[1:] == ordered.sample_id[:-1]]
    if len(twice):
        raise ValueError(f"sample {twice[0]} occurs twice; drop what the sampler padded")
    return ordered


def _texts(values: Sequence[str] | None) -> Array | None:
    return None if values is None else np.asarray(values, dtype=np.str_)


def _npz_bytes(table: PredictionTable, method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, array in table.parts().items():
            part = io.BytesIO()
            np.lib.format.write_array(part, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=EPOCH)
            entry.compress_type = method
            entry.create_system = 3  # chosen: the same byte on every platform
            archive.writestr(entry, part.getvalue())
    return buffer.getvalue()
