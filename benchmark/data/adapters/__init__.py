"""Dataset adapters: each reads one dataset in its owners' layout, real or miniature.

An adapter is a module with `SOURCE` (what it is and where to get it), `present(root)` and
`read(root, *, options)`. Another dataset is another module and one line in `ADAPTERS`. Where a
root is asked for, the manifest that `bench data prepare` wrote of it is taken too.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmark.data.manifest import Manifest, Origin
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

    A prepared manifest is the place of its dataset.

    Raises UsageError for an unknown dataset, NotReadyError where nothing in `root` looks like it.
    """
    module = _adapter(name)
    source, root = module.SOURCE, Path(root).expanduser()
    if root.is_file():
        return root
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
    origin = Origin(name, _all_options(module, options))
    place = locate(name, root)
    if place.is_file():
        return _prepared(module, place, origin)
    try:
        return replace(module.read(place, **options), origin=origin, checked=True)
    except DAMAGED as error:
        raise NotReadyError(
            f"{module.SOURCE.title}: a list in {place} is damaged, or what it names cannot be read "
            f"({type(error).__name__}: {error}); fetch the lists again. {module.SOURCE.help(place)}"
        ) from error


def _all_options(module: ModuleType, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a reading with those that are left at their defaults, as JSON keeps them."""
    declared = inspect.signature(module.read).parameters.values()
    usual = {option.name: option.default for option in declared if option.name != "root"}
    return json.loads(json.dumps({**usual, **given}))


def _prepared(module: ModuleType, path: Path, asked: Origin) -> Manifest:
    """What a manifest says. Raises NotReadyError for one of another reading or without its data."""
    found = Manifest.read(path)
    if found.origin != asked:
        raise NotReadyError(
            f"{path} is a manifest of {_words(found.origin)}; {_words(asked)} is asked for. "
            f"Prepare another with `bench data prepare {asked.dataset} --root {found.root}` and -o "
            "for the options, or give the dataset's folder, of which every option can be read"
        )
    if not module.present(found.root):
        raise NotReadyError(
            f"{path} lists {module.SOURCE.title} in {found.root}, which is not there. A manifest "
            "is moved together with its dataset, or prepared again. "
            f"{module.SOURCE.help(found.root)}"
        )
    return found


def _words(origin: Origin | None) -> str:
    """A reading as a sentence names it: "esc50 (fold=1, esc10=False)"."""
    if origin is None:
        return "no known dataset"
    options = ", ".join(f"{key}={value!r}" for key, value in origin.options.items())
    return f"{origin.dataset} ({options})" if options else origin.dataset


def _adapter(name: str) -> ModuleType:
    if name not in ADAPTERS:
        raise unknown("dataset", name, ADAPTERS)
    return importlib.import_module(ADAPTERS[name])
