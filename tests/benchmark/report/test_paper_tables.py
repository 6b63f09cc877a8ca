"""The papers' tables, from published numbers alone and with records beside them."""

import pytest

from benchmark.report import build
from benchmark.report.model import Mark, cell_text
from benchmark.results.keys import cell_key
from benchmark.results.schema import ObjectiveInfo, PretrainInfo
from benchmark.results.store import RecordStore

# as printed; * is bold here: the best of a column (row, where tasks are rows)
T5 = """
w/o loc. Glob.       70.9           65.3           67.9           82.3          57.1
Ours     Glob.       47.6 (↓ 23.3)  86.8 (↑ 21.5)  92.6 (↑ 24.7)  89.2 (↑ 6.9)  59.9 (↑ 2.8)
Ours     Loc.        46.5'          88.9'          95.9           88.5          58.3
Ours     Glob.+Loc.  *45.1          *89.2          *96.7          *90.1         *61.3
"""
T6 = """
w/o MIL  40.4?          79.2^         88.9          87.8           56.3
Ours     47.8 (↑ 7.4)   *83.7 (↑ 4.5) *90.1 (↑ 1.2) *88.1 (↑ 0.3)  *56.8 (↑ 0.5)
"""
T7 = """
LRS2              49.8 (TM-Seq2seq)  *45.1  71.9  51.2
LRW               84.1 (DFTN)        *89.2  62.3  85.1
DFDC              85.3 (InfoMax)     *96.7  68.1  95.9
DFDC audio+video  91.5 (MDS)         *97.1  n/a   n/a
"""
CC1 = """
UCF101                      75.8 (↓ 4.1)  *79.9
ESC50 audio                 78.5 (↓ 3.5)  *82.0
Kinetics-Sound audio        43.2 (↓ 3.9)  *47.1
Kinetics-Sound              53.3 (↓ 2.4)  *55.7
Kinetics-Sound audio+video  65.0 (↓ 1.7)  *66.7
"""
CC2 = """
HMDB51       45.7  50.0  *56.2
UCF101       78.1  83.9  *87.7
Kinetics400  39.0  44.5  *50.1
ESC50 audio  82.8  86.8  *90.5
DCASE audio  93.0  96.0  *97.0
"""
CC4 = """
XDC         78.0   84.8   91.0   95.0
AVID        79.1   89.1   93.0   96.0
CrissCross  *86.8  *90.5  *96.0  *97.0
"""


@pytest.fixture
def tables_of(tmp_path):
    """tables_of(record, ...) -> name -> table."""

    def make(*records, **options):
        store = RecordStore(tmp_path)
        for record in records:  # each is a cell of its own, whatever it was made with
            key = cell_key({"run": record.run_id})
            store.write(record.model_copy(update={"cell_key": key}))
        return {table.name: table for table in build(store, **options)}

    return make


def told(table, *, details=True):
    """Rows of words, without the spaces between them."""
    rows = []
    for row in table.rows:
        cells = [
            f"{'*' * cell.best}{cell_text(cell, digits=column.digits)}"
            for column, cell in zip(table.columns, row.cells, strict=True)
        ]
        rows.append("".join([row.label, *(row.details if details else ()), *cells]))
    return [row.replace(" ", "") for row in rows]


def printed(text):
    return [line.replace(" ", "") for line in text.strip().splitlines()]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("glcm-t5", T5),
        ("glcm-t6", T6),
        ("glcm-t7", T7),
        ("crisscross-t1", CC1),
        ("crisscross-t2", CC2),
        ("crisscross-t4", CC4),
    ],
)
def test_published_alone_reads_as_printed(tables_of, name, text):
    table = tables_of()[name]
    assert told(table, details=not table.along_rows) == printed(text)


def test_heads_of_the_turned_tables(tables_of):
    tables = tables_of()
    assert [c.label for c in tables["glcm-t7"].columns] == [
        "SOTA",
        "Our best",
        "Ours, full frame",
        "Ours, attention",
    ]
    assert [c.label for c in tables["crisscross-t2"].columns] == [
        "Kinetics-Sound 22,000",
        "Kinetics-400 240,000",
        "AudioSet 1,800,000",
    ]
    assert [row.details for row in tables["glcm-t7"].rows][:2] == [("WER % ↓",), ("top-1 % ↑",)]
    assert [(c.group[-1], c.label) for c in tables["crisscross-t4"].columns] == [
        ("ESC50", "Kinetics-400 240,000"),
        ("ESC50", "AudioSet 1,800,000"),
        ("DCASE", "Kinetics-400 240,000"),
        ("DCASE", "AudioSet 1,800,000"),
    ]


