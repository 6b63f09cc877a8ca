"""Unpack the archives that a dataset is handed out in, where they lie.

Zip and tar are unpacked, each once; what has to be done by hand (rar, archives in parts) is said.
No member leaves the folder: names that climb out and links are refused.
"""

from __future__ import annotations

import gzip
import json
import lzma
import re
import shlex
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from registries.errors import NotReadyError

ZIP = (".zip",)
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
PARTS = re.compile(r"^(.+?)[-_.]?part[a-z]{2}$")  # lrw-v1-partaa, as the owners of LRW cut it
DONE = ".bench_unpacked.json"  # archive -> bytes, of those that were unpacked to their end
JUNK = ("__MACOSX",)
# RuntimeError: a password is needed, or a compression that this Python lacks
DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, RuntimeError),
    *(zlib.error, lzma.LZMAError, ValueError),
)


class Member(NamedTuple):
    """A file in an archive; `content` can be read until the next one is taken."""

    name: str
    size: int
    content: IO[bytes]


def unpack(root: Path) -> list[str]:
    """Unpack every zip and tar in `root` (not deeper) that was not before; returns their names.

    Files that are there with the right size are left. Raises NotReadyError for an archive that
    does not open or holds a name outside, and where `root` cannot be written.
    """
    done = _done(root)
    found = []
    for archive in sorted(path for path in root.iterdir() if path.name.lower().endswith(ZIP + TAR)):
        size = archive.stat().st_size
        if done.get(archive.name) == size:
            continue
        try:
            for member in _members(archive):
                _write(_inside(root, member.name, archive), member)
            done[archive.name] = size
            (root / DONE).write_text(json.dumps(done, indent=1), encoding="utf-8")
        except DAMAGED as error:
            raise NotReadyError(
                f"{archive} does not unpack ({error}); fetch it again: it may be cut short, or "
                "locked by a password"
            ) from error
        except OSError as error:
            raise NotReadyError(
                f"{archive} cannot be unpacked into {root} ({error}); make room, or unpack it by "
                "hand into a folder that can be written and give that as --root"
            ) from error
        found.append(archive.name)
    return found


def by_hand(root: Path) -> list[str]:
    """Commands that unpack what `unpack` does not: rar, and archives cut into parts."""
    if not root.is_dir():
        return []
    files = sorted(path.name for path in root.iterdir() if path.is_file())
    commands = [
        f"unrar x {shlex.quote(name)} (in {root})"
        for name in files
        if name.lower().endswith(".rar")
    ]
    parts = {found.group(1): name for name in files if (found := PARTS.match(name))}
    return commands + [
        f"cat {shlex.quote(name[:-2])}* > {shlex.quote(f'{stem}.tar')} (in {root})"
        for stem, name in parts.items()
        if f"{stem}.tar" not in files
    ]


def _members(archive: Path) -> Iterator[Member]:
    """Regular files of an archive. Raises NotReadyError for a link or a device."""
    if archive.name.lower().endswith(ZIP):
        with zipfile.ZipFile(archive) as file:
            for entry in file.infolist():
                # the upper half of the attributes is the Unix mode; 0o12 is a link
                if entry.external_attr >> 28 == 0o12:
                    raise _refused(archive, entry.filename, "a link")
                if not entry.is_dir():
                    with file.open(entry) as content:
                        yield Member(entry.filename, entry.file_size, content)
        return
    with tarfile.open(archive) as tar:
        for info in tar:
            if info.isdir():
                continue
            taken = tar.extractfile(info) if info.isreg() else None
            if taken is None:
                raise _refused(archive, info.name, "neither a file nor a folder")
            with closing(taken):
                yield Member(info.name, info.size, taken)


def _inside(root: Path, name: str, archive: Path) -> Path:
    """Where the member is written. Raises NotReadyError where that is not below the root."""
    path = PurePosixPath(name)
    leaves = path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts
    if leaves or ":" in path.parts[0]:
        raise _refused(archive, name, "a path outside the folder")
    place = root / path
    if not place.parent.resolve().is_relative_to(root.resolve()):
        raise _refused(archive, name, "written through a link that leads out of the folder")
    return place


def _refused(archive: Path, name: str, what: str) -> NotReadyError:
    return NotReadyError(
        f"{archive}: the member {name!r} is {what}; look at the archive, and unpack it by hand if "
        "it is what its owners hand out"
    )


def _write(path: Path, member: Member) -> None:
    """Write a member under a temporary name and rename; one that is there is left."""
    skip = any(part in JUNK for part in path.parts)
    if skip or (path.is_file() and path.stat().st_size == member.size):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        shutil.copyfileobj(member.content, file)
    temporary.replace(path)


def _done(root: Path) -> dict[str, int]:
    path = root / DONE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    except (json.JSONDecodeError, TypeError, ValueError):
        return {}  # unpacked again: files that are there are left
