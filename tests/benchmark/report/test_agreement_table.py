"""Agreement with GLCM Table 4: Kendall's tau against pairs counted by hand, and scipy."""

import numpy as np
import pytest
from scipy.stats import kendalltau, rankdata

from benchmark.report import build_report
from benchmark.results.keys import cell_key
from benchmark.results.schema import ObjectiveInfo
from benchmark.results.store import RecordStore

PAPER = {  # as printed
    "lrs2": {"moco": 71.5, "cpc": 66.7, "dpc": 65.1, "infomax": 53.2, "glcm": 47.8},
    "lrw": {"moco": 61.2, "cpc": 65.3, "dpc": 67.5, "infomax": 70.7, "glcm": 83.7},
    "dfdc": {"moco": 60.2, "cpc": 67.9, "dpc": 71.2, "infomax": 85.3, "glcm": 90.1},
}
# the paper's order turned round, but for GLCM: of ten pairs, the four with GLCM are as published
SWAPPED = {"moco": 80.0, "cpc": 72.0, "dpc": 71.0, "infomax": 40.0, "glcm": 90.0}


@pytest.fixture
def agreement_of(tmp_path, make_record):
    """agreement_of({task: {objective: score or scores by seed}}) -> the tables of agreement."""

    def make(scores, *, more=(), published=True, **fields):
        store = RecordStore(tmp_path)
        for task, row in scores.items():
            for name, values in row.items():
                for seed, value in enumerate(values if isinstance(values, tuple) else (values,)):
                    store.write(make_record(name, task, value, seed=seed, **fields))
        for record in more:
            store.write(record)
        report = build_report(store, published=published)
        found = report.only(["agreement"])
        assert all(table in report.telling for table in found)
        return found

    return make


def numbers(table, label):
    [row] = [row for row in table.rows if row.label == label]
    return [cell.value for cell in row.cells]


def test_the_papers_own_numbers_agree_with_themselves(agreement_of):
    [table] = agreement_of(PAPER)
    labels = [row.label for row in table.rows]
    assert labels == [*(f"{t} (finetune)" for t in ("LRS2", "LRW", "DFDC")), "average rank"]
    for label in labels:
        tau, p, methods, seeds = numbers(table, label)
        assert (tau, methods, seeds) == (pytest.approx(1), 5, 1)
        assert p == pytest.approx(2 / 120)  # two of the 5! orders are as far from no association
    assert any("Covers MoCo, CPC, DPC, InfoMax, GLCM;" in note for note in table.notes)


def test_tau_by_counting_pairs(agreement_of):
    [table] = agreement_of({"lrw": SWAPPED})
    tau, p, methods, _ = numbers(table, "LRW (finetune)")
    assert tau == pytest.approx((4 - 6) / 10)
    said = [PAPER["lrw"][name] for name in SWAPPED]
    assert p == pytest.approx(kendalltau(list(SWAPPED.values()), said).pvalue)
    assert methods == 5
    assert len(table.rows) == 1  # of one task there is no average


def test_an_error_rate_is_compared_as_one(agreement_of):
    """The measured word error rates in the reverse order of the paper's."""
    reverse = {name: 100 - value for name, value in PAPER["lrs2"].items()}
    [table] = agreement_of({"lrs2": reverse})
    assert numbers(table, "LRS2 (finetune)")[0] == pytest.approx(-1)


def test_average_ranks_are_taken_in_each_task_and_seed(agreement_of):
    lrs2 = {"moco": (50, 52), "cpc": (60, 40), "dpc": (55, 56), "infomax": (45, 50)}
    lrw = {"moco": (60, 61), "cpc": (65, 50), "dpc": (50, 66), "infomax": (70, 71)}
    [table] = agreement_of({"lrs2": lrs2, "lrw": lrw})
    errors, hits = (np.array(list(row.values()), dtype=float) for row in (lrs2, lrw))
    ours = (rankdata(errors, axis=0) + rankdata(-hits, axis=0)).mean(axis=1)
    names = list(lrs2)
    theirs = rankdata([PAPER["lrs2"][n] for n in names]) + rankdata(
        [-PAPER["lrw"][n] for n in names]
    )
    expected = kendalltau(ours, theirs)
    assert numbers(table, "average rank")[:2] == pytest.approx(
        [expected.statistic, expected.pvalue]
    )
    aside = table.rows[-1].cells[0].aside
    low, high = (float(end) for end in aside.split(" to "))
    assert -1 <= low <= expected.statistic <= high <= 1


