"""Kinetics-Sound: clips of 31 to 34 Kinetics-400 classes that one sees and hears.

Arandjelovic and Zisserman 2017, appendix. Three sets of classes go by the name (`convention`):
  ks32  the default: all that Kinetics-400 has of the original names (AV-SUPERB, CrissCross);
  ks31  ks32 without "strumming guitar" (OGM-GE; the names are those of readers of its set);
  ks34  the original names; two of them are no Kinetics-400 classes, so it needs lists.
With lists, {train,val,test}.csv or AV-SUPERB's {train,val,test}_data_path.csv, a line is
`train/<id>_<start>_<end>.mp4,<class>`, the class a name or its index. classes.csv (index,name) says
what the indices mean; without it they are those of ks32, sorted by name (AV-SUPERB). Without lists
the clips of these classes are taken from a copy of Kinetics-400, see kinetics.py.

Where no labelled test clip is there, the owners' val part is the test split; the manifest is then a
subset and says so among what is missing.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from benchmark.data.adapters.common import Source, build
from benchmark.data.adapters.kinetics import (
    SPLITS,
    Gathered,
    audible,
    found,
    gather,
    key,
    owners,
)
from benchmark.data.adapters.youtube import ID, clips, first, table
from benchmark.data.manifest import Manifest
from benchmark.paths import packaged
from registries.errors import NotReadyError, UsageError, unknown

SOURCE = Source(
    name="kinetics_sound",
    title="Kinetics-Sound",
    layout="{train,val,test}.csv with lines train/<id>_<start>_<end>.mp4,<class> and the clips, or "
    "a copy of Kinetics-400",
    owner="https://github.com/cvdfoundation/kinetics-dataset (Kinetics-400), lists from "
    "https://github.com/roger-tseng/av-superb",
    licence="CC BY 4.0 for the lists; videos remain their owners'",
    folders=("kinetics_sound", "kinetics-sound", "KineticsSound", "kinetics400", "k400"),
    expected=27_568,  # 22,861 + 1,594 + 3,113 of AV-SUPERB's lists
)
CONVENTIONS = ("ks32", "ks34", "ks31")
NOT_IN_KS31 = "strumming guitar"
CLASSES = "classes.csv"
NO_TEST = "test part (no labelled clip of it is here: the val part is tested in its place)"


def present(root: Path) -> bool:
    """Whether `root` holds lists, or a copy of Kinetics."""
    return _list(root, "train") is not None or found(root)


def read(root: Path, *, convention: str = "ks32", sound: bool = True) -> Manifest:
    """The clips of a convention's classes. group: the YouTube id.

    Classes without a training clip are left out, which makes the manifest a subset. sound: list
    silent clips and those under 1.1 s as missing; False keeps them.
    """
    if convention not in CONVENTIONS:
        raise unknown("convention", convention, CONVENTIONS)
    names = _names(root, convention)
    how = _by_kinetics if _list(root, "train") is None else _by_lists
    seen = how(root, convention, names)
    missing = [name for _, name in seen.missing]
    samples = seen.samples
    if not any(sample["split"] == "test" for sample in samples):
        samples = [s | {"split": "test"} if s["split"] == "val" else s for s in samples]
        missing.append(NO_TEST)
    trained = {sample["label"] for sample in samples if sample["split"] == "train"}
    labels = [name for name in names if name in trained]
    kept = [s | {"label": labels.index(s["label"])} for s in samples if s["label"] in trained]
    manifest = build(
        SOURCE,
        root,
        kept,
        labels=labels,
        kind="full" if not missing and len(labels) == len(names) else "subset",
        expected=len(samples) + len(seen.missing),
        missing=missing,
    )
    return audible(manifest) if sound else manifest


def class_names(convention: str) -> list[str]:
    """Names of the classes of a convention, sorted; ks34 has names that Kinetics-400 lacks."""
    rows = _table()
    if convention == "ks34":
        return sorted(row["l3net_34_name"] for row in rows)
    names = sorted(row["kinetics400_name"] for row in rows if row["kinetics400_name"])
    return [name for name in names if convention == "ks32" or name != NOT_IN_KS31]


def _table() -> list[dict[str, str]]:
    path = packaged("results/published") / "kinetics_sound_classes.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _names(root: Path, convention: str) -> list[str]:
    """Names by index: those of classes.csv where there is one, else the convention's."""
    path = root / CLASSES
    if not path.is_file():
        return class_names(convention)
    rows = [row for row in table(path, 2) if row != ["index", "name"]]
    numbers = [row[0] for row in rows]
    if numbers != [str(number) for number in range(len(rows))]:
        raise NotReadyError(
            f"{path}: the indices are {', '.join(numbers[:5])}..., not 0, 1, 2, ...; correct it"
        )
    return [row[1] for row in rows]


