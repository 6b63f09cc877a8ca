import pytest

from benchmark.compare import Side, compare, pair_records
from benchmark.results.schema import DataInfo, PretrainInfo, RecipeInfo
from benchmark.results.store import RecordStore

GLCM, MOCO = Side(objective="glcm"), Side(objective="moco")


@pytest.fixture
def pairs(make_record):
    """pairs(record, ...) -> blocks and what was left out, of glcm against moco."""

    def make(*records, current=None, may_differ=()):
        return pair_records(records, GLCM, MOCO, current=current or {}, may_differ=may_differ)

    return make


def seeds(block):
    return [folds[0].seed.init for folds in block.a]


def reasons(left_out):
    return {(entry.objective, entry.reason): entry.records for entry in left_out}


def test_the_same_seeds_are_paired_and_the_others_said(pairs, make_record):
    [block], out = pairs(
        *(make_record("glcm", seed=seed, value=50 + seed) for seed in (0, 1, 2)),
        *(make_record("moco", seed=seed, value=40 + seed) for seed in (2, 1, 7)),
        make_record("cpc", seed=1),
    )
    assert seeds(block) == [1, 2]
    assert [folds[0].primary.value for folds in block.b] == [41, 42]
    assert reasons(out) == {
        ("glcm", "the other objective lacks seed 0, fold 0"): 1,
        ("moco", "the other objective lacks seed 7, fold 0"): 1,
    }


def test_a_seed_needs_every_fold_that_others_have(pairs, make_record):
    [block], out = pairs(
        *(
            make_record(name, seed=seed, fold=fold)
            for name in ("glcm", "moco")
            for seed, fold in ((0, 1), (0, 2), (1, 1), (1, 2))
        ),
        *(make_record(name, seed=2, fold=1) for name in ("glcm", "moco")),
        make_record("glcm", seed=0, fold=3),
    )
    assert seeds(block) == [0, 1]
    assert [[record.task.fold for record in folds] for folds in block.b] == [[1, 2], [1, 2]]
    lacks = "seed 2 lacks a fold that others have, or a newer pair counts"
    assert reasons(out) == {
        ("glcm", "the other objective lacks seed 0, fold 3"): 1,
        ("glcm", lacks): 1,
        ("moco", lacks): 1,
    }


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"precision": "bf16"}, "setup differs (precision: {})"),
        ({"steps": 200}, "setup differs (pretraining steps: {})"),
        ({"recipe": RecipeInfo(config={"finetune": {"lr": 0.1}})}, "setup differs ("),
        ({"protocol": "linear"}, "the other objective has no record of this"),
        ({"kind": "full"}, "the other objective has no record of this"),
    ],
)
def test_unequal_conditions_are_not_compared(pairs, make_record, field, reason):
    blocks, out = pairs(make_record("glcm"), make_record("moco", **field))
    assert blocks == []
    assert {entry.objective for entry in out} == {"glcm", "moco"}
    assert all(entry.reason.startswith(reason.partition("{")[0]) for entry in out)


def test_the_entries_of_a_recipe_that_differ_are_named(pairs, make_record):
    def recipe(lr, **others):
        return RecipeInfo(config={"finetune": {"lr": lr, "epochs": 5}, **others})

    _, out = pairs(make_record("glcm", recipe=recipe(0.1)), make_record("moco", recipe=recipe(0.2)))
    assert [entry.reason for entry in out] == [
        "setup differs (finetune.lr: 0.1 / 0.2)",
        "setup differs (finetune.lr: 0.2 / 0.1)",
    ]


def test_a_setting_that_may_differ_is_let_pass_and_named(pairs, make_record):
    def recipe(rate, epochs):
        return RecipeInfo(config={"pretrain": {"lr": rate}, "finetune": {"epochs": epochs}})

    records = [
        make_record("glcm", recipe=recipe(0.1, 5)),
        make_record("moco", recipe=recipe(0.2, 5)),
        make_record("moco", recipe=recipe(0.2, 6), seed=1),
        make_record("glcm", recipe=recipe(0.1, 5), seed=1),
    ]
    [block], out = pairs(*records, may_differ=("pretrain.lr",))
    assert (seeds(block), block.differing) == ([0], ["pretrain.lr: 0.1 / 0.2"])
    assert reasons(out) == {
        ("moco", "setup differs (finetune.epochs: 6 / 5)"): 1,
        ("glcm", "the other objective lacks seed 1, fold 0"): 1,
    }


