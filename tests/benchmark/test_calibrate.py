"""`bench data calibrate`: windows beside what the anchors score, from runs or from records."""

from __future__ import annotations

import json

import pytest

import benchmark.cells
import benchmark.run
from benchmark.calibrate import (
    Calibration,
    Reached,
    asked_for,
    cell_facts,
    encoder_facts,
    reached,
    recorded,
)
from benchmark.cli import main as cli
from benchmark.data.miniature.build import SETS
from benchmark.data.miniature.windows import GAP, WINDOWS, Window
from benchmark.plan import resolve
from benchmark.plan_request import RunRequest
from benchmark.records import plain
from benchmark.results.schema import DataInfo, RecipeInfo
from benchmark.results.store import RecordStore
from registries import plugins
from registries.registry import TASKS

SMALL = (
    "tasks.ucf101.clip_len=4", "clip.clip_len=8", "clip.size=32", "video.base_channels=4",
    "audio.width=4", "pretrain.epochs=1", "finetune.epochs=1",
)  # fmt: skip


def row(scratch, supervised, *, up=True, low=35.0, high=60.0):
    return Calibration(
        window=Window(miniature="mini-lrw", task="lrw", low=low, high=high),
        protocol="finetune",
        metric="top1" if up else "wer",
        higher_is_better=up,
        scratch=None if scratch is None else Reached(scratch, 1),
        supervised=None if supervised is None else Reached(supervised, 1),
    )


@pytest.mark.parametrize(
    ("found", "gap", "inside", "wide", "wrong"),
    [
        (row(35.0, 55.0), 20.0, True, True, False),  # the edges count as inside
        (row(60.0, 79.9), pytest.approx(19.9), True, False, True),
        (row(34.9, 80.0), pytest.approx(45.1), False, True, True),
        (row(60.1, 90.0), pytest.approx(29.9), False, True, True),
        (row(80.0, 55.0, up=False, low=45, high=85), 25.0, True, True, False),  # of errors: lower
        (row(55.0, 80.0, up=False, low=45, high=85), -25.0, True, False, True),
        (row(40.0, None), None, True, None, False),
        (row(None, 40.0), None, None, None, False),
        (row(4.0, 50.0, low=None, high=None), 46.0, None, True, False),
    ],
)
def test_gap_and_window(found, gap, inside, wide, wrong):
    assert (found.gap, found.inside, found.wide, found.wrong) == (gap, inside, wide, wrong)


def test_windows_are_those_of_the_specification():
    numbers = {(w.setting): (w.low, w.high) for w in WINDOWS}
    assert numbers == {
        "lrw": (35, 60), "lrw crop=full": (6, 25), "lrs2": (45, 85), "dfdc": (60, 78),
        "ucf101": (30, 65), "hmdb51": (12, 40), "esc50": (None, None), "dcase": (40, 75),
        "kinetics_sound:a": (35, 65), "kinetics_sound:v": (35, 65),
    }  # fmt: skip
    assert GAP == 20.0


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.setting)
def test_every_window_is_of_a_set_and_of_the_task_that_reads_it(window):
    plugins.load("tasks", window.task)
    card = TASKS.module_dict[window.task].card
    assert window.miniature in SETS and card.miniature == window.miniature
    assert window.inputs in card.inputs
    assert card.unit == "%"  # the gap is in points
    asked = asked_for(window, RunRequest(objectives=(), tasks=(), preset="mini"))
    recipe, (found,) = resolve(asked)
    assert recipe.inputs_for(found.name, found.inputs) == (window.inputs,)
    assert (recipe.tier, asked.objectives) == ("base", ("scratch", "supervised"))
    if window.options:
        assert recipe.task_options("lrw")["crop"] == "full"


def calibrate(out, *arguments, small=SMALL):
    """`bench data calibrate` on demo with a few channels; the exit code."""
    options = [part for option in small for part in ("-o", option)]
    common = ("data", "calibrate", "--preset", "demo", "--out", str(out))
    return cli.execute([*common, *options, *arguments])


@pytest.fixture(scope="module")
def out(mini_cache, tmp_path_factory):
    """The records of both anchors on mini-ucf, after one epoch: no anchor is above the other."""
    folder = tmp_path_factory.mktemp("runs")
    assert calibrate(folder, "mini-ucf") == 5
    return folder


@pytest.fixture
def bench(out, capsys):
    """Exit code, stdout, and stderr on one line."""
    capsys.readouterr()

    def call(*arguments, small=SMALL):
        code = calibrate(out, *arguments, small=small)
        said, err = capsys.readouterr()
        return code, said, " ".join(err.split())

    return call


def facts(said):
    return json.loads(said)["windows"]


