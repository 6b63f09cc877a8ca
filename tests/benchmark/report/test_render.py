import csv
import io
import json
from collections import Counter

import pytest

from benchmark.report import build, render_markdown, render_terminal, write
from benchmark.report.model import Cell, Column, Flag, Mark, Row, Table, with_best
from benchmark.report.render import cell_text, render_csv, render_json, render_text
from benchmark.results.store import RecordStore
from registries.errors import UsageError

MARKDOWN = """\
## Objectives x tasks (layout of GLCM Table 4)

| method | published, GLCM Table 4, K-AV 15,000: LRS2 WER % ↓ | published, GLCM Table 4, K-AV \
15,000: LRW top-1 % ↑ | published, GLCM Table 4, K-AV 15,000: DFDC AUC % ↑ | measured, miniature, \
finetune: LRW top-1 % ↑ | measured, miniature, finetune: DFDC AUC % ↑ |
|:--|--:|--:|--:|--:|--:|
| MoCo | 71.5 | 61.2 | 60.2 | 51.0 ±5.0 (3) | failed |
| CPC | 66.7 | 65.3 | 67.9 | — | — |
| DPC | 65.1 | 67.5 | 71.2 | — | — |
| InfoMax | 53.2 | 70.7 | 85.3 | — | — |
| AVTS | 72.1 | 64.9 | 63.1 | — | — |
| AVSlowFast | 56.1 | 75.8 | 80.9 | — | — |
| GLCM | **47.8** | **83.7** | **90.1** | **61.0 ±5.0 (3)** | 70.2 (1) |

- **bold**  best of the column
- —  no record
- failed  every attempt failed
- measured: mean ± half width of the 95 % interval over seeds (Student t), (seeds).
- measured with: r3d18, pretrained on mini-kav, 240 clips, 100 steps.
- MoCo, miniature, finetune, DFDC: seed 0: RuntimeError: out of memory
"""


@pytest.fixture
def tables(tmp_path, make_record):
    store = RecordStore(tmp_path)
    for seed, value in enumerate((59.0, 61.0, 63.0)):
        store.write(make_record("glcm", "lrw", value, seed=seed))
        store.write(make_record("moco", "lrw", value - 10, seed=seed))
    store.write(make_record("glcm", "dfdc", 70.25))
    store.write(make_record("moco", "dfdc", None))
    return build(store)


def test_markdown_of_the_layout(tables):
    assert render_markdown(tables[:1]) == MARKDOWN


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell(origin="measured", value=61.249, half_width=1.25, n=3), "61.2 ±1.2 (3)"),
        (Cell(origin="measured", value=61.25, n=1), "61.2 (1)"),
        (Cell(origin="measured", value=9.96, half_width=0.04, n=2, flags=(Flag.CHANCE,)),
         "10.0 ±0.0! (2)"),
        (Cell(origin="published", value=40.4, flags=(Flag.SUSPECT,)), "40.4?"),
        (Cell(origin="measured", mark=Mark.STALE), "stale"),
    ],
)  # fmt: skip
def test_text_of_a_cell(cell, text):
    assert cell_text(cell) == text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(tables, width):
    lines = render_text(tables, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) > 150


def test_a_wide_terminal_shows_one_table(tables):
    text = render_text(tables[:1], width=120)
    [glcm] = [line for line in text.splitlines() if line.startswith("GLCM ")]
    assert glcm.split() == [
        "GLCM",
        "*47.8",
        "*83.7",
        "*90.1",
        "*61.0",
        "±5.0",
        "(3)",
        "70.2",
        "(1)",
    ]


def test_stacked_tables_lose_no_number(tables):
    for table in tables:
        shown = Counter(render_text([table], width=80).replace("*", "").split())
        cells = [cell for row in table.rows for cell in row.cells if cell.value is not None]
        needed = Counter(cell_text(cell).split()[0] for cell in cells)
        assert not needed - shown


def test_plain_where_it_is_no_terminal(tables):
    out = io.StringIO()
    render_terminal(tables, file=out, width=80)
    assert "\x1b" not in out.getvalue()


def test_ascii_where_the_stream_holds_no_more(tables):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    render_terminal(tables, file=out, width=80)
    out.flush()
    text = raw.getvalue().decode("ascii")
    assert "61.0 +-5.0 (3)" in text
    assert "WER % down" in text


def test_csv_is_long_and_exact(tables):
    rows = list(csv.DictReader(io.StringIO(render_csv(tables))))
    assert len(rows) == sum(len(t.rows) * len(t.columns) for t in tables)
    [found] = [
        row
        for row in rows
        if (row["table"], row["row"], row["column"])
        == ("objectives", "GLCM", "measured, miniature, finetune: LRW top-1 %")
    ]
    assert float(found.pop("interval")) == pytest.approx(4.302653 * 2 / 3**0.5)
    assert found == {
        "table": "objectives",
        "row": "GLCM",
        "column": "measured, miniature, finetune: LRW top-1 %",
        "kind": "miniature",
        "origin": "measured",
        "value": "61.0",
        "n": "3",
        "run_ids": "run-0 run-2 run-4",
        "note": "",
        "source": "records",
    }
    failed = [row["note"] for row in rows if row["note"].startswith("FAILED")]
    assert failed == ["FAILED: seed 0: RuntimeError: out of memory"]
    suspect = [row for row in rows if row["note"].startswith("SUSPECT")]
    assert [(row["value"], row["source"]) for row in suspect] == [
        ("71.6", "GLCM Table 1"),
        ("40.4", "GLCM Table 6"),
    ]
    assert {row["origin"] for row in rows if row["run_ids"]} == {"measured"}


def test_suspect_values_are_shown_with_mark_and_note_and_never_win():
    text = render_text(build(None), width=200)
    assert "40.4?" in text
    assert "*40.4" not in text
    assert "*47.8" in text
    assert "GLCM w/o MIL in local contrast, LRS2: SUSPECT: OCR" in text
    assert "?  legible in the source but doubtful" in text


def test_names_with_markup_are_text(tmp_path, make_record):
    store = RecordStore(tmp_path)
    store.write(make_record("a[bold]|b"))
    tables = build(store, published=False)
    assert "a[bold]|b" in render_text(tables)
    assert "| a[bold]\\|b |" in render_markdown(tables)


def test_json_holds_every_cell(tables):
    [first, *_] = json.loads(render_json(tables))
    glcm = next(row for row in first["rows"] if row["label"] == "GLCM")
    assert [cell["value"] for cell in glcm["cells"]] == [47.8, 83.7, 90.1, 61.0, 70.25]


def test_files_are_written(tables, tmp_path):
    out = tmp_path / "deep" / "tables"
    paths = write(tables, out, formats=["md", "csv", "term", "json"])
    assert [path.name for path in paths] == ["report.md", "report.csv", "report.txt", "report.json"]
    assert paths[0].read_text(encoding="utf-8") == render_markdown(tables)
    with pytest.raises(UsageError, match="unknown report format 'pdf'"):
        write(tables, tmp_path / "none", formats=["md", "pdf"])
    assert not (tmp_path / "none").exists()


def test_a_lone_number_is_not_the_best():
    column = Column(
        group=("measured",),
        label="x",
        metric="m",
        higher_is_better=True,
        origin="measured",
        kind="",
    )
    rows = tuple(
        Row(label=str(index), cells=(Cell(origin="measured", value=value),))
        for index, value in enumerate((1.0, None))
    )
    table = Table(name="t", title="t", columns=(column,), rows=rows)
    assert not with_best(table).rows[0].cells[0].best
