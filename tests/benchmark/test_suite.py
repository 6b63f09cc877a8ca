"""A suite as data: what is chosen by the sweep, and which requests its blocks come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark import config
from benchmark.plan_request import RunRequest
from benchmark.results.schema import RecipeInfo, Record, Selection
from benchmark.settings import load_recipe
from benchmark.suite import Suite, block_requests, choose, load_suite, sweep_requests
from registries import plugins
from registries.errors import NotReadyError, UsageError

BASE = RunRequest(objectives=(), tasks=(), overrides=("precision=fp32",), out=Path("out"))


@pytest.fixture
def suite() -> Suite:
    return Suite(
        preset="demo",
        objectives=("glcm", "moco"),
        anchors=("scratch",),
        sweep={
            "option": "pretrain.lr",
            "values": (0.1, 0.2),
            "task": "ucf101",
            "overrides": ("tier=small",),
        },
        blocks={
            "core": {"tasks": ("lrw", "dfdc"), "seeds": 2},
            "parts": {"objectives": ("glcm",), "tasks": ("lrw",), "variants": {"x": ("a=1",)}},
        },
    )


def swept(record: Record, name: str, rate: float, val: float | None, **changes) -> Record:
    return record.model_copy(
        update={
            "objective": record.objective.model_copy(update={"name": name}),
            "recipe": RecipeInfo(config={"pretrain": {"lr": rate}}),
            "selection": Selection(rule="best_val", value=val),
            **changes,
        }
    )


def test_a_sweep_is_every_objective_at_every_value_apart_from_the_rest(suite):
    first, second = sweep_requests(suite, BASE)
    assert first.objectives == ("glcm", "moco") and first.tasks == ("ucf101",)
    assert first.overrides == ("precision=fp32", "tier=small", "pretrain.lr=0.1")
    assert second.overrides[-1] == "pretrain.lr=0.2"
    assert first.seeds == second.seeds == (100,) and first.out == Path("out/sweep")


def test_the_best_validation_score_chooses_and_the_smaller_of_equals(suite, make_record):
    record = make_record()
    records = [
        swept(record, "glcm", 0.1, 50.0),
        swept(record, "glcm", 0.2, 60.0),
        swept(record, "moco", 0.2, 40.0),
        swept(record, "moco", 0.1, 40.0),
    ]
    assert choose(suite, records) == {"glcm": 0.2, "moco": 0.1}
    worse = record.task.model_copy(update={"higher_is_better": False})
    flipped = [r.model_copy(update={"task": worse}) for r in records]
    assert choose(suite, flipped) == {"glcm": 0.1, "moco": 0.1}
    with pytest.raises(NotReadyError, match=r"pretrain\.lr.*moco"):
        choose(suite, records[:2])


def test_blocks_go_seed_by_seed_and_equal_values_together(suite):
    found = block_requests(suite, "core", BASE, chosen={"glcm": 0.2, "moco": 0.1})
    asked = [(r.seeds, r.objectives, r.overrides[1:]) for r in found]
    assert asked == [
        ((seed,), *rest)
        for seed in (0, 1)
        for rest in (
            (("scratch",), ()),
            (("moco",), ("pretrain.lr=0.1",)),
            (("glcm",), ("pretrain.lr=0.2",)),
        )
    ]
    together = block_requests(suite, "core", BASE, chosen={"glcm": 0.1, "moco": 0.1}, seeds=(7,))
    assert [r.objectives for r in together] == [("scratch",), ("glcm", "moco")]
    assert {r.seeds for r in together} == {(7,)}
    (variant,) = block_requests(suite, "parts", BASE, chosen={"glcm": 0.2})
    assert variant.overrides == ("precision=fp32", "pretrain.lr=0.2", "a=1")


def test_unknown_names_are_told():
    with pytest.raises(UsageError, match="leaderboard"):
        load_suite("leaderbord")
    with pytest.raises(UsageError, match="core"):
        block_requests(load_suite("leaderboard"), "cor", BASE, chosen={})


@pytest.mark.parametrize("name", config.names("suites"))
def test_every_suite_names_what_exists(name):
    found = load_suite(name)
    for kind, used in (
        ("objectives", {*found.objectives, *found.anchors}),
        ("tasks", {task for block in found.blocks.values() for task in block.tasks}),
    ):
        assert used <= set(plugins.available(kind))
    for block in found.blocks.values():
        for variant in block.variants.values():
            load_recipe(
                found.preset, objectives=found.objectives, overrides=(*block.overrides, *variant)
            )
