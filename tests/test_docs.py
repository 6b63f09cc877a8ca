"""Every `bench` command printed in the documentation is one that this version takes."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from benchmark.cli import main as cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
SHOWN = re.compile(r"^\s*(?:\$ )?(bench [a-z].*)$", re.MULTILINE)  # a line of its own
QUOTED = re.compile(r"`(bench [a-z][^`\n]*)`")
HEADER = re.compile(r"Run: (bench .+?)(?:\.\s|\.?\Z|\n\n)", re.DOTALL)
PLACEHOLDER = re.compile(r"[A-Z]{2,}|\.\.\.|…|[<\[{|]|/path/")
ANSWERS = {"list", "describe", "report", "doctor"}  # quick: executed; the others are parsed


def commands() -> list[str]:
    """Commands without placeholders, each once, without the remark behind two spaces or a #."""
    found = []
    for page in PAGES:
        if page.is_file():
            text = page.read_text(encoding="utf-8").replace("\\\n", " ")
            found += SHOWN.findall(text) + QUOTED.findall(text)
    for recipe in sorted((ROOT / "configs").rglob("*.py")):
        header = ast.get_docstring(ast.parse(recipe.read_text(encoding="utf-8"))) or ""
        found += [" ".join(command.split()) for command in HEADER.findall(header)]
    cut = [re.split(r"\s{2,}|\s#|\s->|\s&&", command)[0].strip() for command in found]
    return sorted({command for command in cut if not PLACEHOLDER.search(command)})


def test_there_are_commands():
    assert any(command.startswith("bench run ") for command in commands())


@pytest.mark.parametrize("command", commands())
def test_the_command_is_taken(command, tmp_path, monkeypatch, capsys):
    import benchmark.run
    import benchmark.run_suite

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(benchmark.run, "execute", lambda request: 0)
    monkeypatch.setattr(benchmark.run_suite, "execute_suite", lambda name, base, **_: 0)
    _, name, *rest = shlex.split(command)
    if name == "run" and "--data" in rest:
        place = rest[rest.index("--data") + 1].partition("=")[2] or rest[rest.index("--data") + 1]
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
    mentioned = not rest  # `bench run` in a sentence
    if not mentioned and (name == "run" or name in ANSWERS):
        code = cli.execute([name, *rest])
    else:
        words = [word for word in rest[:1] if not word.startswith("-")]
        code = cli.execute([name, *words, "--help"])
    assert code == 0, capsys.readouterr().err


def test_the_table_of_objectives_is_what_the_command_prints(capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- written by: (bench [^>]+) -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert cli.execute(shlex.split(shown[1])[1:]) == 0
    printed = capsys.readouterr().out
    assert shown[2] == printed, f"README.md: replace the table by what `{shown[1]}` prints"
