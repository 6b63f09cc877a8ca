"""Where the landmarks of a dataset lie: beside its clips, or, in a read-only copy, in the cache.

    <root>/landmarks/<path of the clip without suffix>.npy          beside the clips
    <cache>/landmarks/<folder>-<hash of the root>/<the same>        where the root takes no files

Beside them lies crop_meta.json: provider, version, settings, share of missed frames in all and by
clip, and the clips that have no landmarks, with the reason. A manifest names landmarks by their
place below the root whichever of the two holds them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from benchmark.data.landmarks.files import SUFFIXES
from benchmark.paths import cache_dir
from registries.errors import NotReadyError

FOLDER = "landmarks"
META = "crop_meta.json"


def folder(root: Path) -> Path:
    """Where landmarks for the dataset at `root` are written; made if it is not there.

    Raises NotReadyError where neither the root nor the cache takes files.
    """
    beside = root / FOLDER
    if _takes_files(beside):
        return beside
    away = in_cache(root)
    if _takes_files(away):
        return away
    raise NotReadyError(
        f"neither {beside} nor {away} can be written to; set BENCH_CACHE to a folder that can"
    )


def in_cache(root: Path) -> Path:
    """The folder in the cache for a root that takes no files."""
    place = root.resolve()
    digest = hashlib.sha256(str(place).encode()).hexdigest()[:16]
    return cache_dir() / FOLDER / f"{place.name}-{digest}"


def finder(root: Path) -> Callable[[str], str]:
    """A function from a clip's path to the name of its landmarks below `root`, "" for none."""
    places = [place for place in (root / FOLDER, in_cache(root)) if place.is_dir()]

    def find(path: str) -> str:
        stem = PurePosixPath(path).with_suffix("")
        for place in places:
            for suffix in SUFFIXES:
                if (place / f"{stem}{suffix}").is_file():
                    return f"{FOLDER}/{stem}{suffix}"
        return ""

    return find


def resolve(root: Path, name: str) -> Path:
    """The file that `name`, from a manifest, stands for."""
    beside = root / name
    if beside.is_file():
        return beside
    away = in_cache(root) / PurePosixPath(name).relative_to(FOLDER) if _ours(name) else beside
    return away if away.is_file() else beside


def read_meta(root: Path) -> dict[str, Any] | None:
    """What crop_meta.json says of the landmarks of `root`; None where they have none."""
    found = (meta_in(place) for place in (root / FOLDER, in_cache(root)))
    return next((facts for facts in found if facts is not None), None)


def meta_in(place: Path) -> dict[str, Any] | None:
    """What the crop_meta.json in a folder says; None where it has none."""
    path = place / META
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise NotReadyError(
            f"{path} is not JSON ({error}); delete it and run `bench data landmarks` again"
        ) from error


def write(path: Path, content: bytes) -> None:
    """Write under a temporary name and rename: a file that exists is complete."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise NotReadyError(
            f"{path} cannot be written ({error}); free some space and run the command again, it "
            "goes on where it stopped"
        ) from error


def _ours(name: str) -> bool:
    return PurePosixPath(name).parts[:1] == (FOLDER,)


def _takes_files(place: Path) -> bool:
    """Whether a file can be written into `place`, which is made if it is not there."""
    probe = place / f".{os.getpid()}.part"
    try:
        place.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError:
        return False
    return True
