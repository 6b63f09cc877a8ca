"""Protocols on frozen features end to end, on generated clips and a backbone of a few channels."""

from __future__ import annotations

import numpy as np
import pytest

import benchmark.features
from benchmark.cli import main as cli
from benchmark.results.predictions import read_predictions
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify

SMALL = (
    "tasks.ucf101.clip_len=4",
    "tasks.kinetics_sound.clip_len=4",
    "tasks.esc50.folds=(1,)",
    "clip.clip_len=8",
    "clip.size=32",
    "video.base_channels=4",
    "audio.width=4",
    "pretrain.epochs=1",
    "finetune.epochs=1",
)

TWO_FOLDS = "tasks.ucf101.folds=(1,2)"


@pytest.fixture
def bench(mini_cache, tmp_path, monkeypatch):
    """`bench(*arguments)` -> records by (task, inputs, fold) of one call; features start empty."""
    monkeypatch.setattr("benchmark.cells.cache_dir", lambda: tmp_path / "cache")
    extracted = []
    inner = benchmark.features._extract

    def counted(*arguments, **options):
        extracted.append(arguments[1].card.name)
        return inner(*arguments, **options)

    monkeypatch.setattr(benchmark.features, "_extract", counted)

    def call(protocol, tasks, *more):
        out = tmp_path / f"runs{len([*tmp_path.glob('runs*')])}"
        options = [part for option in (*SMALL, *more) for part in ("-o", option)]
        given = ["run", "--preset", "demo", "--out", str(out), "--objective", "scratch"]
        given += ["--tasks", tasks, *(["--protocol", protocol] if protocol else []), *options]
        assert cli.execute(given) == 0
        store = RecordStore(out)
        assert [p for p in verify(store) if p.level == "error"] == []
        call.store = store
        found = [record for record in store.current() if record.task]
        return {(r.task.name, r.task.modality, r.task.fold): r for r in found}

    call.extracted = extracted
    return call


def test_features_are_extracted_once_for_all_folds_and_protocols(bench):
    linear = bench("linear", "ucf101", TWO_FOLDS)
    assert set(linear) == {("ucf101", "v", 1), ("ucf101", "v", 2)}
    assert bench.extracted == ["ucf101"]
    knn = bench("knn:3", "ucf101", TWO_FOLDS)
    assert bench.extracted == ["ucf101"]  # one more protocol, no more passes
    for record in (*linear.values(), *knn.values()):
        assert set(record.scores) == {"top1", "top5"} and record.scores["top1"].n == 18
        assert record.checks.chance == pytest.approx(100 / 18)
    assert linear["ucf101", "v", 1].selection.rule.startswith("C=")
    assert knn["ucf101", "v", 1].task.protocol == "knn:3"


def test_retrieval_has_its_own_metrics_and_chance(bench):
    (record,) = bench("retrieval", "ucf101").values()
    assert record.task.primary_metric == "r1" and set(record.scores) == {
        f"r{k}" for k in (1, 5, 10, 20, 50)
    }
    values = [record.scores[f"r{k}"].value for k in (1, 5, 10, 20, 50)]
    assert values == sorted(values)
    assert record.task.chance == pytest.approx(100 / 18)  # balanced classes, no sibling in train
    ranks = read_predictions(bench.store.find_predictions(record)).score[:, 0]
    assert len(ranks) == 18 and ranks.min() >= 1


def test_sound_alone_and_with_sight(bench):
    found = bench("linear", "kinetics_sound", "tasks.kinetics_sound.inputs=('a','v','av')")
    assert {key[1] for key in found} == {"a", "v", "av"}
    assert len({record.cell_key for record in found.values()}) == 3
    assert bench.extracted == ["kinetics_sound"] * 3
    assert {record.scores["top1"].n for record in found.values()} == {12}


def test_the_own_protocol_of_a_task_is_used_where_none_is_asked_for(bench):
    found = bench("", "esc50")
    (record,) = found.values()
    assert (record.task.protocol, record.task.modality) == ("svm", "a")


def test_finetuning_on_few_samples(bench):
    record = bench("fewshot:1", "ucf101")["ucf101", "v", 1]
    assert record.task.protocol == "fewshot:1" and record.scores["top1"].n == 18


def test_features_do_not_depend_on_the_batch(bench, tmp_path):
    found = []
    for batch in (3, 16):
        bench("knn", "ucf101", f"finetune.batch_size={batch}")
        (path,) = (tmp_path / "cache" / "features").glob("*.npz")
        with np.load(path) as stored:
            order = np.argsort(stored["id"])
            assert len(set(stored["id"].tolist())) == len(order)  # each sample exactly once
            found.append(stored["video"][order])
        path.unlink()
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_a_protocol_that_does_not_suit_is_refused(bench, capsys):
    given = ["run", "--objective", "scratch", "--tasks", "dfdc", "--protocol", "retrieval"]
    assert cli.execute(given) == 2
    assert "does not suit dfdc" in " ".join(capsys.readouterr().err.split())


def test_attention_is_for_finetuning(mini_cache, tmp_path, capsys):
    given = ["run", "--objective", "scratch", "--tasks", "ucf101", "--protocol", "linear"]
    given += ["--out", str(tmp_path), "-o", "finetune.pooling=attention"]
    assert cli.execute(given) == 1
    assert "pooling 'attention' is for" in " ".join(capsys.readouterr().err.split())
