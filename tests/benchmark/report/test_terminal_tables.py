import io
from collections import Counter

import pytest

from benchmark.report import build, render_terminal
from benchmark.report.model import Cell, Column, Flag, Mark, Row, Table, cell_text
from benchmark.report.terminal import render_text
from benchmark.results.store import RecordStore


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell(origin="measured", value=61.249, half_width=1.25, n=3), "61.2 ±1.2 (3)"),
        (Cell(origin="measured", value=61.25, n=1), "61.2 (1)"),
        (Cell(origin="measured", value=9.96, half_width=0.04, n=2, flags=(Flag.CHANCE,)),
         "10.0 ±0.0! (2)"),
        (Cell(origin="published", value=40.4, flags=(Flag.SUSPECT,)), "40.4?"),
        (Cell(origin="published", value=47.6, aside="↓ 23.3"), "47.6 (↓ 23.3)"),
        (Cell(origin="measured", mark=Mark.STALE), "stale"),
        (Cell(origin="measured", text="step 9"), "step 9"),
    ],
)  # fmt: skip
def test_text_of_a_cell(cell, text):
    assert cell_text(cell) == text


def test_decimals_follow_the_column():
    assert cell_text(Cell(origin="measured", value=12345.678), digits=0) == "12,346"
    assert cell_text(Cell(origin="measured", value=1.25, half_width=0.125), digits=3) == (
        "1.250 ±0.125"
    )


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(tables, width):
    lines = render_text(tables, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) > 150


def test_a_wide_terminal_shows_one_table(tables):
    text = render_text(tables[:1], width=120)
    [glcm] = [line for line in text.splitlines() if line.startswith("GLCM ")]
    assert " ".join(glcm.split()) == "GLCM *47.8 *83.7 *90.1 *61.0 ±5.0 (3) 70.2 (1)"


def test_what_is_tied_has_its_sign(tmp_path, make_record):
    store = RecordStore(tmp_path)
    store.write(make_record("glcm", "lrw", 61.0))
    store.write(make_record("moco", "lrw", 60.0))
    text = render_text(build(store, published=False))
    assert "*61.0 (1)" in text
    assert "=60.0 (1)" in text
    assert "underlined (=): not distinguishable" in text


def test_stacked_tables_lose_no_number(tables):
    for table in tables:
        shown = Counter(render_text([table], width=80).replace("*", "").replace("=", "").split())
        cells = [(column, cell) for _, column, cell in table.cells if cell.value is not None]
        needed = Counter(cell_text(cell, digits=c.digits).split()[0] for c, cell in cells)
        assert not needed - shown, table.name


def test_long_details_are_folded_between_words():
    [table] = [table for table in build(None) if table.name == "crisscross-t3"]
    text = render_text([table], width=80)
    assert "Kinetics-Sound " in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_word_longer_than_the_line_is_folded_all_the_same():
    rows = (Row(label="x" * 200, details=("y" * 200,), cells=(Cell(origin="measured", value=1),)),)
    column = Column(group=("g",), label="z", metric="", higher_is_better=None, origin="measured")
    table = Table(name="t", title="t", columns=(column,), rows=rows, detail_heads=("d",))
    text = render_text([table], width=40)
    assert max(map(len, text.splitlines())) <= 40
    assert text.count("x") == 200


def test_plain_where_it_is_no_terminal(tables):
    out = io.StringIO()
    render_terminal(tables, file=out, width=80)
    assert "\x1b" not in out.getvalue()


def test_ascii_where_the_stream_holds_no_more(tables):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    render_terminal(tables, file=out, width=80)
    out.flush()
    text = raw.getvalue().decode("ascii")
    assert "61.0 +-5.0 (3)" in text
    assert "WER % down" in text


def test_sections_head_their_rows(tables):
    [lip] = [table for table in tables if table.name == "glcm-t1"]
    lines = [line.strip() for line in render_text([lip], width=100).splitlines()]
    assert lines.index("Supervised") < lines.index("SSL") < lines.index("Ours")


def test_suspect_values_are_shown_with_mark_and_note_and_never_win():
    text = render_text(build(None), width=200)
    assert "40.4?" in text
    assert "*40.4" not in text
    assert "*47.8" in text
    assert "w/o MIL, LRS2: SUSPECT: OCR" in text
    assert "?  legible in the source but doubtful" in text


def test_names_with_markup_are_text(tmp_path, make_record):
    store = RecordStore(tmp_path)
    store.write(make_record("a[bold]|b"))
    assert "a[bold]|b" in render_text(build(store, published=False))