def test_three_methods_cannot_show_it_and_the_table_says_so(agreement_of):
    three = {name: PAPER["lrw"][name] for name in ("moco", "dpc", "glcm")}
    [table] = agreement_of({"lrw": three})
    assert numbers(table, "LRW (finetune)")[:2] == pytest.approx([1.0, 2 / 6])
    assert any("3 methods cannot show an association" in note for note in table.notes)


def test_what_the_paper_does_not_have_takes_no_part(agreement_of, make_record):
    """Other objectives, other tasks, and a probe where the paper finetunes."""
    more = [make_record("crisscross", "lrw", 99.0), make_record("scratch", "lrw", 1.0)]
    more += [make_record(name, "ucf101", 50.0) for name in SWAPPED]
    more += [make_record(name, "dfdc", 50.0, protocol="linear") for name in SWAPPED]
    [table] = agreement_of({"lrw": SWAPPED}, more=more)
    assert [row.label for row in table.rows] == ["LRW (finetune)"]
    assert numbers(table, "LRW (finetune)")[2] == 5
    assert len(table.rows[0].cells[0].run_ids) == 5


def test_an_ablation_does_not_stand_for_its_objective(agreement_of, make_record):
    """Pretrained alike, measured on as many tasks, with one option more: left aside."""
    less = {
        "objective": ObjectiveInfo(name="glcm", params={"local_contrast": False}),
        "cell_key": cell_key({"params": "others"}),
        "key_fields": {"params": "others"},
    }
    ablation = make_record("glcm", "lrw", 1.0).model_copy(update=less)
    [table] = agreement_of({"lrw": PAPER["lrw"]}, more=[ablation])
    assert numbers(table, "LRW (finetune)")[0] == pytest.approx(1)


def test_of_variants_with_as_many_options_the_one_measured_most_often_counts(
    agreement_of, make_record
):
    def glcm(value, seed, **params):
        record = make_record("glcm", "lrw", value, seed=seed)
        fields = record.key_fields | {"params": params}
        own = {"objective": ObjectiveInfo(name="glcm", params=params), "key_fields": fields}
        return record.model_copy(update=own | {"cell_key": cell_key(fields)})

    others = {name: (value, value) for name, value in PAPER["lrw"].items() if name != "glcm"}
    more = [glcm(PAPER["lrw"]["glcm"], seed, denominator="symmetric") for seed in (0, 1)]
    [table] = agreement_of({"lrw": others}, more=[*more, glcm(1.0, 0, denominator="one_way")])
    assert numbers(table, "LRW (finetune)")[0] == pytest.approx(1)
    assert numbers(table, "LRW (finetune)")[3] == 2


def test_without_published_numbers_there_is_no_table(agreement_of):
    assert not agreement_of(PAPER, published=False)


def test_two_methods_have_no_order_to_speak_of(agreement_of):
    assert not agreement_of({"lrw": {name: PAPER["lrw"][name] for name in ("moco", "glcm")}})


def test_data_kinds_stand_apart(agreement_of, make_record):
    more = [make_record(name, "lrw", value, kind="full") for name, value in SWAPPED.items()]
    found = agreement_of({"lrw": PAPER["lrw"]}, more=more)
    assert [table.name for table in found] == ["agreement-1", "agreement-2"]
    assert [numbers(table, "LRW (finetune)")[0] for table in found] == pytest.approx([-0.2, 1.0])
