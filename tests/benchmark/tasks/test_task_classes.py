"""Tasks with one class a sample: cards, clips, splits and heads, on miniatures as planned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from planned import lay_out

from benchmark.data.source import ClipSource
from benchmark.mock import MockSource
from benchmark.plan import protocol_for
from benchmark.plan_request import RunRequest
from benchmark.protocols import PROTOCOLS
from benchmark.report.published import load_published
from registries import plugins
from registries.errors import UsageError
from registries.registry import TASKS

NAMES = (
    "lrw", "dfdc", "ucf101", "hmdb51", "esc50", "esc10", "dcase", "kinetics_sound", "k400",
    "grid_words",
)  # fmt: skip
INPUTS = {"V": "v", "A": "a", "V+A": "av", "A+V": "av"}  # as papers write them
PLANNED = tuple(name for name in NAMES if name not in ("k400", "grid_words"))


def kind(name):
    plugins.load("tasks", name)
    return TASKS.module_dict[name]


def make(name, source, inputs="", **options):
    """The task as the harness makes it: told its inputs where the card has several."""
    if inputs and len(kind(name).card.inputs) > 1:
        options["inputs"] = inputs
    return TASKS.build({"type": name, "source": source, **options})


class Owners(MockSource):
    """Stands in for the owners' data: two classes, of another kind than a miniature."""

    def manifest(self, **options):
        self.asked = options
        return replace(super().manifest(), kind="full")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """planned(name, inputs) -> the task on its miniature of tier base, laid out once."""
    roots = {}

    def get(name, inputs="", **options):
        card = kind(name).card
        if card.miniature not in roots:
            folder = tmp_path_factory.mktemp("planned")
            roots[card.miniature] = lay_out(card.miniature, folder)
        root = roots[card.miniature]
        source = ClipSource(adapter=card.dataset, root=root, size=36, seed=3)
        return make(name, source, inputs, **options)

    return get


