"""K-AV: a pretraining set listed in `kav_manifest.csv` (source,path,start,end,sha1), ranked.

The ids of the published sets were never released; ranking what is available by a hash makes nested
subsets: the first n rows are the set of size n. `bench data prepare kav` writes the
file.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.data.adapters.common import Source, build
from benchmark.data.adapters.youtube import seconds
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError

SOURCE = Source(
    name="kav",
    title="K-AV (pretraining mixture)",
    layout="kav_manifest.csv with the columns source,path,start,end,sha1, and the files it names",
    owner="clips of Kinetics-700 and AVSpeech, from their owners",
    licence="that of each source",
    folders=("KAV", "kav", "K-AV"),
)
FILE = "kav_manifest.csv"
NEEDED = ("path", "start", "end")


def present(root: Path) -> bool:
    """Whether `root` holds the list."""
    return (root / FILE).is_file()


def read(root: Path) -> Manifest:
    """The listed clips whose files are there, all of them "train".

    `end` empty, or not after `start`, means to the end of the file.
    """
    table = pd.read_csv(root / FILE, dtype=str, keep_default_na=False)
    if absent := [name for name in NEEDED if name not in table.columns]:
        raise NotReadyError(f"{root / FILE} lacks the columns {absent}; write it again")
    samples, missing = [], []
    for row in table.to_dict("records"):
        if not (root / row["path"]).is_file():
            missing.append(row["path"])
            continue
        start, end = (seconds(row[name] or "0", root / FILE) for name in ("start", "end"))
        samples.append(
            {
                "id": f"{row['path']}@{row['start'] or '0'}",
                "path": row["path"],
                "start": start,
                "stop": end if end > start else float("nan"),
                "split": "train",
            }
        )
    return build(
        SOURCE,
        root,
        samples,
        kind="subset" if missing else "full",
        expected=len(table),
        missing=missing,
    )
