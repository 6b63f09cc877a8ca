"""UCF101: `UCF-101/<Class>/v_<Class>_gXX_cYY.avi` (or .mp4) and the official lists of 3 folds.

Label ids in the lists start at 1 and follow classInd.txt, not the alphabet. File names are matched
without regard to case: the folder is HandstandPushups, its files begin with v_HandStandPushups.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmark.data.adapters.common import VIDEO_FILES, Source, build, lines
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError, UsageError

SOURCE = Source(
    name="ucf101",
    title="UCF101",
    layout="UCF-101/<Class>/v_<Class>_gXX_cYY.avi, ucfTrainTestlist/{classInd,trainlist01,...}.txt",
    owner="https://www.crcv.ucf.edu/data/UCF101.php",
    licence="no formal licence; public research set",
    folders=("UCF101", "ucf101"),
    expected=13_320,  # 9,537 + 3,783 in fold 1: the owners' lists
)
FOLDS = (1, 2, 3)


def present(root: Path) -> bool:
    """Whether `root` holds the videos."""
    return (root / "UCF-101").is_dir()


def read(root: Path, *, lists: str = "ucfTrainTestlist", fold: int = 1) -> Manifest:
    """Train and test of one official fold. lists: name of the folder with the lists.

    Classes without a training file are left out, which makes the manifest a subset; so do missing
    files.
    """
    if fold not in FOLDS:
        raise UsageError(f"UCF101 has the folds {FOLDS}, not {fold}")
    names = _classes(root / lists / "classInd.txt")
    samples, missing = _listed(root, lists, fold=fold, names=names)
    trained = {sample["label"] for sample in samples if sample["split"] == "train"}
    labels = [name for name in names if name in trained]
    kept = [
        sample | {"label": labels.index(sample["label"])}
        for sample in samples
        if sample["label"] in trained
    ]
    complete = not missing and len(labels) == len(names) and len(samples) == SOURCE.expected
    expected = len(samples) + len(missing)
    return build(
        SOURCE,
        root,
        kept,
        labels=labels,
        kind="full" if complete else "subset",
        expected=expected,
        missing=missing,
    )


def _listed(
    root: Path, lists: str, *, fold: int, names: list[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Samples of a fold, labelled by class name; listed paths without a file."""
    files = {
        path.stem.lower(): path.relative_to(root).as_posix()
        for path in sorted((root / "UCF-101").glob("*/*"))
        if path.suffix.lower() in VIDEO_FILES
    }
    samples, missing = [], []
    for split in ("train", "test"):
        for line in lines(_list(root / lists / f"{split}list{fold:02d}.txt")):
            listed = line.split()[0]
            stem, name = Path(listed).stem, listed.split("/")[0]
            if name not in names:
                raise NotReadyError(
                    f"{root / lists}: {listed} is of class {name}, which classInd.txt does not name"
                )
            if stem.lower() not in files:
                missing.append(listed)
                continue
            facts = {"id": stem, "path": files[stem.lower()], "label": name, "split": split}
            samples.append({**facts, "group": re.sub(r"_c\d+$", "", stem)})
    return samples, missing


def _classes(path: Path) -> list[str]:
    """Class names in the order of their ids; a list cut to some classes keeps the official ids."""
    pairs = [line.split() for line in lines(_list(path))]
    if not all(len(pair) == 2 and pair[0].isdigit() for pair in pairs):
        raise NotReadyError(f"{path}: every line must be '<id> <class>'; fetch the list again")
    return [name for _, name in sorted(pairs, key=lambda pair: int(pair[0]))]


def _list(path: Path) -> Path:
    if not path.is_file():
        raise NotReadyError(
            f"{path} is missing; the split lists are a separate download (UCF101TrainTestSplits-"
            f"RecognitionTask.zip) from {SOURCE.owner}"
        )
    return path