@pytest.mark.parametrize("name", [name for name in NAMES if kind(name).card.published_task])
def test_published_numbers_are_of_the_same_metric(name):
    card = kind(name).card
    rows = [
        row
        for row in load_published()
        if (row.task, row.metric) == (card.published_task, card.published_metric)
    ]
    assert rows, f"nothing is published as {card.published_task} {card.published_metric}"
    assert {row.higher_is_better for row in rows} == {card.higher_is_better}
    assert all(0 <= row.value <= 100 for row in rows if row.value is not None)  # `unit` is %
    assert {INPUTS[row.modality] for row in rows} == set(card.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_cards(name):
    card = kind(name).card
    assert card.unit == "%" and card.higher_is_better
    assert card.main_metric == ("auc" if name == "dfdc" else "top1")
    assert card.scope == ("local" if name in ("lrw", "dfdc", "grid_words") else "global")
    assert set(card.protocols) <= set(PROTOCOLS)
    own = {"esc50": "svm", "esc10": "svm", "dcase": "linear", "kinetics_sound": "linear"}
    own |= {"k400": "linear"}
    request = RunRequest(objectives=("scratch",), tasks=(name,))
    assert protocol_for(request, card) == own.get(name, "finetune")
    with pytest.raises(UsageError, match=f"localise does not suit {name}"):
        protocol_for(replace(request, protocol="localise"), card)


@pytest.mark.parametrize(
    ("name", "inputs", "views"),
    [
        ("lrw", "v", {"video": (29, 1.16)}),  # 29 frames at 25 fps
        ("dfdc", "v", {"video": (32, 3.2)}),
        ("dfdc", "av", {"video": (32, 3.2), "audio": (96, 3.2)}),
        ("ucf101", "v", {"video": (32, 2.0)}),  # 32 frames at 16 fps
        ("hmdb51", "v", {"video": (32, 2.0)}),
        ("k400", "v", {"video": (32, 2.0)}),
        ("esc50", "a", {"audio": (150, 5.0)}),  # all of a clip
        ("esc10", "a", {"audio": (150, 5.0)}),
        ("dcase", "a", {"audio": (60, 2.0)}),
        ("kinetics_sound", "a", {"audio": (96, 3.2)}),
        ("kinetics_sound", "v", {"video": (32, 3.2)}),
        ("kinetics_sound", "av", {"video": (32, 3.2), "audio": (96, 3.2)}),
        ("grid_words", "v", {"video": (15, 0.6)}),
    ],
)
def test_views_of_each_input(name, inputs, views):
    task = make(name, Owners(), inputs)
    found = task.sampling().views
    assert {key: (view.clip_len, view.seconds) for key, view in found.items()} == views
    assert all(view.modality == key for key, view in found.items())
    starts = task.sampling().draw(20.0, np.random.default_rng(1))
    assert len({float(times.start) for times in starts.values()}) == 1  # seen and heard at once


@pytest.mark.parametrize(
    ("name", "views"),
    [
        ("lrw", {"video": (40, 1.6)}),
        ("esc50", {"audio": (30, 1.0)}),  # excerpts of a second
        ("esc10", {"audio": (30, 1.0)}),
        ("dcase", {"audio": (60, 2.0)}),
    ],
)
def test_views_of_a_miniature(name, views):
    task = make(name, MockSource())
    found = task.sampling().views
    assert {key: (view.clip_len, view.seconds) for key, view in found.items()} == views
    if name != "lrw":
        asked = make(name, MockSource(), seconds=0.5).sampling().views["audio"]
        assert (asked.clip_len, asked.seconds) == (15, 0.5)


@pytest.mark.parametrize(
    ("name", "chance", "classes", "sizes"),
    [  # train with what is held out of it where there is no val, val, test
        ("lrw", 5.0, 20, (1600, 200, 500)),
        ("dfdc", 50.0, 2, (600, 200, 600)),
        ("ucf101", 100 / 18, 18, (2160, 0, 450)),
        ("hmdb51", 100 / 18, 18, (1080, 0, 360)),
        ("esc50", 4.0, 25, (800, 0, 200)),
        ("esc10", 20.0, 5, (160, 0, 40)),  # families that ESC-10 has too
        ("dcase", 10.0, 10, (100, 0, 100)),
        ("kinetics_sound", 100 / 12, 12, (720, 180, 360)),
    ],
)
def test_the_miniature_of_every_fold(planned, name, chance, classes, sizes):
    """Sizes, balance, and that no group (source, speaker, film, original) is in two splits."""
    task = planned(name, "v" if name == "dfdc" else kind(name).card.inputs[0])
    assert task.chance() == pytest.approx(chance)
    card, tested = kind(name).card, []
    for fold in card.folds:
        found = task.manifest(fold)
        rows = found.rows
        assert (found.kind, found.missing, len(found.labels)) == ("miniature", (), classes)
        assert not rows["id"].duplicated().any()
        counts = rows["split"].value_counts()
        train, val = counts["train"], counts["val"]
        given = (train, val) if sizes[1] else (train + val, 0)
        assert (*given, counts["test"]) == sizes
        if not sizes[1]:  # held out by group: a tenth, rounded to groups
            assert 0.09 < val / (train + val) < 0.15
            assert rows[rows["split"] == "val"]["label"].nunique() == classes
        share = rows[rows["split"] == "test"]["label"].value_counts()
        assert share.max() == share.min() == sizes[2] / classes
        assert (rows.groupby("group")["split"].nunique() == 1).all() and (rows["group"] != "").all()
        tested.append(frozenset(rows.loc[rows["split"] == "test", "id"]))
    assert len(set(tested)) == len(card.folds)
    if name.startswith("esc"):  # five folds test every clip once; UCF's and HMDB's three do not
        assert sum(map(len, tested)) == len(frozenset.union(*tested)) == sizes[0] + sizes[2]


@pytest.mark.parametrize("name", PLANNED)
def test_every_test_clip_is_asked_about_once(planned, name):
    card = kind(name).card
    for inputs in card.inputs:
        task = planned(name, inputs)
        fold = card.folds[-1]
        rows = task.manifest(fold).rows
        for split, clips in (("test", 3), ("val", 1), ("train", 1)):
            data = task.dataset(split, fold, clips=clips)
            there = rows[rows["split"] == split]
            assert len(data) == len(there)
            assert data.manifest.rows["id"].tolist() == there["id"].tolist()
            assert data.targets.tolist() == there["label"].tolist()
            assert data.train == (split == "train") and data.seed == 3
            assert set(data.sampling.views) == set(task.sampling().views)
        spans = 1 if name == "lrw" else 3  # a word fills its clip
        assert task.dataset("test", fold, clips=3).clips == spans


@pytest.mark.parametrize("name", NAMES)
def test_heads(planned, name):
    """One output a class, on the features that the head asks for."""
    for inputs in kind(name).card.inputs:
        task = planned(name, inputs) if name in PLANNED else make(name, Owners(), inputs)
        fold = kind(name).card.folds[0]
        classes = len(task.manifest(fold).labels)
        head = task.head(6).eval()
        recurrent = name in ("lrw", "grid_words") or (name, inputs) == ("dfdc", "av")
        assert head.pool == ("step_grid" if recurrent else "clip")
        shape = {"clip": (4, 6), "step_grid": (4, 5, 6, 3, 3)}[head.pool]
        scores = head.predict(torch.randn(shape))
        assert scores.shape == (4, classes)
        assert torch.allclose(scores.sum(dim=1), torch.ones(4))
        assert head.output.out_features == classes
        if not recurrent:
            assert head.output.weight.shape == (classes, 6) and head.dropout.p == 0.5


def test_what_adapters_are_asked_for():
    asked = {
        "ucf101": {"fold": 2, "lists": "ucfTrainTestlist"},
        "hmdb51": {"fold": 2},
        "esc50": {"fold": 2},
        "esc10": {"fold": 2, "esc10": True},
        "dcase": {},
        "kinetics_sound": {"convention": "ks32"},
        "k400": {"sound": False},  # what is seen alone needs no sound
        "grid_words": {"slots": "letter", "fold": 2, "window": 0.6},
        "dfdc": {},
        "lrw": {},
    }
    assert set(asked) == set(NAMES)
    for name, options in asked.items():
        source = Owners()
        make(name, source).manifest(2)
        assert source.asked == options, name


def test_chance_is_that_of_the_most_frequent_class_tested():
    class Uneven(Owners):
        def manifest(self, **options):
            found = super().manifest(**options)
            labels = [0, 0, 0, 1] * (len(found) // 4)
            return replace(found, rows=found.rows.assign(label=labels))

    for name in ("ucf101", "esc50", "dcase", "kinetics_sound", "k400", "grid_words"):
        assert make(name, Uneven()).chance() == pytest.approx(75.0), name
    assert make("dfdc", Uneven()).chance() == 50.0  # of an AUC, whatever the classes


def test_forgeries_are_told_apart_on_the_miniature(planned):
    rows = planned("dfdc", "av").manifest().rows
    test = rows[rows["split"] == "test"]
    kinds = {"": 300, "F1": 45, "F2": 45, "F3": 120, "F4": 90}  # 15, 15, 40, 30 %
    assert test["tag"].value_counts().to_dict() == kinds
    assert (test["label"] == (test["tag"] != "")).all()
    pairs = rows.groupby("group")["label"].apply(sorted)
    assert all(pair == [0, 1] for pair in pairs)  # each forgery beside its original


def test_crops(planned):
    crops = {"lrw": "lip", "dfdc": "face", "ucf101": "full", "hmdb51": "full"}
    for name, crop in crops.items():
        task = planned(name, "v")
        assert task.dataset("test", kind(name).card.folds[0]).crop.kind == crop
    lips = planned("lrw", lip_frac=0.5).dataset("test").crop
    assert (lips.provider, lips.lip_frac) == ("precomputed", 0.5)
    whole = planned("lrw", crop="full").dataset("test").crop
    assert whole.key == "full"
