"""Look at every file's header before training: does it open, how long is it, has it sound?"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd

from benchmark.data.manifest import Manifest
from benchmark.data.media import MediaError
from benchmark.data.reader import probe
from registries.errors import NotReadyError


def scan(
    manifest: Manifest,
    *,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Columns seconds, has_audio, error, one row a sample; error is empty where the file opens.

    Only headers are read (about a millisecond a file). jobs: threads, None for all cores.
    """

    def one(row: int) -> tuple[float, bool, str]:
        facts = manifest.rows.iloc[row]
        try:
            info = probe(manifest.media(row))
        except MediaError as error:
            return 0.0, False, str(error)
        stop = info.duration if pd.isna(facts["stop"]) else min(facts["stop"], info.duration)
        return max(stop - facts["start"], 0.0), info.has_audio, ""

    found = []
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        for done, facts in enumerate(pool.map(one, range(len(manifest))), start=1):
            found.append(facts)
            if progress is not None:
                progress(done, len(manifest))
    return pd.DataFrame(found, columns=["seconds", "has_audio", "error"], index=manifest.rows.index)


def fit(manifest: Manifest, seen: pd.DataFrame, *, seconds: float, sound: bool) -> Manifest:
    """The samples that open, last `seconds` at least and, where `sound` is needed, have some.

    seen: from `scan`. The rows' has_audio is filled in. Raises NotReadyError where none is left.
    """
    good = (seen["error"] == "") & (seen["seconds"] >= seconds - 1e-6)
    if sound:
        good &= seen["has_audio"]
    if not good.any():
        silent = int((~seen["has_audio"]).sum())
        raise NotReadyError(
            f"none of the {len(manifest)} samples of {manifest.name} in {manifest.root} can be "
            f"used: {int((seen['error'] != '').sum())} do not open, {silent} have no sound, the "
            f"longest lasts {seen['seconds'].max():.2f} s and {seconds:.2f} s are needed"
        )
    rows = manifest.rows.assign(has_audio=seen["has_audio"].astype("boolean"))
    return replace(manifest, rows=rows).keep(good)
