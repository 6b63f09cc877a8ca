"""Look at every file before training: does it open, how long is it, has it sound?

What becomes of a file, by what is wrong with it (`ready.judged` sees to links). Left out: it is
listed as missing and counted in the coverage. Padded: what it lacks is repeated (picture) or zero
(sound), and the validity of the clip (`data_samples["valid"]`) says so. Read: nothing is wrong with
it. Stops: no training begins, the files are named; also where more than `ready.MAX_BAD` of the
files would be left out.

    missing, empty, no media file                       left out
    header only, or cut short                           left out
    promises more than it holds (a 5-hour header)       left out
    promises more than its own index                    read
    no key frame, first picture damaged                 left out
    no picture, in a file that is no sound file         left out
    picture larger than `container.MAX_PIXELS`          left out
    playlist or list of other files                     left out
    longer to look at than `LIMIT`, crashes a decoder   left out
    link that leads out of the dataset's folder         left out
    segment that begins after the end                   left out
    damaged in the middle                               stops
    no sound                                            left out where sound is needed
    shorter than the clip; one picture                  padded
    sound shorter or later than the picture             padded
    sound longer than the picture                       read
    variable frame rate, rotated, odd or changing size  read
    8 or 10 bits, mono to 5.1, 8 to 96 kHz              read
    stamps below zero or far above                      read
    wrong suffix of a video, any name                   read
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from benchmark.data.isolated import Lost, ask
from benchmark.data.look import Look, look
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError

LIMIT = 30.0  # s for a look at one file; chosen: it takes some 10 ms


def scan(
    manifest: Manifest,
    *,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Columns seconds, has_audio, error, one row a sample; error is empty where it can be used.

    jobs: processes, None for all cores. progress: called with (files done, files).
    """
    names = manifest.rows["path"].unique().tolist()
    paths = [manifest.root / name for name in names]
    found: dict[str, Look] = {}
    for position, answer in ask(look, paths, jobs=jobs or os.cpu_count() or 1, limit=LIMIT):
        if isinstance(answer, Lost):
            answer = Look(0.0, False, f"{paths[position]}: {answer.reason}; leave it out")
        found[names[position]] = answer
        if progress is not None:
            progress(len(found), len(names))
    rows = zip(*(manifest.rows[name] for name in ("path", "start", "stop")), strict=True)
    return pd.DataFrame(
        [_sample(manifest, found[path], path, start, stop) for path, start, stop in rows],
        columns=["seconds", "has_audio", "error"],
        index=manifest.rows.index,
    )


def _sample(manifest: Manifest, file: Look, path: str, start: float, stop: float) -> Look:
    """What a look at the file says about one sample of it."""
    end = file.seconds if pd.isna(stop) else min(stop, file.seconds)
    if not file.error and end <= start:
        said = f"its sample begins at {start:.2f} s, the file ends at {file.seconds:.2f} s"
        return Look(0.0, False, f"{manifest.root / path}: {said}; correct the list")
    return Look(max(end - start, 0.0), file.has_audio, file.error)


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
    return replace(manifest, rows=rows, checked=True).keep(good)