def test_details_that_no_row_has_are_left_out(tables_of, make_record):
    """CrissCross Tab. 4 has no column of pretraining data, until a record has some to tell."""
    assert tables_of()["crisscross-t4"].detail_heads == ()
    table = tables_of(make_record("moco", "esc50", 50.0, protocol="linear"))["crisscross-t4"]
    assert table.detail_heads == ("pretrained on",)
    assert [row.details for row in table.rows][-2:] == [("",), ("mini-kav 240",)]


def test_sections_follow_the_papers(tables_of):
    tables = tables_of()
    for name in ("glcm-t1", "glcm-t2", "glcm-t3"):
        sections = [row.section for row in tables[name].rows]
        assert list(dict.fromkeys(sections)) == ["Supervised", "SSL", "Ours"], name
    inputs = {row.label: row.details[0] for row in tables["glcm-t2"].rows}
    assert inputs["MDS (Chugh et al. 2020)"] == "audio+video"
    assert inputs["MoCo (He et al. 2020)"] == "video"
    frames = [row.details for row in tables["crisscross-t3"].rows if row.label == "XDC"]
    assert frames[0] == ("64 GPUs", "Kinetics-400 240,000", "R(2+1)D-18 (31.5M)", "8")


def test_without_published_numbers_only_measured_tables_stand(tables_of, make_record):
    tables = tables_of(make_record("glcm", "lrw", 60), published=False)
    assert {name for name in tables if name.startswith("glcm")} == {
        "glcm-t1",
        "glcm-t4",
    }
    assert all(column.origin == "measured" for column in tables["glcm-t4"].columns)


def test_measured_values_stand_beside_in_columns_of_their_own(tables_of, make_record):
    tables = tables_of(
        make_record("glcm", "lrw", 60, kind="miniature"),
        make_record("glcm", "lrw", 70, kind="subset"),
        make_record("glcm", "lrw", 80, kind="full"),
        make_record("glcm", "lrw", 90, kind="full", protocol="linear"),
    )
    table = tables["glcm-t4"]
    measured = [column.group for column in table.columns if column.origin == "measured"]
    assert measured == [("measured", kind, "finetune") for kind in ("full", "subset", "miniature")]
    [glcm] = [row for row in table.rows if row.label == "GLCM (Ours)"]
    assert [cell.value for cell in glcm.cells] == [47.8, 83.7, 90.1, 80, 70, 60]
    for row, column, cell in table.cells:
        assert cell.origin == column.origin, row.label


def test_a_method_stands_in_the_published_row_of_its_pretraining_only(tables_of, make_record):
    same = PretrainInfo(dataset="kav", clips=15_000, steps=100)
    tables = tables_of(
        make_record("glcm", "lrw", 80, kind="full", pretrain=same),
        make_record("moco", "lrw", 50, kind="full"),  # pretrained on mini-kav
    )
    rows = {
        (row.section, row.label, row.details[-1]): [cell.value for cell in row.cells]
        for row in tables["glcm-t1"].rows
    }
    assert rows["Ours", "GLCM (Ours)", "K-AV 15,000"] == [47.8, 83.7, 80]
    assert rows["Ours", "GLCM (Ours)", "K-AV 240,000"] == [45.1, 89.2, None]
    assert rows["SSL", "MoCo (He et al. 2020)", "K-AV 15,000"] == [71.5, 61.2, None]
    assert rows["Measured here", "MoCo", "mini-kav 240"] == [None, None, 50]


def with_params(record, **params):
    info = ObjectiveInfo(name=record.objective.name, params=params)
    return record.model_copy(update={"objective": info})


def fields(**settings):
    return {"recipe": {"features": "all", "pooling": "average"} | settings}


