r"""Tables as a LaTeX document with booktabs rules: compile it, or \input parts of it.

Needs nothing beyond pdflatex with booktabs, graphicx and geometry.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmark.report.model import Cell, Column, Row, Table, cell_text

ROWS = 40  # chosen: rows of one float; a longer table is continued in the next
PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{booktabs,graphicx}
\usepackage[margin=2cm]{geometry}
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
        lines = [
            "\\begin{table}[p]",
            "\\centering\\small",
            f"\\caption{{{title}}}{label}",
            "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
            *_tabular(table, rows),
            "}",
        ]
        if start + ROWS >= len(table.rows):
            lines += [f"\\par\\smallskip\\footnotesize {note}" for note in _notes(table)]
        parts.append("\n".join([*lines, "\\end{table}", "\\clearpage"]))
    return parts


def _tabular(table: Table, rows: Sequence[Row]) -> list[str]:
    left = 1 + len(table.detail_heads)
    lines = [f"\\begin{{tabular}}{{{'l' * left}{'r' * len(table.columns)}}}", "\\toprule"]
    lines += _heads(table, left)
    section = ""
    for number, row in enumerate(rows):
        if row.section != section:
            section = row.section
            lines += ["\\midrule"] * bool(number)
            lines.append(f"\\multicolumn{{{left}}}{{l}}{{\\textit{{{escape(section)}}}}} \\\\")
        cells = [_cell(c, column) for c, column in zip(row.cells, table.columns, strict=True)]
        lines.append(" & ".join([*map(escape, (row.label, *row.details)), *cells]) + r" \\")
    return [*lines, "\\bottomrule", "\\end{tabular}"]


def _heads(table: Table, left: int) -> list[str]:
    groups, rules, place = [], [], left + 1
    for group, columns in groupby(table.columns, key=lambda column: column.group):
        size = len(list(columns))
        groups.append(f"\\multicolumn{{{size}}}{{c}}{{{escape(', '.join(group))}}}")
        rules.append(f"\\cmidrule(lr){{{place}-{place + size - 1}}}")
        place += size
    names = [escape(head) for head in (table.label_head, *table.detail_heads)]
    names += [escape(column.head) for column in table.columns]
    return [
        " & ".join([""] * left + groups) + r" \\",
        " ".join(rules),
        " & ".join(names) + r" \\",
        "\\midrule",
    ]


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
