"""Links that lead out of a dataset's folder: refused, unless the user says that they are meant.

An untrusted dataset could show files of the machine as its own samples. That is the user's to
allow, never the dataset's: `--follow-links`, not a file in the folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def outside(root: Path, paths: Iterable[str]) -> set[str]:
    """Those of `paths`, relative to `root`, that lie elsewhere once links are followed."""
    home = os.path.realpath(root)
    folders: dict[str, str] = {}  # many files share one: it is followed once
    found = set()
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(Path(home, folder))
        place = Path(folders[folder], name)
        if not Path(os.path.realpath(place) if place.is_symlink() else place).is_relative_to(home):
            found.add(path)
    return found


def refusal(root: Path, path: str) -> str:
    """Why such a file is left out, and what to do."""
    return (
        f"{root / path}: a link that leads out of {root}; copy the file, or allow such links with "
        "--follow-links"
    )
