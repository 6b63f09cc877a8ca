"""Dataset adapters: each reads one dataset in its owners' layout, real or miniature.

An adapter is a module with `SOURCE` (what it is and where to get it), `present(root)` and
`read(root, *, options)`. Another dataset is another module and one line in `ADAPTERS`.
"""

from __future__ import annotations

import csv
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError, unknown

__all__ = ["ADAPTERS", "locate", "read"]

# what the parsing of a list from elsewhere may end in, where no adapter says it better
DAMAGED = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, csv.Error),
    OSError,  # a name too long for a file
)
HERE = "benchmark.data.adapters"
ADAPTERS: dict[str, str] = {
    "lrw": f"{HERE}.lrw",
    "dfdc": f"{HERE}.dfdc",
    "ucf101": f"{HERE}.ucf101",
    "kav": f"{HERE}.kav",
    "grid": f"{HERE}.grid",
    "folder": f"{HERE}.folder",
    "lrs2": f"{HERE}.lrs2",
    "grid_words": f"{HERE}.grid_words",
    "vggsound": f"{HERE}.vggsound",
    "vggss": f"{HERE}.vggss",
    "flickr_soundnet": f"{HERE}.flickr_soundnet",
    "avspeech": f"{HERE}.avspeech",
    "audioset": f"{HERE}.audioset",
    "hmdb51": f"{HERE}.hmdb51",
    "esc50": f"{HERE}.esc50",
    "dcase": f"{HERE}.dcase",
    "kinetics400": f"{HERE}.kinetics400",
    "kinetics700": f"{HERE}.kinetics700",
    "kinetics_sound": f"{HERE}.kinetics_sound",
}


def locate(name: str, root: Path) -> Path:
    """Folder of a dataset: `root` itself, or one of its usual names inside `root`.

    Raises UsageError for an unknown dataset, NotReadyError where nothing in `root` looks like it.
    """
    module = _adapter(name)
    source, root = module.SOURCE, Path(root).expanduser()
    if not root.is_dir():
        raise NotReadyError(
            f"{source.title}: the folder {root} does not exist. {source.help(root)}"
        )
    for place in (root, *(root / folder for folder in source.folders)):
        if place.is_dir() and module.present(place):
            return place
    raise NotReadyError(f"{source.title} was not found in {root}. {source.help(root)}")


def read(name: str, root: Path, **options: Any) -> Manifest:  # noqa: ANN401 - checked against the adapter
    """Manifest of the dataset `name` under `root`; options are those its adapter declares.

    Raises UsageError for an option the adapter does not know, NotReadyError where the data is not
    there or a list of it is damaged.
    """
    module = _adapter(name)
    declared = [key for key in inspect.signature(module.read).parameters if key != "root"]
    for key in options:
        if key not in declared:
            raise unknown(f"option of dataset {name}", key, declared)
    place = locate(name, root)
    try:
        return module.read(place, **options)
    except DAMAGED as error:
        raise NotReadyError(
            f"{module.SOURCE.title}: a list in {place} is damaged, or what it names cannot be read "
            f"({type(error).__name__}: {error}); fetch the lists again. {module.SOURCE.help(place)}"
        ) from error


def _adapter(name: str) -> ModuleType:
    if name not in ADAPTERS:
        raise unknown("dataset", name, ADAPTERS)
    return importlib.import_module(ADAPTERS[name])
