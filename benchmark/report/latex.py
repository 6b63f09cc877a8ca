r"""Tables as a LaTeX document with booktabs rules: compile it, or \input parts of it.

Needs nothing beyond pdflatex with booktabs, graphicx and geometry.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmark.report.model import Cell, Column, Row, Table, cell_text

ROWS = 40  # chosen: rows of one float; a longer table is continued in the next
WIDE = 8  # chosen: columns of one tabular; further ones stand below it
FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"
PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{booktabs,graphicx}
\usepackage[landscape,margin=1.5cm]{geometry}
\begin{document}
"""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": r"{-}",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "—": "---",
    "–": "--",
    "·": r"$\cdot$",
    "…": r"\ldots{}",
}


def render_latex(tables: Iterable[Table]) -> str:
    """The whole document."""
    parts = [part for table in tables for part in _floats(table)]
    return PREAMBLE + "\n".join(parts) + "\n\\end{document}\n"


def escape(text: str) -> str:
    """Text of others as text: every special character and all that pdflatex has no glyph for."""
    return "".join(_letter(letter) for letter in " ".join(text.split()))


def _letter(letter: str) -> str:
    if letter in SPECIAL:
        return SPECIAL[letter]
    if letter.isascii():
        return letter if letter.isprintable() else "?"
    bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return "".join(SPECIAL.get(part, part) for part in bare) or f"[U+{ord(letter):04X}]"


def _floats(table: Table) -> list[str]:
    parts = []
    for start in range(0, max(len(table.rows), 1), ROWS):
        rows = table.rows[start : start + ROWS]
        title = escape(table.title) + (" (continued)" if start else "")
        label = f"\\label{{tab:{table.name}}}" if not start else ""
        lines = ["\\begin{table}[!htbp]", "\\centering\\small", f"\\caption{{{title}}}{label}"]
        for columns in _stacks(table.columns):
            lines += [f"{FIT}{{%", *_tabular(table, rows, columns), "}\\par\\medskip"]
        if start + ROWS >= len(table.rows):
            notes = "\\\\\n".join(_notes(table))
            lines.append(f"\\parbox{{\\linewidth}}{{\\footnotesize\\raggedright {notes}}}")
        parts.append("\n".join([*lines, "\\end{table}", "\\clearpage"]))
    return parts


def _stacks(columns: Sequence[Column]) -> list[list[int]]:
    """Indices of the columns of each tabular: groups stay whole where they fit side by side."""
    stacks: list[list[int]] = [[]]
    place = 0
    for _, members in groupby(columns, key=lambda column: column.group):
        group = list(range(place, place + len(list(members))))
        place += len(group)
        if stacks[-1] and len(stacks[-1]) + len(group) > WIDE:
            stacks.append([])
        stacks[-1] += group[:WIDE]
        rest = group[WIDE:]
        stacks += [rest[start : start + WIDE] for start in range(0, len(rest), WIDE)]
    return stacks


def _tabular(table: Table, rows: Sequence[Row], columns: list[int]) -> list[str]:
    left = 1 + len(table.detail_heads)
    drawn = [table.columns[index] for index in columns]
    lines = [f"\\begin{{tabular}}{{{'l' * left}{'r' * len(columns)}}}", "\\toprule"]
    lines += _heads(table, drawn, left)
    section = ""
    for number, row in enumerate(rows):
        if row.section != section:
            section = row.section
            lines += ["\\midrule"] * bool(number)
            lines.append(f"\\multicolumn{{{left}}}{{l}}{{\\textit{{{escape(section)}}}}} \\\\")
        cells = [_cell(row.cells[index], table.columns[index]) for index in columns]
        lines.append(" & ".join([*map(escape, (row.label, *row.details)), *cells]) + r" \\")
    return [*lines, "\\bottomrule", "\\end{tabular}"]


def _heads(table: Table, drawn: list[Column], left: int) -> list[str]:
    """Groups with a rule below each, labels, and the metrics where there are any."""
    groups, rules, place = [], [], left + 1
    for group, columns in groupby(drawn, key=lambda column: column.group):
        size = len(list(columns))
        groups.append(f"\\multicolumn{{{size}}}{{c}}{{{escape(', '.join(group))}}}")
        rules.append(f"\\cmidrule(lr){{{place}-{place + size - 1}}}")
        place += size
    names = [escape(head) for head in (table.label_head, *table.detail_heads)]
    names += [escape(column.label) for column in drawn]
    metrics = [escape(f"{column.metric} {column.arrow}".strip()) for column in drawn]
    lines = [" & ".join([""] * left + groups), " & ".join(names)]
    lines += [" & ".join([""] * left + metrics)] if any(metrics) else []
    first, *others = [line + r" \\" for line in lines]
    return [first, " ".join(rules), *others, "\\midrule"]


def _cell(cell: Cell, column: Column) -> str:
    text = escape(cell_text(cell, digits=column.digits))
    if cell.best:
        return f"\\textbf{{{text}}}"
    return f"\\underline{{{text}}}" if cell.tied else text


def _notes(table: Table) -> list[str]:
    notes = [f"{sign}: {meaning}" for sign, meaning in table.legend()]
    if any(cell.best for _, _, cell in table.cells):
        notes.insert(0, f"bold: best of the {'row' if table.along_rows else 'column'}")
    return [escape(note) for note in (*notes, *table.notes)]
