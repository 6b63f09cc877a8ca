"""Before any training: does every file open, has it sound, can it be decoded?

Generated miniatures are verified when they are made. A real dataset's files are looked at once and
remembered by the hash of its manifest, or in the manifest that `bench data prepare` writes. Samples
that cannot be used are left out and listed as missing, or stop the run where they are too many (the
whole table: `benchmark.data.scan`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmark.data import links
from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.present import looked_at, present
from benchmark.data.scan import scan
from benchmark.data.store import BadFile, check_bad
from benchmark.paths import cache_dir

MAX_BAD = 0.01  # chosen: more is a broken copy, not stray files


def opened(manifest: Manifest, *, max_bad: float = MAX_BAD, follow_links: bool = False) -> Manifest:
    """The samples whose files open, with `has_audio` filled in; the others are listed as missing.

    follow_links: also files that lie elsewhere, behind links. Raises NotReadyError, with a list of
    the files, where a share of more than `max_bad` do not.
    """
    if manifest.kind == "miniature":
        return manifest
    if looked_at(manifest):
        return present(manifest, max_bad=max_bad, follow_links=follow_links)
    seen = judged(manifest, follow_links=follow_links)
    bad = [
        BadFile(name, error)
        for name, error in zip(manifest.rows["id"], seen["error"], strict=True)
        if error
    ]
    check_bad(manifest, bad, max_bad)
    return readable(manifest, seen)


def judged(manifest: Manifest, *, follow_links: bool = False) -> pd.DataFrame:
    """As `headers`; links that lead out of the dataset's folder are errors, unless followed.

    Where links lead is looked at each time: it is no matter of the manifest's hash.
    """
    seen = headers(manifest)
    if follow_links:
        return seen
    paths = manifest.rows["path"]
    astray = links.outside(manifest.root, paths.unique())
    return seen.assign(
        error=[
            links.refusal(manifest.root, path) if path in astray else error
            for path, error in zip(paths, seen["error"], strict=True)
        ]
    )


def readable(manifest: Manifest, seen: pd.DataFrame) -> Manifest:
    """`manifest` without the samples that do not open, by what `judged` says of it."""
    heard, seconds = seen["has_audio"].astype("boolean"), seen["seconds"]
    rows = manifest.rows.assign(has_audio=heard.array, seconds=seconds.to_numpy(float))
    lost = tuple(manifest.rows["path"][(seen["error"] != "").to_numpy()])
    found = replace(manifest, rows=rows, missing=(*manifest.missing, *lost), checked=True)
    return found.keep((seen["error"] == "").to_numpy()) if lost else found


def decode_all(
    dataset: ClipDataset, *, jobs: int | None, progress: Callable[[int, int], None]
) -> None:
    """Decode every clip of a dataset into its store, so that training never waits for a decoder.

    Does nothing without a store. Raises NotReadyError naming the files that cannot be decoded.
    """
    if dataset.store is None:
        return
    dataset.store.warm(
        dataset.manifest,
        size=dataset.size,
        crop=dataset.crop,
        sample_rate=dataset.sample_rate,
        jobs=jobs,
        progress=progress,
        max_bad=0.0,
    )


def headers(manifest: Manifest) -> pd.DataFrame:
    """What `scan` says of a manifest, read from its rows, or the cache, where it was asked before.

    A scan that met files which do not open is not remembered: they may be mended in place.
    """
    if looked_at(manifest):
        return manifest.rows[["seconds", "has_audio"]].assign(error="")
    path: Path = cache_dir() / "scans" / f"{manifest.hash}.csv"
    if path.is_file():
        return pd.read_csv(path, keep_default_na=False)
    seen = scan(manifest)
    if (seen["error"] != "").any():
        return seen
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    seen.to_csv(temporary, index=False)
    temporary.replace(path)
    return seen
