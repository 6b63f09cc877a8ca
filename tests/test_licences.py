"""THIRD_PARTY.md names every dependency, its use and a licence that its package agrees with."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLE = {
    cells[0]: (cells[1], cells[2])
    for line in (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8").splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split("|")]) and len(cells) == 3
    if re.fullmatch(r"[\w.-]+", cells[0]) and cells[0] not in {"package", "---"}
}


def declared() -> dict[str, str]:
    """Dependencies of pyproject.toml by name: "run", or the extra that first names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = {"run": project["dependencies"], **project["optional-dependencies"]}
    found: dict[str, str] = {}
    for use, requirements in parts.items():
        for requirement in requirements:
            found.setdefault(re.match(r"[\w.-]+", requirement)[0].lower(), use)
    found.pop(project["name"], None)
    return found


def test_every_dependency_is_in_the_table():
    assert {name: use for name, (_, use) in TABLE.items()} == declared()


@pytest.mark.parametrize("name", TABLE)
def test_the_package_agrees(name):
    try:
        facts = metadata(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    classifiers = [c for c in facts.get_all("Classifier") or [] if c.startswith("License")]
    said = " ".join(
        [facts.get("License-Expression") or "", facts.get("License") or "", *classifiers]
    )
    family = re.match(r"BSD|Apache|MIT|ISC|MPL|GPL|matplotlib", TABLE[name][0])[0]
    assert re.search(family, said, re.IGNORECASE), f"{name}: {said[:200]}"