def test_answers_from_the_records(bench, out, monkeypatch):
    def must_not_run(*arguments, **options):
        raise AssertionError("a finished cell was run again")

    for step in ("evaluate", "pretrain"):
        monkeypatch.setattr(benchmark.cells, step, must_not_run)
    code, said, err = bench("mini-ucf", "--json")
    (found,) = facts(said)
    records = [record for record in RecordStore(out).current() if record.task]
    scores = {record.objective.name: record.primary.value for record in records}
    assert found["scratch"] == {"value": scores["scratch"], "seeds": 1}
    assert found["supervised"] == {"value": scores["supervised"], "seeds": 1}
    assert found["gap"] == pytest.approx(scores["supervised"] - scores["scratch"])
    assert found["window"] == [30, 65] and not found["wide"]
    assert code == json.loads(said)["exit"] == 5
    assert "1 of 1 settings would not rank objectives (ucf101)" in err

    for step in ("execute", "make_plan"):
        monkeypatch.setattr(f"benchmark.calibrate.{step}", must_not_run)
    for seeds in ("1", "2"):  # of two, one is there: its score, and no other
        said = bench("mini-ucf", "--json", "--only-records", "--seeds", seeds)[1]
        assert facts(said) == [found]
    (other,) = facts(bench("mini-ucf", "--json", "--only-records", "--seeds", "1,")[1])
    assert other["scratch"] is None and other["inside"] is None


def test_the_table(bench):
    code, said, _ = bench("mini-ucf,mini-hmdb51", "--only-records")
    lines = said.splitlines()
    assert code == 5
    assert lines[1].startswith("mini-ucf     ucf101  finetune  30-65 top1")
    assert "no: " in lines[1] and "gap < 20" in lines[1]
    assert lines[2].split() == [
        *("mini-hmdb51", "hmdb51", "finetune", "12-40", "top1"),
        *("missing", "missing", "-", "missing"),
    ]


@pytest.mark.parametrize(
    "changed", ["finetune.epochs=2", "pretrain.epochs=2", "tasks.ucf101.dropout=0.1", "tier=small"]
)
def test_records_of_another_recipe_do_not_count(bench, changed):
    (same,) = facts(bench("mini-ucf", "--json", "--only-records")[1])
    assert same["gap"] is not None
    key = changed.partition("=")[0]
    small = (*(option for option in SMALL if not option.startswith(key)), changed)
    (found,) = facts(bench("mini-ucf", "--json", "--only-records", small=small)[1])
    assert found["supervised"] is None and found["gap"] is None
    assert (found["scratch"] is None) == (key != "pretrain.epochs")  # scratch has no pretraining


def test_folds_have_to_be_complete_and_the_latest_record_counts(make_record):
    window = next(w for w in WINDOWS if w.task == "hmdb51")
    folds = ("tasks.hmdb51.folds=(1,2)",)
    asked = asked_for(
        window, RunRequest(objectives=(), tasks=(), preset="demo", overrides=folds, seeds=(0, 1))
    )
    recipe, (card,) = resolve(asked)
    source = make_record(objective="scratch", cell_key="0" * 16).model_copy(
        update={"kind": "pretrain", "key_fields": plain(encoder_facts("scratch", recipe, 0))}
    )
    keys = {**plain(cell_facts(recipe, card, "finetune")), "encoder": "0" * 16}
    config = {"tier": "ci", "pretrain_tier": None, "pretrain_clips": None}

    def score(value, fold, **fields):
        data = DataInfo(dataset="mini-hmdb51", kind="miniature")
        base = {"key_fields": keys, "data": data, "recipe": RecipeInfo(config=config), **fields}
        return make_record("scratch", "hmdb51", value, fold=fold, **base)

    def found(*records):
        return recorded([source, *records], window, recipe=recipe, card=card, asked=asked)

    old, new, second = score(10.0, 1), score(20.0, 1), score(30.0, 2)
    assert found(new, second, old) == {("scratch", 0, 1): 20.0, ("scratch", 0, 2): 30.0}
    assert reached("scratch", found(new, second), (0, 1), folds=(1, 2)) == Reached(25.0, 1)
    assert reached("scratch", found(new), (0, 1), folds=(1, 2)) is None
    assert reached("supervised", found(new, second), (0, 1), folds=(1, 2)) is None
    for other in (
        score(None, 1),
        score(9.0, 1, key_fields={**keys, "version": card.version + 1}),
        score(9.0, 1, key_fields={**keys, "encoder": "1" * 16}),
        score(9.0, 1, data=DataInfo(dataset="mini-hmdb51", kind="full")),
        score(9.0, 1, data=DataInfo(dataset="mini-ucf", kind="miniature")),
        score(9.0, 1, recipe=RecipeInfo(config={**config, "tier": "base"})),
    ):
        assert found(other) == {}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("mini-ufc",), 2, "'mini-ucf'"),
        (("mini-kav",), 2, "unknown miniature with a window 'mini-kav'"),
        (("mini-ucf", "--preset", "minny"), 2, "'mini'"),
        (("mini-ucf", "--seeds", "0"), 2, "--seeds 0"),
        (("mini-ucf", "--only-records", "--out", "nowhere"), 3, "nowhere does not exist"),
    ],
)
def test_what_is_refused(capsys, monkeypatch, tmp_path, arguments, code, words):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    assert cli.execute(["data", "calibrate", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == "" and words in " ".join(err.split())
    assert not (tmp_path / "cache").exists()


def test_an_empty_folder_of_records_has_nothing(capsys, tmp_path):
    assert cli.execute(["data", "calibrate", "--only-records", "--out", str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()[1 : 1 + len(WINDOWS)]
    assert [line.split()[0] for line in rows] == [window.miniature for window in WINDOWS]
    assert all(line.split()[-4:] == ["missing", "missing", "-", "missing"] for line in rows)
