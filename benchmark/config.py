"""Reads recipes: Python literals under a header docstring, JSON or TOML; one level of `_base_`.

A config is parsed, never executed: `name = <literal or dict(key=literal)>` is all that one in
Python may hold, so a config from anywhere is data. Reading one costs no import of torch or
mmengine.
"""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmark.paths import packaged
from registries.errors import UsageError, unknown

Config = dict[str, Any]

DASHED = ("presets", "suites")  # folders whose names are shown with dashes


def names(folder: str) -> dict[str, str]:
    """Configs of a packaged folder ("presets", "objectives", "tasks").

    Name -> first header line.
    """
    found = {}
    for path in sorted((packaged("configs") / folder).glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        name = path.stem.replace("_", "-") if folder in DASHED else path.stem
        found[name] = doc.split("\n")[0]
    return found


def header(folder: str, name: str) -> str:
    """The whole header docstring of a packaged config: source, command, cost, expected result."""
    return ast.get_docstring(ast.parse(_packaged_path(folder, name).read_text("utf-8"))) or ""


def load_packaged(folder: str, name: str) -> Config:
    """Read `configs/<folder>/<name>.py`.

    Raises UsageError with the nearest name if there is none.
    """
    return load(_packaged_path(folder, name))


def load(path: Path) -> Config:
    """Read one config file (.py, .json or .toml, by its suffix) and the one base it may name.

    Raises UsageError naming the file and line for anything but literals, and for a base of a base.
    """
    config = _parse(path)
    base = config.pop("_base_", None)
    if base is None:
        return config
    if not isinstance(base, str):
        raise UsageError(f"config {path}: _base_ is {base!r}; give the path of a config file.")
    parent = _parse((path.parent / base).resolve())
    if "_base_" in parent:
        raise UsageError(
            f"{path}: its _base_ {base!r} has a _base_ of its own; one level is allowed."
        )
    return merge(parent, config)


def merge(base: Mapping[str, Any], extra: Mapping[str, Any]) -> Config:
    """`extra` laid over `base`, dict by dict; a dict with `_replace_=True` replaces instead."""
    merged = dict(base)
    for key, value in extra.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and value.get("_replace_"):
            merged[key] = {k: v for k, v in value.items() if k != "_replace_"}
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = merge(old, value)
        else:
            merged[key] = dict(value) if isinstance(value, Mapping) else value
    return merged


def override(config: Config, assignments: tuple[str, ...]) -> Config:
    """Apply `-o key.sub=value` assignments; values are Python literals, else strings."""
    for assignment in assignments:
        key, sep, text = assignment.partition("=")
        if not sep or not key:
            raise UsageError(
                f"-o {assignment!r}: write it as key=value, e.g. -o finetune.epochs=5."
            )
        try:
            value = ast.literal_eval(text)
        except UNREADABLE:
            value = text
        nested: Any = value
        for part in reversed(key.split(".")):
            nested = {part: nested}
        config = merge(config, nested)
    return config


def _packaged_path(folder: str, name: str) -> Path:
    path = packaged("configs") / folder / f"{name.replace('-', '_')}.py"
    if not path.is_file():
        raise unknown(folder.removesuffix("s"), name, names(folder))
    return path


def _parse(path: Path) -> Config:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(
            f"config {path}: {path.suffix or 'no suffix'!r} is no kind of config; write it as "
            f"{', '.join(READERS)}."
        )
    try:
        config = reader(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise UsageError(
            f"config {path}: {error.strerror}. Give the path of a config file."
        ) from error
    except SyntaxError as error:
        raise UsageError(f"config {path}, line {error.lineno}: {error.msg}.") from error
    except UNREADABLE as error:  # not UTF-8, null bytes, nested without end, wrong JSON or TOML
        raise UsageError(f"config {path} cannot be read: {error}.") from error
    if not isinstance(config, dict):
        raise UsageError(f"config {path} holds a {type(config).__name__}; expected key: value.")
    return config


def _python(text: str, path: Path) -> Config:
    config: Config = {}
    for node in ast.parse(text, filename=str(path)).body:
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                continue
            case ast.Assign(targets=[ast.Name(id=name)]):
                config[name] = _literal(node.value, path)
            case _:
                raise UsageError(
                    f"config {path}, line {node.lineno}: only `name = literal` lines are allowed, "
                    f"found {type(node).__name__}. A config is data and is never executed."
                )
    return config


def _literal(node: ast.expr, path: Path) -> Any:  # noqa: ANN401
    """A literal, with `dict(key=...)` spelled as a call allowed at any depth."""
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=words):
            if not all(word.arg for word in words):
                raise _no_literal(None, path)
            return {word.arg: _literal(word.value, path) for word in words if word.arg}
        case ast.Dict(keys=keys, values=values):
            return {
                _key(key, path): _literal(value, path)
                for key, value in zip(keys, values, strict=True)
            }
        case ast.List(elts=items):
            return [_literal(item, path) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_literal(item, path) for item in items)
    return _constant(node, path)


def _key(node: ast.expr | None, path: Path) -> str | int:
    match node:
        case ast.Constant(value=str() | int() as key):
            return key
    raise _no_literal(node, path)


def _constant(node: ast.expr, path: Path) -> Any:  # noqa: ANN401
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise _no_literal(node, path) from error


def _no_literal(node: ast.expr | None, path: Path) -> UsageError:
    """The error for what is no literal, or no key of a dict; None stands for `**other`."""
    place = f", line {node.lineno}: {ast.unparse(node)!r}" if node else ": `**`"
    return UsageError(
        f"config {path}{place} is not a literal. A config is data and is never executed."
    )


# what the parsers raise on text that is no literal, or nested without end
UNREADABLE = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)
READERS: dict[str, Callable[[str, Path], Any]] = {
    ".py": _python,
    ".json": lambda text, _: json.loads(text),
    ".toml": lambda text, _: tomllib.loads(text),
}
