"""The columns of a manifest, the same for every dataset, real or miniature.

id · path (relative to the root, forward slashes) · start, stop (seconds; stop empty = end of the
file) · label (index into `labels`, -1 = none) · split ("train", "val", "test") · group (samples
that must not be separated) · sha256 (empty = not hashed) · bytes · has_audio (empty = not known) ·
landmarks (path of a (T, 5, 2) array, empty = none) · text (what is said, as the task's metric
compares it) · boxes (JSON, see `Boxes`; empty = none) · tag (a property by which scores are
reported apart, such as the kind of a forgery) · seconds (length of the sample, found when its file
was opened; empty = nobody has looked).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from registries.errors import NotReadyError

COLUMNS: dict[str, str] = {
    "id": "str",
    "path": "str",
    "start": "float64",
    "stop": "float64",
    "label": "int64",
    "split": "str",
    "group": "str",
    "sha256": "str",
    "bytes": "int64",
    "has_audio": "boolean",
    "landmarks": "str",
    "text": "str",
    "boxes": "str",
    "tag": "str",
    "seconds": "float64",
}
DEFAULTS: dict[str, Any] = {
    "start": 0.0,
    "stop": np.nan,
    "label": -1,
    "group": "",
    "sha256": "",
    "bytes": 0,
    "has_audio": pd.NA,
    "landmarks": "",
    "text": "",
    "boxes": "",
    "tag": "",
    "seconds": np.nan,
}


def make_rows(samples: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows with every column and its type; id, path and split are required.

    Raises NotReadyError for text that is no UTF-8.
    """
    filled = [{**DEFAULTS, **sample} for sample in samples]
    try:
        return pd.DataFrame(filled, columns=list(COLUMNS)).astype(COLUMNS)
    except UnicodeEncodeError as error:
        raise NotReadyError(
            f"{error.object[max(error.start - 20, 0) : error.end + 20]!r} in a list or file name "
            "is no UTF-8; rename the file, or convert the list"
        ) from error
