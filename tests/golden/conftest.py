"""Which reference files are checked: those of --golden-dir DIR, or the project's own copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from checks import cases

OWN = Path(__file__).with_name("data")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option exists when tests/golden is named on the command line; else the default."""
    parser.addoption(
        "--golden-dir",
        default=str(OWN),
        metavar="DIR",
        help="folder of reference files (*.npz, backbones.json), flat or with av/ and visual/",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each file, and one for each backbone of a backbones.json."""
    if "case" not in metafunc.fixturenames:
        return
    folder = Path(metafunc.config.getoption("golden_dir", default=str(OWN)))
    found = cases(folder)
    if not found:
        raise pytest.UsageError(
            f"--golden-dir {folder}: no *.npz or backbones.json in it or in its folders av/ and "
            "visual/"
        )
    metafunc.parametrize("case", found, ids=[case.name for case in found])