def _list(root: Path, split: str) -> Path | None:
    """The list of a split; Kinetics' own lists go by the same name."""
    path = first(root, (f"{split}.csv", f"{split}_data_path.csv"))
    return None if path is None or owners(path) else path


def _by_lists(root: Path, convention: str, names: Sequence[str]) -> Gathered:
    """Clips of the lists; a file is looked for where the list says, then by its name."""
    files: dict[str, str] | None = None  # made only where the clips lie elsewhere
    samples: list[dict[str, Any]] = []
    missing: list[tuple[str, str]] = []
    known = _known(root, convention, names)
    for split in SPLITS:
        path = _list(root, split)
        for place, written in table(path, 2) if path is not None else ():
            if key(written) not in known:
                raise _strange(f"{path}: {place} is of class {written!r}", root, names)
            if (name := known[key(written)]) is None:
                continue
            stem = PurePosixPath(place).stem
            if not (root / place).is_file():
                files = clips(root) if files is None else files
                if stem not in files:
                    missing.append((name, place))
                    continue
                place = files[stem]
            facts = {"id": stem, "path": place, "label": name, "split": split}
            samples.append({**facts, "group": stem[:ID]})
    return Gathered(samples, missing)


def _known(root: Path, convention: str, names: Sequence[str]) -> dict[str, str | None]:
    """Class by what a list may write; None for a class of another convention, which is left out."""
    known: dict[str, str | None] = {}
    own = (root / CLASSES).is_file()
    for row in () if own else _table():
        original, kinetics = row["l3net_34_name"], row["kinetics400_name"]
        name = original if convention == "ks34" else kinetics
        spellings = filter(None, (original, kinetics))
        known |= {key(spelling): name if name in names else None for spelling in spellings}
    if own or convention == "ks32":  # the others have no agreed order
        known |= {str(number): name for number, name in enumerate(names)}
    return known | {key(name): name for name in names}


def _strange(what: str, root: Path, names: Sequence[str]) -> NotReadyError:
    """A list names a class, or an index, that is not known."""
    return NotReadyError(
        f"{what}, which is neither a known name nor, where the order of the classes is known, an "
        f"index. Correct the list, or write {root / CLASSES} with the columns index,name. Known: "
        f"{', '.join(names)}"
    )


def _by_kinetics(root: Path, convention: str, names: Sequence[str]) -> Gathered:
    """Clips of the classes in a copy of Kinetics-400."""
    if convention == "ks34":
        raise UsageError(
            "ks34 cannot be taken from Kinetics-400, which lacks the classes 'typing' and "
            "'patting'; bring lists (train.csv, ...) or use convention ks32"
        )
    chosen = {key(name): name for name in names}
    whole = gather(root)
    return Gathered(
        [
            sample | {"label": chosen[key(sample["label"])]}
            for sample in whole.samples
            if key(sample["label"]) in chosen
        ],
        [(chosen[key(name)], file) for name, file in whole.missing if key(name) in chosen],
    )
