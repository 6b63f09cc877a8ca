"""Provider "precomputed": landmarks that somebody else made, as files of (T, K, 2), K = 5 or 68.

    .npy   an array; NaN where there was no face
    .pkl   an array, or a list of one (K, 2) array or None a frame
    .csv   a row a frame, x0,y0,x1,y1,...; empty cells where there was no face; a header may precede

K = 5 means the five points of points.py, with the outer corners of the eyes, not their centres.
Pickles can run code when they are loaded: these are read by an unpickler that makes numbers, lists
and arrays only.
"""

from __future__ import annotations

import pickle
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from benchmark.data.container import MediaError
from benchmark.data.landmarks.points import COUNTS, five_points
from registries.errors import NotReadyError

SUFFIXES = (".npy", ".pkl", ".csv")
# what pickled numpy arrays of old and new versions ask for, and nothing else
ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}


class Files:
    """Landmark files below a folder, named as the clips: the provider "precomputed".

    The first folder of a clip's path may be left out, as published sets of landmarks do:
    lipread_mp4/ABOUT/test/ABOUT_00001.mp4 has ABOUT/test/ABOUT_00001.pkl.
    Raises NotReadyError where there is no such folder.
    """

    name = "precomputed"
    version = "1"

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise NotReadyError(
                f"{folder} is not a folder of landmarks. Give the folder that holds <path of a "
                f"clip without suffix>{{{','.join(SUFFIXES)}}} for the clips of the dataset"
            )
        self.folder = folder

    def points(self, clip: Path, name: str) -> np.ndarray:
        """Five points of a clip, (T, 5, 2); name: its path in the dataset. Raises MediaError."""
        stem = PurePosixPath(name).with_suffix("")
        for tail in (stem, PurePosixPath(*stem.parts[1:])):
            for suffix in SUFFIXES:
                path = self.folder / f"{tail}{suffix}"
                if tail.name and path.is_file():
                    return read_points(path)
        raise MediaError(f"{self.folder} has no landmarks {stem}{{{','.join(SUFFIXES)}}}")


def read_points(path: Path) -> np.ndarray:
    """(T, 5, 2) float64 of a landmark file, NaN throughout a missed frame.

    Raises MediaError for a missing file and for anything that is not (T, 5, 2) or (T, 68, 2).
    """
    if not path.is_file():
        raise MediaError(f"{path}: the landmarks are missing; write them again")
    readers = {".npy": _npy, ".pkl": _pickle, ".csv": _csv}
    if path.suffix not in readers:
        raise MediaError(f"{path}: landmarks are files of {', '.join(SUFFIXES)}")
    points = readers[path.suffix](path)
    if points.ndim != 3 or points.shape[1] not in COUNTS or points.shape[2] != 2 or not len(points):
        raise MediaError(
            f"{path}: an array of shape {points.shape}; landmarks are (T, 5, 2) or (T, 68, 2)"
        )
    return five_points(points)


class _PlainUnpickler(pickle.Unpickler):
    """Makes numbers, strings, lists, dictionaries and numpy arrays."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - the base class's own type
        here = module.replace("numpy.core.", "numpy._core.")  # numpy < 2
        if (here, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not data")
        return super().find_class(here, name)


def _npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False).astype(np.float64)
    except (ValueError, TypeError, EOFError, OSError) as error:
        raise MediaError(f"{path}: not a .npy array ({error}); write it again") from error


def _pickle(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            content = _PlainUnpickler(file).load()
        return _stacked(content)
    except Exception as error:  # a damaged pickle may raise anything
        raise MediaError(
            f"{path}: not a pickled array or list of arrays ({error}); write it again, or as .npy"
        ) from error


def _stacked(content: Any) -> np.ndarray:  # noqa: ANN401 - whatever the pickle held
    """An array as it is; a list with None for frames without a face as (T, K, 2) with NaN."""
    frames = list(content)
    known = next((np.asarray(frame) for frame in frames if frame is not None), None)
    if known is None:
        return np.full((len(frames), 5, 2), np.nan)
    blank = np.full(known.shape, np.nan)
    return np.stack([blank if frame is None else np.asarray(frame, float) for frame in frames])


def _csv(path: Path) -> np.ndarray:
    try:
        table = pd.read_csv(path, header=None, dtype=str, keep_default_na=False)
        table = table.apply(lambda column: column.str.strip().replace({"": "nan"}))
        first = pd.to_numeric(table.iloc[0], errors="coerce")
        names = first.isna() & (table.iloc[0].str.lower() != "nan")
        values = table.iloc[1 if names.any() else 0 :].to_numpy().astype(np.float64)
    except (ValueError, IndexError, OSError) as error:  # pandas' own errors are ValueErrors
        raise MediaError(f"{path}: not a table of numbers ({error}); write it again") from error
    if values.shape[1] not in [2 * count for count in COUNTS]:
        raise MediaError(
            f"{path}: {values.shape[1]} columns; a row is x0,y0,x1,y1,... of 5 or 68 points"
        )
    return values.reshape(len(values), -1, 2)
