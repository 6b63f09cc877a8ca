"""`bench new objective NAME`: a working objective to start from, with its recipe and its test."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from benchmark.paths import PACKAGE
from registries import plugins
from registries.errors import UsageError

TEMPLATES = PACKAGE / "cli" / "templates"
CHECKOUT = ("objectives", "configs/objectives", "tests/objectives")  # folders that make one

app = typer.Typer(help="Start a plug-in from a working template.", no_args_is_help=True)


@app.callback()
def _kinds() -> None:
    """Start a plug-in from a working template."""


@app.command()
def objective(
    name: Annotated[str, typer.Argument(help="Its name: lower case, as in --objective NAME.")],
    *,
    folder: Annotated[
        Path, typer.Option("--dir", help="A checkout, or any folder for a plug-in of your own.")
    ] = Path(),
) -> None:
    """Write an objective, its recipe and its numeric test; all checks pass as they stand.

    In a checkout: objectives/NAME.py, configs/objectives/NAME.py, tests/objectives/test_NAME.py.
    In another folder: NAME.py and test_NAME.py, for --plugin or an entry point. Nothing is
    overwritten.
    """
    _check_name(name)
    inside = all((folder / part).is_dir() for part in CHECKOUT)
    title = name.replace("_", " ").capitalize()
    words = {
        "name": name,
        "cls": "".join(part.capitalize() for part in name.split("_")),
        "title": title,
        "module": f"objectives.{name}" if inside else name,
    }
    files = {
        path: Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)
        for path, template in _places(folder, name, inside=inside).items()
    }
    if taken := [str(path) for path in files if path.exists()]:
        raise UsageError(f"{', '.join(taken)} exists already; nothing was written.")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {path}")
    source, *_, test = files
    plugin = "" if inside else f" --plugin {source}"
    typer.echo(f"next: bench check {name}{plugin}; python -m pytest {test}")


def _places(folder: Path, name: str, *, inside: bool) -> dict[Path, str]:
    """What is written where: path -> template."""
    if not inside:
        return {
            folder / f"{name}.py": "objective.py.txt",
            folder / f"test_{name}.py": "test.py.txt",
        }
    return {
        folder / "objectives" / f"{name}.py": "objective.py.txt",
        folder / "configs" / "objectives" / f"{name}.py": "config.py.txt",
        folder / "tests" / "objectives" / f"test_{name}.py": "test.py.txt",
    }


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} cannot be the name of an objective: lower-case letters, digits and "
            "underscores, beginning with a letter."
        )
    if name in sys.stdlib_module_names:
        raise UsageError(f"{name!r} is a module of Python's own library; choose another name.")
    if name in (known := plugins.available("objectives")):
        raise UsageError(
            f"an objective {name!r} exists already ({known[name].source}, {known[name].module}); "
            "choose another name."
        )
