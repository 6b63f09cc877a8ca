"""What is shared out: an encoder goes once, with the cells of every plan and seed that needs it."""

from __future__ import annotations

import pytest

from benchmark.encoder_file import save_encoders
from benchmark.launch import worker
from benchmark.parallel import cells_to_run, encoder_units
from benchmark.plan_request import RunRequest
from benchmark.planning import planned
from registries.registry import BACKBONES

SMALL = ("video.base_channels=4",)


@pytest.fixture
def asked(tmp_path, mini_cache) -> RunRequest:
    return RunRequest(
        objectives=("random",), tasks=("ucf101",), overrides=SMALL, out=tmp_path / "runs"
    )


@pytest.fixture
def ran(monkeypatch) -> list[str]:
    """Keys of the cells that a job is about to run; none is run."""
    keys: list[str] = []

    def run_encoder(encoder, cells, **_):
        keys.extend(cell.key for cell in cells)
        return {}

    monkeypatch.setattr(worker, "run_encoder", run_encoder)
    return keys


def variant(request: RunRequest, *overrides: str, **changes) -> RunRequest:
    fields = {"overrides": (*request.overrides, *overrides), **changes}
    return RunRequest(**{**vars(request), **fields})


def test_plans_that_share_an_encoder_share_a_job_which_runs_the_cells_of_all(
    asked, ran, mini_cache
):
    """As the variants of a suite's block do: another finetuning, the same pretraining."""
    plans = [planned(asked), planned(variant(asked, "finetune.lr=0.5"))]
    (unit,) = encoder_units(cells_to_run(plans))
    assert worker.work(unit, str(mini_cache)) is True
    assert sorted(ran) == sorted(cell.key for plan in plans for cell in plan.cells)
    assert len(set(ran)) == 2


def test_encoders_from_a_file_are_evaluated_with_every_seed(asked, ran, tmp_path, mini_cache):
    """They have one key, whatever the seed of what is trained on them."""
    path = tmp_path / "encoders.pt"
    save_encoders({"video": BACKBONES.build({"type": "resnet3d"})}, path, meta={})
    plan = planned(variant(asked, objectives=(), encoders=path, seeds=(0, 1)))
    (unit,) = encoder_units(cells_to_run([plan]))
    assert worker.work(unit, str(mini_cache)) is True
    assert sorted(ran) == sorted(cell.key for cell in plan.cells) and len(ran) == 2


def test_what_fails_stops_the_plans_after_it_where_that_was_asked(
    asked, monkeypatch, make_record, mini_cache
):
    tried = []

    def fails(encoder, cells, **_):
        tried.extend(cell.key for cell in cells)
        return {cell.key: make_record(value=None) for cell in cells}

    monkeypatch.setattr(worker, "run_encoder", fails)
    for on_error, expected in (("stop", 1), ("continue", 2)):
        tried.clear()
        plans = [
            planned(variant(asked, *changed, on_error=on_error))
            for changed in ((), ("finetune.lr=0.5",))
        ]
        (unit,) = encoder_units(cells_to_run(plans))
        assert worker.work(unit, str(mini_cache)) is True
        assert len(tried) == expected
