"""HMDB51: `videos/<class>/<film>_<class>_<codes>_<take>.avi` and the official lists of 3 folds.

A list is `<class>_test_split<fold>.txt` with `<file name> <flag>` lines: 1 train, 2 test, 0 unused.
File names hold ! # & ( ) + ; @ [ ] and ~, so folders are listed and nothing is globbed. The codes
tell of body parts, camera, people, view and quality, as in
`A_Beautiful_Mind_1_smoke_h_nm_np1_fr_goo_8.avi`; what stands before the class is the film and, for
films cut into several pieces, the number of the piece. Layout and names: Kuehne et al.
2011, sec. 3.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.data.adapters.common import VIDEO_FILES, Source, build, lines
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError, UsageError

SOURCE = Source(
    name="hmdb51",
    title="HMDB51",
    layout="videos/<class>/<name>.avi (or <class>/<name>.avi), "
    "testTrainMulti_7030_splits/<class>_test_split{1,2,3}.txt",
    owner="https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database",
    licence="CC BY 4.0 (from memory); videos remain their owners'",
    folders=("HMDB51", "hmdb51"),
    expected=5_100,  # 3,570 + 1,530 in each fold, of 6,766 videos: the owners' lists
)
FOLDS = (1, 2, 3)
CLASSES = 51
LISTS = "testTrainMulti_7030_splits"
PLACES = ("videos", "hmdb51_org", "")  # folders of classes; the second is the archive's name
SPLITS = {"1": "train", "2": "test", "0": ""}
CODES = re.compile(r"_[a-z]+_[cn]m_np\d+_[a-z]+_[a-z]+_\d+$")
PIECE = re.compile(r"_\d{1,2}$")  # of a film; longer numbers are dates and ids


def present(root: Path) -> bool:
    """Whether `root` holds a folder with lists, or the videos as their archive unpacks."""
    return (root / PLACES[1]).is_dir() or any(root.glob("*/*_test_split1.txt"))


def read(root: Path, *, lists: str = LISTS, fold: int = 1) -> Manifest:
    """Train and test of one official fold. lists: name of the folder with the lists.

    Classes are those with a list, sorted; lists of some classes make a subset, and so do missing
    files. group: the film, so that validation data is held out by film.
    """
    if fold not in FOLDS:
        raise UsageError(f"HMDB51 has the folds {FOLDS}, not {fold}")
    samples, missing = [], []
    for name, path in _lists(root / lists, fold).items():
        files = _files(root, name)
        for stem, split in _flags(path):
            if stem not in files:
                missing.append(f"{name}/{stem}.avi")
                continue
            facts = {"id": f"{name}/{stem}", "path": files[stem], "label": name, "split": split}
            samples.append({**facts, "group": film(stem, name)})
    labels = sorted({sample["label"] for sample in samples if sample["split"] == "train"})
    kept = [
        sample | {"label": labels.index(sample["label"])}
        for sample in samples
        if sample["label"] in labels
    ]
    complete = not missing and len(labels) == CLASSES and len(kept) == SOURCE.expected
    return build(
        SOURCE,
        root,
        kept,
        labels=labels,
        kind="full" if complete else "subset",
        expected=len(samples) + len(missing),
        missing=missing,
    )


def film(stem: str, name: str) -> str:
    """The film that a clip of class `name` is cut from; a name of another make is its own film."""
    head = CODES.sub("", stem)
    if head == stem or not head.endswith(f"_{name}"):
        return stem
    head = head.removesuffix(f"_{name}")
    return PIECE.sub("", head) or stem


def _lists(folder: Path, fold: int) -> dict[str, Path]:
    """The lists of a fold by class, sorted."""
    ending = f"_test_split{fold}.txt"
    found = {
        path.name.removesuffix(ending): path
        for path in sorted(folder.iterdir() if folder.is_dir() else ())
        if path.name.endswith(ending) and not path.name.startswith(".")
    }
    if not found:
        raise NotReadyError(
            f"{folder} holds no list <class>{ending}; the lists are a separate download "
            f"(test_train_splits.rar) from {SOURCE.owner}"
        )
    return found


def _flags(path: Path) -> list[tuple[str, str]]:
    """Name without suffix and split of every line of a list that is used."""
    used: list[tuple[str, str]] = []
    for line in lines(path):
        name, _, flag = line.rpartition(" ")
        if not name or flag not in SPLITS:
            raise NotReadyError(
                f"{path}: {line!r} is not '<file name> <flag>' with a flag 0, 1 or 2; fetch the "
                "list again"
            )
        if SPLITS[flag]:
            used.append((Path(name.strip()).stem, SPLITS[flag]))
    return used


def _files(root: Path, name: str) -> dict[str, str]:
    """Videos of a class by name without suffix; the first place that has the class."""
    for place in PLACES:
        folder = root / place / name
        if folder.is_dir():
            return {
                path.stem: path.relative_to(root).as_posix()
                for path in sorted(folder.iterdir())
                if path.suffix.lower() in VIDEO_FILES and not path.name.startswith(".")
            }
    return {}
