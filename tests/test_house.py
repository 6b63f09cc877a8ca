"""House rules that a machine can check: sizes, docstrings, no paths of anyone's machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ("registries", "objectives", "benchmark")
LONG_FUNCTIONS = {"benchmark/cli/run.py run": "its signature is the list of options"}
FILE_LINES, TEST_LINES, FUNCTION_LINES = 300, 400, 50
FILE_BYTES = 500_000
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".csv", ".cfg", ".txt", ""}
# a home or scratch folder of one machine; placeholders of documentation (/path/to) are fine
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|Users|tmp|opt)/[\w.]+")


def tracked() -> list[Path]:
    """Files under version control, or all files of the packages where this is no checkout."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        return [path for package in (*CODE, "tests") for path in (ROOT / package).rglob("*.py")]
    return [path for line in listing.stdout.splitlines() if (path := ROOT / line).is_file()]


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def in_packages(path: Path) -> bool:
    return path.relative_to(ROOT).parts[0] in CODE


def test_files_are_short():
    long = {}
    for path in PYTHON:
        limit = TEST_LINES if name(path).startswith("tests/") else FILE_LINES
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > limit:
            long[name(path)] = f"{lines} lines, at most {limit}"
    assert not long


def test_no_file_is_large():
    large = {name(path): path.stat().st_size for path in FILES if path.stat().st_size > FILE_BYTES}
    assert not large, f"more than {FILE_BYTES} bytes: {large}"


def test_functions_are_short():
    long = {}
    for path in filter(in_packages, PYTHON):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long[f"{name(path)} {node.name}"] = lines
    wrong = {key: lines for key, lines in long.items() if key not in LONG_FUNCTIONS}
    assert not wrong, f"more than {FUNCTION_LINES} lines: {wrong}"
    assert LONG_FUNCTIONS.keys() <= long.keys(), "an exception is no longer needed; remove it"


def test_public_modules_have_a_docstring():
    bare = [
        name(path)
        for path in filter(in_packages, PYTHON)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not bare


def test_no_path_of_a_machine():
    found = []
    for path in FILES:
        if path.suffix not in TEXT or path.name == "test_house.py":
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [
            f"{name(path)}:{number} {match[0]}"
            for number, line in enumerate(text.splitlines(), 1)
            for match in MACHINE.finditer(line)
        ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["open('/opt/x.py')", "cd /Users/ann", 'p = "/home/ann/data"'])
def test_the_pattern_finds_machine_paths(text):
    assert MACHINE.search(text)


@pytest.mark.parametrize(
    "text", ["/path/to/lrw", "results/opt/x", "../home/y", "https://a.org/home"]
)
def test_the_pattern_leaves_other_text_alone(text):
    assert not MACHINE.search(text)


def test_files_of_tests_have_names_of_their_own():
    """Folders of tests are no packages: pytest knows a file by its name alone."""
    seen: dict[str, list[str]] = {}
    for path in PYTHON:
        if name(path).startswith("tests/") and path.name.startswith("test_"):
            seen.setdefault(path.name, []).append(name(path))
    assert not [paths for paths in seen.values() if len(paths) > 1]
