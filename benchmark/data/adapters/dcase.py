"""DCASE 2013 acoustic scenes: `<class><NN>.wav`, one folder to train on and one to test on.

Archives unpack into a folder of the same name, so that CrissCross reads
`set1/scenes_stereo/scenes_stereo/bus01.wav`; flat copies lack the inner folder, or `set1`. The
class is the file name minus its last six characters. Every clip stands for itself: the owners do
not say which of them come from one place. Layout: CrissCross's dcase.py; Stowell et al. 2015.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmark.data.adapters.common import Source, build
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError

SOURCE = Source(
    name="dcase",
    title="DCASE 2013 acoustic scenes",
    layout="set1/scenes_stereo/scenes_stereo/<class><NN>.wav and "
    "set1/scenes_stereo_testset/scenes_stereo_testset/<class><NN>.wav (or without the inner "
    "folders, or without set1)",
    owner="https://dcase.community/challenge2013",
    licence="free for research; see its owners",
    folders=("DCASE", "dcase", "DCASE2013", "dcase2013"),
    expected=200,  # 10 scenes x 10 clips, to train and to test
)
FOLDERS = {"train": "scenes_stereo", "test": "scenes_stereo_testset"}
CLASSES = 10
SUFFIXES = frozenset({".wav", ".flac", ".ogg"})
NAME = re.compile(r"(?P<scene>\D+)\d\d")  # with ".wav": the class is all but six characters


def present(root: Path) -> bool:
    """Whether `root` holds the training part."""
    return _place(root, FOLDERS["train"]) is not None


def read(root: Path) -> Manifest:
    """Both parts. Scenes without a training clip are left out; the set is a subset then."""
    samples = [sample for split in FOLDERS for sample in _part(root, split)]
    labels = sorted({sample["label"] for sample in samples if sample["split"] == "train"})
    kept = [
        sample | {"label": labels.index(sample["label"])}
        for sample in samples
        if sample["label"] in labels
    ]
    complete = len(labels) == CLASSES and len(kept) == SOURCE.expected
    return build(SOURCE, root, kept, labels=labels, kind="full" if complete else "subset")


def _part(root: Path, split: str) -> list[dict[str, Any]]:
    """The clips of a part, labelled by scene."""
    folder = _place(root, FOLDERS[split])
    if folder is None:
        raise NotReadyError(
            f"{SOURCE.title}: the folder {FOLDERS[split]} is missing in {root}; it is an archive "
            f"of its own. {SOURCE.help(root)}"
        )
    samples = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        named = NAME.fullmatch(path.stem)
        if named is None:
            raise NotReadyError(
                f"{path} is not named <scene><two digits>, as in bus01.wav; remove or rename it"
            )
        samples.append(
            {
                "id": f"{split}/{path.stem}",  # the parts use the same names
                "path": path.relative_to(root).as_posix(),
                "label": named["scene"],
                "split": split,
                "has_audio": True,
            }
        )
    return samples


def _place(root: Path, name: str) -> Path | None:
    """The folder `name` that holds sounds, however deep the archive put it."""
    for above in (root / "set1", root):
        for folder in (above / name / name, above / name):
            if folder.is_dir() and any(p.suffix.lower() in SUFFIXES for p in folder.iterdir()):
                return folder
    return None