def test_what_concerns_other_tasks_and_objectives_may_differ(pairs, make_record):
    ours = {"tasks": {"lrw": {"size": 36}, "dfdc": {"size": 1}}, "objectives": {"glcm": {"k": 1}}}
    theirs = {"tasks": {"lrw": {"size": 36}}, "tuning": "by hand"}
    blocks, out = pairs(
        make_record("glcm", recipe=RecipeInfo(config=ours)),
        make_record("moco", recipe=RecipeInfo(config=theirs)),
    )
    assert (len(blocks), out) == (1, [])


def test_an_encoder_that_was_not_pretrained_compares_with_any(make_record):
    scratch = make_record(
        "scratch",
        pretrain=PretrainInfo(seed=0, steps=0),
        recipe=RecipeInfo(config={"pretrain": {"epochs": 1}, "lr": 1}),
    )
    recipes = [RecipeInfo(config={"pretrain": {"epochs": epochs}, "lr": 1}) for epochs in (5, 9)]
    glcm = [
        make_record("glcm", steps=epochs, recipe=r)
        for epochs, r in zip((5, 9), recipes, strict=True)
    ]
    blocks, out = pair_records([scratch, *glcm], GLCM, Side(objective="scratch"), current={})
    assert (len(blocks), out) == (2, [])
    assert [block.detail for block in blocks] == [
        f"A: mini-kav, 240 clips, {steps} steps; B: not pretrained" for steps in (5, 9)
    ]


def test_failed_and_stale_records_are_left_out(pairs, make_record):
    blocks, out = pairs(
        make_record("glcm", version=1),
        make_record("moco", value=None),
        current={"objective:glcm": 2},
    )
    assert blocks == []
    assert reasons(out) == {
        ("glcm", "stale: objective glcm is at version 2, the record at 1"): 1,
        ("moco", "failed: RuntimeError"): 1,
    }


def test_other_data_is_no_pair(pairs, make_record):
    data = [DataInfo(dataset="lrw", kind="full", manifest_sha256=part * 64) for part in "ab"]
    blocks, out = pairs(make_record("glcm", data=data[0]), make_record("moco", data=data[1]))
    assert blocks == []
    assert {entry.reason for entry in out} == {
        "the other objective was measured on other data (manifest)"
    }


def test_scores_without_predictions_are_tested_over_seeds(make_record, tmp_path):
    """And Holm counts the comparisons of one task: here two protocols of lrw."""
    records = [
        make_record(name, seed=seed, value=value + noise, protocol=protocol)
        for protocol in ("finetune", "linear")
        for name, value, steps in (("glcm", 60, (0, 0.4, -0.5)), ("moco", 50, (0.2, 0, 0)))
        for seed, noise in enumerate(steps)
    ]
    blocks, out = pair_records(records, GLCM, MOCO, current={})
    found = compare(blocks, RecordStore(tmp_path))
    assert out == []
    assert [entry.verdict for entry in found] == ["A better"] * 2
    assert found[0].p_holm == pytest.approx(2 * found[0].difference.p)
    assert found[0].notes == ("predictions are gone: tested over seeds alone",)
    assert (found[0].difference.groups, found[0].mcnemar) == (None, ())


def test_less_is_better_for_an_error_rate(make_record, tmp_path):
    records = [
        make_record(name, "lrs2", seed=seed, value=value + seed)
        for name, value in (("glcm", 40.0), ("moco", 60.0))
        for seed in (0, 1, 2)
    ]
    records[0] = make_record("glcm", "lrs2", seed=0, value=40.3)
    blocks, _ = pair_records(records, GLCM, MOCO, current={})
    [found] = compare(blocks, RecordStore(tmp_path))
    assert found.difference.mean < 0
    assert found.verdict == "A better"
