"""The state of every cell of the grid."""

import pytest

from benchmark.results.running import Work
from benchmark.status import STATES, Group, Place, Wanted, survey


@pytest.fixture
def states():
    """states(records, ...) -> {(objective, column, seed, fold): state}."""

    def ask(records, *, work=(), current=None, wanted=None):
        found = survey(records, work, current=current or {}, wanted=wanted or Wanted())
        return {(p.objective, p.column, p.seed, p.fold): s.name for p, s in found.cells.items()}

    return ask


def test_every_state_is_told_apart(states, make_record):
    work = Work(
        kind="eval", cell_key="0" * 16, objective="moco", task="dfdc", protocol="finetune",
        seed=0, data="miniature",
    )  # fmt: skip
    records = [
        make_record("glcm", "lrw"),
        make_record("glcm", "dfdc", None),
        make_record("moco", "lrw", version=1),
        make_record("cpc", "dfdc", None, status="blocked", failure=None),
        make_record("cpc", "lrw", None, status="not_applicable", failure=None),
        make_record("avts", "lrw"),
    ]
    assert states(records, work=[work], current={"objective:moco": 2}) == {
        ("glcm", "lrw", 0, 0): "done",
        ("glcm", "dfdc", 0, 0): "failed",
        ("moco", "lrw", 0, 0): "stale",
        ("moco", "dfdc", 0, 0): "running",
        ("cpc", "dfdc", 0, 0): "blocked",
        ("cpc", "lrw", 0, 0): "not_applicable",
        ("avts", "lrw", 0, 0): "done",
        ("avts", "dfdc", 0, 0): "missing",
    }


def test_the_grid_is_what_the_records_have(states, make_record):
    found = states([make_record("glcm", "lrw", seed=0), make_record("moco", "ucf101", seed=1)])
    assert len(found) == 8  # 2 objectives x 2 tasks x 2 seeds
    assert sum(state == "missing" for state in found.values()) == 6


def test_the_grid_is_what_was_asked_for(states, make_record):
    records = [make_record("glcm", "lrw"), make_record("random", "ucf101")]
    wanted = Wanted(objectives=("glcm", "moco"), tasks=("lrw", "dfdc"), seeds=(0, 1))
    found = states(records, wanted=wanted)
    assert {key[:3] for key in found} == {
        (objective, task, seed)
        for objective in ("glcm", "moco")
        for task in ("lrw", "dfdc")
        for seed in (0, 1)
    }
    assert [key for key, state in found.items() if state == "done"] == [("glcm", "lrw", 0, 0)]


def test_nothing_is_there_yet(states):
    found = states([], wanted=Wanted(objectives=("glcm",), tasks=("lrw",)))
    assert found == {("glcm", "lrw", 0, 0): "missing"}
    assert states([]) == {}


def test_data_kinds_and_protocols_have_grids_of_their_own(make_record):
    records = [
        make_record("glcm", "lrw", kind="full"),
        make_record("moco", "lrw", kind="miniature"),
        make_record("cpc", "lrw", kind="full", protocol="linear"),
    ]
    found = survey(records, [], current={}, wanted=Wanted())
    assert found.counts()["missing"] == 0
    assert {place.group for place in found.cells} == {
        Group(data="full", protocol="finetune"),
        Group(data="full", protocol="linear"),
        Group(data="miniature", protocol="finetune"),
    }


def test_folds_are_cells(states, make_record):
    found = states([make_record("glcm", "ucf101", fold=f) for f in (1, 2)] + [make_record("moco",
                    "ucf101", fold=1)])  # fmt: skip
    assert found["moco", "ucf101", 0, 2] == "missing" and len(found) == 4


def test_the_newest_recipe_counts(states, make_record):
    """Two recipes are two cell keys in one place of the grid."""
    old, new = make_record(steps=100), make_record(value=None, steps=200)
    assert states([new, old]) == {("glcm", "lrw", 0, 0): "failed"}


def test_what_runs_again_is_running(states, make_record):
    work = Work(
        kind="eval", cell_key="0" * 16, objective="glcm", task="lrw", protocol="finetune",
        seed=0, data="miniature",
    )  # fmt: skip
    pretraining = Work(kind="pretrain", cell_key="1" * 16, objective="moco", seed=0)
    found = states([make_record(value=None)], work=[work, pretraining])
    assert found == {("glcm", "lrw", 0, 0): "running"}


def test_why_it_failed_is_said(make_record):
    found = survey([make_record(value=None)], [], current={}, wanted=Wanted())
    [state] = found.cells.values()
    assert state.note == "RuntimeError: out of memory"
    assert state.run_id == "run-0"


def test_as_json(make_record):
    found = survey([make_record(), make_record("moco", seed=1)], [], current={}, wanted=Wanted())
    data = found.as_json()
    assert list(data["counts"]) == list(STATES) and data["counts"]["missing"] == 2
    assert data["cells"][0] == {
        "data": "miniature", "protocol": "finetune", "objective": "glcm", "task": "lrw",
        "modality": "v", "fold": 0, "seed": 0, "state": "done", "run_id": "run-0", "note": "",
    }  # fmt: skip
    place = Place(group=Group(), objective="x", task="esc50", modality="a")
    assert place.column == "esc50:a"
