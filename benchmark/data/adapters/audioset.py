"""AudioSet: `{balanced_train,unbalanced_train,eval}_segments.csv` and segments of 10 s.

Lists have three comment lines, then `YTID, start_seconds, end_seconds, "mid,mid,..."`. Files are
`<id>_<start ms>_<end ms>.mp4`, as facebookresearch/AVID-CMA cuts them, or `<id>_<start>.mp4`, at
any depth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.data.adapters.common import Source, build
from benchmark.data.adapters.youtube import clips, seconds, table
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError, unknown

SOURCE = Source(
    name="audioset",
    title="AudioSet",
    layout="{balanced_train,unbalanced_train,eval}_segments.csv, class_labels_indices.csv and "
    "<youtube id>_<start ms>_<end ms>.mp4 or <youtube id>_<start>.mp4 at any depth",
    owner="https://research.google.com/audioset/download.html (the lists; videos from YouTube)",
    licence="CC BY 4.0 for the lists; videos remain their owners'",
    folders=("AudioSet", "audioset"),
)
CLASSES = "class_labels_indices.csv"
PARTS = {
    "balanced": ("balanced_train", "eval"),
    "unbalanced": ("unbalanced_train", "eval"),
    "all": ("balanced_train", "unbalanced_train", "eval"),
}


def present(root: Path) -> bool:
    """Whether `root` holds a list of segments."""
    return any((root / f"{name}_segments.csv").is_file() for name in PARTS["all"])


def read(root: Path, *, part: str = "all") -> Manifest:
    """Listed segments in a fixed random order; eval is "test". part: which lists are train.

    A segment has several classes, so `label` stays empty: `tag` holds their ids as listed, comma
    between, and the manifest's labels are the 527 names where class_labels_indices.csv is there.
    A part without a list is an error, eval apart. Raises UsageError for an unknown part.
    """
    if part not in PARTS:
        raise unknown("part of AudioSet", part, PARTS)
    names = _classes(root)
    files = clips(root)
    samples: list[dict[str, Any]] = []
    missing: list[str] = []
    for listed in _lists(root, part):
        found, absent = _segments(listed, files, known=set(names))
        samples += found
        missing += absent
    return build(
        SOURCE,
        root,
        samples,
        labels=tuple(names.values()),
        kind="subset" if missing else "full",
        expected=len(samples) + len(missing),
        missing=missing,
    ).ranked()


def _lists(root: Path, part: str) -> list[Path]:
    """The lists of a part that are there; of "all", at least one."""
    paths = [root / f"{name}_segments.csv" for name in PARTS[part]]
    if part != "all" and not paths[0].is_file():
        raise NotReadyError(f"{paths[0]} is missing. {SOURCE.help(root)}")
    return [path for path in paths if path.is_file()]


def _segments(
    path: Path, files: dict[str, str], *, known: set[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of a list whose files are there, and names of the others."""
    samples, missing = [], []
    for video, start, end, mids in table(path, 4):
        if strange := sorted(set(mids.split(",")) - known) if known else []:
            raise NotReadyError(f"{path}: {video} is of class {strange[0]}, {CLASSES} lacks it")
        begin, stop = seconds(start, path), seconds(end, path)
        names = [f"{video}_{round(begin * 1e3)}_{round(stop * 1e3)}", f"{video}_{start}"]
        names += [f"{video}_{begin:g}", f"{video}_{int(begin):06d}"]
        name = next((name for name in names if name in files), None)
        if name is None:
            missing.append(f"{names[0]}.mp4")
            continue
        samples.append(
            {
                "id": f"{video}_{begin:g}",
                "path": files[name],
                "split": "test" if path.name.startswith("eval") else "train",
                "group": video,
                "tag": mids,
            }
        )
    return samples, missing


def _classes(root: Path) -> dict[str, str]:
    """Names by id, in the owners' order; empty where the file is not there."""
    path = root / CLASSES
    if not path.is_file():
        return {}
    return {mid: name for index, mid, name in table(path, 3) if index != "index"}
