import re
import shutil
import subprocess

import pytest

from benchmark.report.latex import ROWS, escape, render_latex
from benchmark.report.model import Cell, Column, Row, Table


def test_special_characters_are_text():
    assert escape("50 % of a_b & c#d ~ ^ {x} \\y $z$") == (
        r"50 \% of a\_b \& c\#d \textasciitilde{} \textasciicircum{} \{x\} "
        r"\textbackslash{}y \$z\$"
    )
    assert escape("61.2 ±1.3 ↑ — é 中") == r"61.2 $\pm$1.3 $\uparrow$ --- e [U+4E2D]"
    assert escape("a\n\n\\end{document}\x07") == r"a \textbackslash{}end\{document\}?"


def test_booktabs_and_best(tables):
    text = render_latex(tables[:1])
    assert text.count("\\toprule") == text.count("\\bottomrule") == 1
    assert r"\textbf{61.0 $\pm$5.0 (3)}" in text
    assert re.search(r"GLCM & \\textbf\{47\.8\}", text)
    assert not re.search(r"\\(hline|vline)|\|", text)


def test_a_long_table_is_continued():
    column = Column(
        group=("measured",), label="x", metric="", higher_is_better=None, origin="measured"
    )
    rows = tuple(
        Row(label=f"row {i}", cells=(Cell(origin="measured", value=float(i)),))
        for i in range(2 * ROWS + 1)
    )
    text = render_latex([Table(name="t", title="T", columns=(column,), rows=rows)])
    assert text.count("\\begin{tabular}") == 3
    assert text.count("(continued)") == 2
    assert all(f"row {i} &" in text for i in range(2 * ROWS + 1))


@pytest.mark.parametrize(
    ("sizes", "expected"), [([3, 5], [8]), ([3, 6], [3, 6]), ([20, 2], [8, 8, 6]), ([1], [1])]
)
def test_wide_tables_are_stacked_by_group(sizes, expected):
    columns = tuple(
        Column(
            group=(str(number),),
            label=f"c{number}.{index}",
            metric="",
            higher_is_better=None,
            origin="measured",
        )
        for number, size in enumerate(sizes)
        for index in range(size)
    )
    row = Row(label="r", cells=(Cell(origin="measured", value=1.0),) * len(columns))
    text = render_latex([Table(name="t", title="T", columns=columns, rows=(row,))])
    found = re.findall(r"begin\{tabular\}\{l(r+)\}", text)
    assert [len(part) for part in found] == expected
    assert all(f"{column.label} " in text for column in columns)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_it_compiles(tables, hostile, tmp_path):
    path = tmp_path / "report.tex"
    path.write_text(render_latex([*tables, *hostile.tables]), encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert path.with_suffix(".pdf").stat().st_size > 10_000