def test_ablations_find_their_rows(tables_of, make_record):
    crop = {**fields(pooling="attention"), "options": {"crop": "full"}}
    tables = tables_of(
        make_record(value=60),
        make_record(value=61, key_fields=fields(features="global")),
        make_record(value=62, key_fields=fields(features="all")),
        with_params(
            make_record(value=63, key_fields=fields(features="global")), local_contrast=False
        ),
        with_params(make_record(value=64, key_fields=fields()), local_mil=False),
        make_record(value=65, key_fields=crop),
    )

    def measured(name):
        return {
            (row.label.partition(":")[0], *row.details): row.cells[-1].value
            for row in tables[name].rows
            if row.cells[-1].value is not None
        }

    assert measured("glcm-t5")["w/o loc.", "Glob."] == 63
    assert measured("glcm-t5")["Ours", "Glob."] == 61
    assert measured("glcm-t6")["w/o MIL",] == 64
    turned = tables["glcm-t7"]
    [lrw] = [row for row in turned.rows if row.label == "LRW"]
    attended = {
        column.label: cell.value
        for column, cell in zip(turned.columns, lrw.cells, strict=True)
        if column.origin == "measured"
    }
    assert attended["Ours, attention"] == 65


def test_asynchronous_loss_and_pretraining_size(tables_of, make_record):
    def crisscross(value, families, clips):
        made = PretrainInfo(dataset="audioset", clips=clips, steps=9)
        record = make_record("crisscross", "ucf101", value, protocol="linear", pretrain=made)
        return with_params(record, families=families)

    every = ["intra", "sync", "async"]
    tables = tables_of(
        crisscross(40, every[:2], 100), crisscross(45, every, 100), crisscross(50, every, 1_800_000)
    )
    [row] = [row for row in tables["crisscross-t1"].rows if row.label == "UCF101"]
    columns = tables["crisscross-t1"].columns
    found = {
        c.label: cell.value
        for c, cell in zip(columns, row.cells, strict=True)
        if c.origin == "measured"
    }
    assert found["w/o L_async"] == 40
    assert {value for label, value in found.items() if label.startswith("w/ ")} == {45, 50}
    [row] = [row for row in tables["crisscross-t2"].rows if row.label == "UCF101"]
    columns = tables["crisscross-t2"].columns
    found = {(c.origin, c.label): cell.value for c, cell in zip(columns, row.cells, strict=True)}
    assert found["published", "AudioSet 1,800,000"] == 87.7
    assert found["measured", "AudioSet 1,800,000"] == 50


def test_a_variant_says_what_sets_it_apart_and_the_usual_row_nothing(tables_of, make_record):
    usual, other = ({"recipe": {"lr": rate}} for rate in (0.1, 0.2))
    table = tables_of(
        make_record("moco", "ucf101", 50, key_fields=usual),
        make_record("scratch", "ucf101", 40, key_fields=usual),
        make_record("scratch", "ucf101", 45, key_fields=other, precision="bf16"),
    )["glcm-t3"]
    labels = [row.label for row in table.rows if row.section == "Measured here"]
    assert labels[:2] == ["MoCo", "Scratch"]
    assert labels[2] == "Scratch: lr=0.2, precision=bf16"


def test_a_failed_run_has_its_mark_in_the_papers_tables_too(tables_of, make_record):
    table = tables_of(make_record(value=None), make_record("moco"))["glcm-t4"]
    [glcm] = [row for row in table.rows if row.label == "GLCM (Ours)"]
    assert glcm.cells[-1].mark is Mark.FAILED


def test_one_row_may_stand_in_several_lines(tables_of, make_record):
    """With local features by sight alone, with all of them by sight and sound: one encoder."""
    heard = make_record("glcm", "dfdc", 64, key_fields=fields(features="all"))
    heard = heard.model_copy(update={"task": heard.task.model_copy(update={"modality": "av"})})
    table = tables_of(make_record("glcm", "dfdc", 60, key_fields=fields(features="local")), heard)[
        "glcm-t5"
    ]
    found = {row.details: [cell.value for cell in row.cells[-2:]] for row in table.rows}
    assert found["Loc.",] == [60, None]
    assert found["Glob.+Loc.",] == [None, 64]


def test_the_plain_objective_stands_beside_the_published_number(tables_of, make_record):
    """Also where a variant comes first by its options."""
    table = tables_of(
        with_params(make_record(value=50), denominator="one_way"),
        with_params(make_record(value=60), denominator="symmetric"),
        with_params(make_record(value=55), denominator="symmetric", pooling="average"),
    )["glcm-t4"]
    ours = [row for row in table.rows if row.label.startswith("GLCM (Ours)")]
    assert [row.cells[-1].value for row in ours] == [60, 50, 55]
    assert [row.cells[0].value is None for row in ours] == [False, True, True]
