"""Are the files of a manifest still there, whose rows say that somebody has opened them?

Such a manifest (`bench data prepare` writes it) is not looked at file by file before every run. Up
to `BLOCKS * ROWS` files are looked for: all, or so many in blocks spread evenly over the rows;
where one of these is gone or changed, all are. A file that none of this finds stops the training
that reads it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmark.data import links
from benchmark.data.manifest import Manifest
from benchmark.data.store import BadFile, check_bad

# chosen: half a second where the disk answers in 10 us; blocks, as a row of a manifest that is
# mapped into memory brings its neighbours with it
BLOCKS, ROWS = 25, 2_000


def looked_at(manifest: Manifest) -> bool:
    """Whether the rows say how long each sample is, and with it that its file has been opened."""
    return bool(manifest.rows["seconds"].notna().all())


def present(manifest: Manifest, *, max_bad: float, follow_links: bool) -> Manifest:
    """The samples whose files are as the manifest says; the others are listed as missing.

    Raises NotReadyError, with a list of the files, where a share of more than `max_bad` are not.
    """
    rows = len(manifest)
    begins = np.linspace(0, max(rows - ROWS, 0), BLOCKS).astype(np.int64)
    spread = np.unique(np.minimum(begins[:, None] + np.arange(ROWS), rows - 1))
    gone = dict(_gone(manifest, spread, follow_links=follow_links))
    if gone and rows > len(spread):
        gone = dict(_gone(manifest, np.arange(rows), follow_links=follow_links))
    if not gone:
        return manifest
    lost = manifest.rows["path"].isin(list(gone)).to_numpy(bool)
    names = manifest.rows[["id", "path"]][lost]
    check_bad(manifest, [BadFile(row.id, gone[row.path]) for row in names.itertuples()], max_bad)
    listed = replace(manifest, missing=(*manifest.missing, *names["path"]), checked=True)
    return listed.keep(~lost)


def _gone(
    manifest: Manifest, places: np.ndarray, *, follow_links: bool
) -> Iterator[tuple[str, str]]:
    """Paths of files that are missing, changed or elsewhere, and what is wrong with each."""
    files = manifest.rows[["path", "bytes"]].iloc[places].drop_duplicates("path")
    if not follow_links:
        for path in sorted(links.outside(manifest.root, files["path"])):
            yield path, links.refusal(manifest.root, path)
    root = os.fspath(manifest.root)
    for path, size in zip(files["path"], files["bytes"].to_numpy(), strict=True):
        place = os.path.join(root, path)  # noqa: PTH118 - a Path costs more than the question
        try:
            found = os.stat(place)  # noqa: PTH116 - as above
        except OSError:
            found = None
        if found is None or not stat.S_ISREG(found.st_mode):
            yield path, f"{place}: the file is missing; restore it, or prepare the manifest again"
        elif size and found.st_size != size:
            said = f"{found.st_size} bytes, the manifest says {size}"
            yield path, f"{place} has {said}; prepare the manifest again"
