"""Kinetics-400: to pretrain on and, with its labels, a classification task; see kinetics.py."""

from __future__ import annotations

from pathlib import Path

from benchmark.data.adapters.common import Source
from benchmark.data.adapters.kinetics import found, read_set
from benchmark.data.manifest import Manifest

SOURCE = Source(
    name="kinetics400",
    title="Kinetics-400",
    layout="annotations/{train,val,test}.csv, <youtube id>_<start, 6 digits>_<end, 6 digits>.mp4 "
    "in train/<class>/, val/<class>/ or at any depth",
    owner="https://github.com/cvdfoundation/kinetics-dataset (lists and a copy of the videos)",
    licence="CC BY 4.0 for the lists; videos remain their owners'",
    folders=("kinetics400", "Kinetics400", "kinetics-400", "k400", "K400"),
    expected=260_232,  # train + val of the copy that mmaction2's README lists
)
CLASSES = 400


def present(root: Path) -> bool:
    """Whether `root` holds a list, or class folders of clips."""
    return found(root)


def read(root: Path, *, sound: bool = True, tested: str = "val") -> Manifest:
    """All clips in a fixed random order.

    sound: list silent clips and those under 1.1 s as missing, as CrissCross does; False keeps them.
    tested: "val" makes the owners' val part the test split, "test" keeps their parts as they are.
    """
    return read_set(SOURCE, root, classes=CLASSES, sound=sound, tested=tested)
