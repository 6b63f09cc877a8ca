"""Make a dataset ready: unpack it, read it, look at every file's header, write its manifest.

Nothing is fetched: where a dataset is not there, the error says what it consists of, who hands it
out and which command unpacks what is there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data import adapters, ready, stills, verify
from benchmark.data.adapters.youtube import clips
from benchmark.data.archives import by_hand, unpack
from benchmark.data.manifest import ARROW, Manifest
from benchmark.paths import cache_dir
from registries.errors import NotReadyError

PAIRED = ("flickr_soundnet", "vggss")  # handed out as pictures and sounds too
NAMED = 3  # missing files named; chosen
# rows of which a CSV is written beside the Arrow file that runs open; chosen: longer ones are for
# programs, and would take minutes
CSV_UP_TO = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A dataset that was looked at. written: its manifest, the first is the one to give to a run.

    facts: what was found, in words.

    problems: what should be mended before a score is believed, one sentence each.
    """

    manifest: Manifest
    written: tuple[Path, ...]
    facts: dict[str, str]
    problems: tuple[str, ...]


def prepare(
    name: str,
    root: Path,
    *,
    options: Mapping[str, Any] | None = None,
    out: Path | None = None,
    follow_links: bool = False,
) -> Prepared:
    """Prepare the dataset `name` in `root`; options are its adapter's.

    out: where the manifest goes, an Arrow file where it ends in .arrow, else a CSV; None: an Arrow
    file and, up to `CSV_UP_TO` rows, a CSV beside the data, or in the cache where that is refused.
    follow_links: also files that lie elsewhere, behind links.

    Zip and tar archives in `root` are unpacked. Samples that do not open are problems and are left
    out of the manifest, as they are before a training. Raises UsageError for an unknown name or
    option, NotReadyError where the dataset is not there or cannot be unpacked.
    """
    root = Path(root).expanduser()
    unpacked = unpack(root) if root.is_dir() and name in adapters.ADAPTERS else []
    joined = _join(name, root)
    todo = by_hand(root)
    try:
        listed = adapters.read(name, root, **(options or {}))
    except NotReadyError as error:
        if not todo:
            raise
        raise NotReadyError(f"{error}. Unpack first: {'; '.join(todo)}") from error
    seen = ready.judged(listed, follow_links=follow_links)
    manifest = ready.readable(listed, seen)
    facts = {"unpacked": ", ".join(unpacked), "joined": f"{joined} clips" if joined else ""}
    facts |= _facts(manifest, seen, gone=len(listed.missing))
    facts["to unpack"] = "; ".join(todo) if listed.missing else ""
    written = _write(manifest, out)
    facts |= {"manifest": ", ".join(map(str, written)), "hash": manifest.hash}
    facts["for a run"] = f"--data {name}={written[0]}"
    return Prepared(
        manifest=manifest,
        written=written,
        facts={key: text for key, text in facts.items() if text},
        problems=(*dict.fromkeys(seen["error"][seen["error"] != ""]), *verify.duplicates(manifest)),
    )


def _join(name: str, root: Path) -> int:
    """Join the pictures and sounds of a set that is handed out in pairs."""
    if name not in PAIRED or not root.is_dir():
        return 0
    try:
        place = adapters.locate(name, root)
    except NotReadyError:  # `read` says so
        return 0
    return stills.join_all(place, there=set(clips(place)))


def _facts(manifest: Manifest, seen: pd.DataFrame, *, gone: int) -> dict[str, str]:
    """What was found, in words. gone: listed samples without a file."""
    opens = seen["error"] == ""
    first = ", ".join(manifest.missing[:NAMED])
    return {
        "samples": verify.of_expected(manifest),
        "splits": ", ".join(f"{name} {n}" for name, n in verify.counts(manifest).items()),
        "classes": str(len(manifest.labels) or ""),
        "missing": f"{gone} listed files, the first: {first}" if gone else "",
        "opens": f"{int(opens.sum())} of {len(seen)} samples",
        "sound": f"{int(seen['has_audio'].sum())} of {int(opens.sum())} samples that open",
        "hours": f"{seen['seconds'].sum() / 3600:.2f}",
    }


def _write(manifest: Manifest, out: Path | None) -> tuple[Path, ...]:
    """Write the manifest to `out`, or into the dataset's folder, or into the cache."""
    if out is not None:
        try:
            manifest.write(out)
        except OSError as error:
            raise NotReadyError(f"{out} cannot be written ({error}); give another --out") from error
        return (out,)
    name = f"bench_manifest_{manifest.name}"
    try:
        return _write_forms(manifest, manifest.root / name)
    except OSError:
        # a name for each content: two roots of one dataset do not overwrite one another
        return _write_forms(manifest, cache_dir() / "manifests" / f"{manifest.hash[:16]}_{name}")


def _write_forms(manifest: Manifest, stem: Path) -> tuple[Path, ...]:
    forms = (ARROW, ".csv") if len(manifest) <= CSV_UP_TO else (ARROW,)
    written = tuple(stem.with_name(stem.name + form) for form in forms)
    for path in written:
        manifest.write(path)
    return written
