"""Variants of an objective against each other: by the options that are named, all else alike."""

from __future__ import annotations

import pytest

from benchmark.compare import Side, pair_records
from benchmark.results.keys import cell_key
from benchmark.results.schema import ObjectiveInfo
from registries.errors import UsageError


@pytest.fixture
def variant(make_record):
    """variant(seed, **options) -> a record of CrissCross with these options."""

    def make(seed=0, **options):
        info = ObjectiveInfo(name="crisscross", version=1, params=options)
        record = make_record("crisscross", seed=seed)
        key = cell_key(record.key_fields | {"options": options})
        return record.model_copy(update={"objective": info, "cell_key": key})

    return make


def relaxations(blocks):
    return [
        tuple(side[0][0].objective.params["relaxation"] for side in (block.a, block.b))
        for block in blocks
    ]


def test_a_name_may_be_followed_by_options():
    side = Side.parse("crisscross:relaxation=none:families=('intra', 'sync'):dim=256")
    assert side.objective == "crisscross"
    assert side.options == {"relaxation": "none", "families": ("intra", "sync"), "dim": 256}


@pytest.mark.parametrize("text", ["glcm:local_mil", "glcm:=3", "glcm:local_mil=", "glcm:"])
def test_an_option_needs_a_name_and_a_value(text):
    with pytest.raises(UsageError, match="NAME:OPTION=VALUE"):
        Side.parse(text)


def test_a_tuple_is_the_list_of_a_record(variant):
    side = Side.parse("crisscross:families=('intra',)")
    assert side.takes(variant(families=["intra"]))
    assert not side.takes(variant(families=["sync"]))
    assert not side.takes(variant())


def test_two_variants_of_one_objective(variant):
    records = [
        variant(seed, relaxation=name) for seed in (0, 1) for name in ("mild", "none", "mixed")
    ]
    sides = Side.parse("crisscross:relaxation=mixed"), Side.parse("crisscross:relaxation=none")
    blocks, out = pair_records(records, *sides, current={})
    assert relaxations(blocks) == [("mixed", "none")]
    assert (len(blocks[0].a), out) == (2, [])


def test_the_plain_name_stands_for_all_but_the_variant(variant):
    records = [variant(relaxation="mild"), variant(relaxation="none")]
    sides = Side.parse("crisscross"), Side.parse("crisscross:relaxation=none")
    blocks, out = pair_records(records, *sides, current={})
    assert (relaxations(blocks), out) == ([("mild", "none")], [])


def test_options_that_nobody_names_must_agree(variant):
    records = [
        variant(relaxation="mild", dim=256),
        variant(relaxation="mild", dim=64),
        variant(relaxation="none", dim=256),
    ]
    sides = Side.parse("crisscross"), Side.parse("crisscross:relaxation=none")
    [block], [left] = pair_records(records, *sides, current={})
    assert block.a[0][0].objective.params["dim"] == 256
    assert left.reason == "setup differs (dim: 64 / 256)"


def test_a_variant_against_another_objective(variant, make_record):
    records = [variant(relaxation="mild"), variant(relaxation="none"), make_record("moco")]
    sides = Side.parse("crisscross:relaxation=none"), Side.parse("moco")
    [block], out = pair_records(records, *sides, current={})
    assert block.a[0][0].objective.params == {"relaxation": "none"}
    assert out == []
