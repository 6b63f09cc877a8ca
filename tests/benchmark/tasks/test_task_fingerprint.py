"""Fingerprinting and the search across modalities, from files to records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.cli import main as cli
from benchmark.data.distort.copies import distortions, with_copies
from benchmark.data.manifest import Manifest
from benchmark.data.miniature.build import ensure
from benchmark.data.rows.columns import make_rows
from benchmark.data.source import ClipSource
from benchmark.encoder_file import save_encoders
from benchmark.features import FeatureTable, Reading
from benchmark.mock import task_checks
from benchmark.results.predictions import PredictionTable, read_predictions
from benchmark.results.scores import recompute
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify
from benchmark.search import _columns, across, found_copies
from benchmark.settings import load_recipe
from benchmark.tasks.fingerprint import Fingerprint
from registries.alignment import Projection
from registries.errors import NotReadyError, UsageError
from registries.registry import BACKBONES

SMALL = (
    "tasks.fingerprint.clip_len=4",
    "tasks.fingerprint.gallery=4",
    "tasks.kinetics_sound.clip_len=4",
    "tasks.kinetics_sound.inputs=av",
    "clip.clip_len=8",
    "clip.size=32",
    "video.base_channels=4",
    "audio.width=4",
)


def listed(count, **columns):
    rows = [
        {"id": f"c{i}", "path": f"c{i}.mp4", "split": "test", "label": i % 3}
        | {name: values[i] for name, values in columns.items()}
        for i in range(count)
    ]
    return Manifest(
        name="toy", root=Path(), rows=make_rows(rows), labels=("a", "b", "c"), kind="full",
        version="1", expected=count, missing=(), licence="none",
    )  # fmt: skip


class Listed:
    """A source that opens no file."""

    def __init__(self, manifest):
        self.found = manifest

    def training(self):
        return self.found


def copies_of(features, *, inputs="v", noise=0.0):
    """A table in which each copy has its clip's features, with some noise: (n, C) -> table."""
    rng = np.random.default_rng(0)
    manifest = with_copies(listed(len(features)), distortions(inputs))
    values = np.tile(features, (len(manifest) // len(features), 1)).astype(np.float32)
    values[len(features) :] += noise * rng.normal(size=values[len(features) :].shape)
    return FeatureTable(manifest, {"video": values})


def score(found, metric):
    parts = ("sample_id", "group_id", "target", "score", "tag")
    return recompute(metric, PredictionTable(**{name: getattr(found, name) for name in parts}))


def test_copies_with_the_features_of_their_clip_are_found():
    rng = np.random.default_rng(1)
    found = found_copies(copies_of(rng.normal(size=(30, 8))))
    names = distortions("v")
    assert set(found.tag) == set(names) and len(found.sample_id) == 30 * len(names)
    assert found.sample_id[0] == f"c0#{names[0]}" and found.group_id[0] == "c0"
    assert score(found, "r1").value == score(found, "tpr_at_fpr1").value == 100
    np.testing.assert_allclose(found.score[:, 1], 1, atol=1e-6)
    assert (found.score[:, 2] < 1).all()


def test_constant_features_find_by_chance_and_noise_between():
    flat = found_copies(copies_of(np.ones((30, 8))))
    assert score(flat, "median_rank").value == 15.5  # of 30, in any order
    assert score(flat, "r1").value == score(flat, "tpr_at_fpr1").value == 0
    rng = np.random.default_rng(1)
    noisy = found_copies(copies_of(rng.normal(size=(30, 8)), noise=0.8))
    assert 20 < score(noisy, "r1").value < 95
    assert score(noisy, "tpr_at_fpr1").value < score(noisy, "r1").value
    mean = np.mean([score(noisy, f"r1:{tag}").value for tag in distortions("v")])
    assert score(noisy, "r1").value == pytest.approx(mean)


def test_the_gallery():
    task = Fingerprint(source=Listed(listed(40)), gallery=10)
    assert len(task.clips()) == 10 and task.chance() == 10
    assert len(task.manifest()) == 10 * (1 + len(distortions("v")))
    larger = Fingerprint(source=Listed(listed(40)), gallery=20).clips()
    assert set(task.clips().rows["id"]) < set(larger.rows["id"])
    assert list(task.clips().rows["id"]) != [f"c{i}" for i in range(10)]  # in no owners' order
    heard = listed(4, has_audio=[True, False, None, True])
    assert len(Fingerprint(source=Listed(heard)).clips()) == 4
    assert set(Fingerprint(source=Listed(heard), inputs="av").clips().rows["id"]) == {
        "c0", "c2", "c3",
    }  # fmt: skip


def test_what_is_refused():
    with pytest.raises(UsageError, match="gallery=1: a search needs at least two"):
        Fingerprint(source=Listed(listed(4)), gallery=1)
    with pytest.raises(NotReadyError, match="1 clip of the test part"):
        Fingerprint(source=Listed(listed(1))).clips()
    with pytest.raises(UsageError, match="trains nothing"):
        Fingerprint(source=Listed(listed(4))).head(8)


def test_it_keeps_the_contract():
    checks = task_checks("fingerprint", recipe=load_recipe("demo", tasks=("fingerprint",)))
    assert set(checks) == {"check_card", "check_views", "check_metrics"}
    for run in checks.values():
        run()


def test_real_clips_are_distorted(real_data):
    source = ClipSource(adapter="vggsound", root=real_data / "vggsound", size=32)
    task = Fingerprint(source=source, inputs="av", clip_len=8, gallery=2)
    data = task.dataset("test", clips=2)
    names = distortions("av")
    assert len(data) == 2 * (1 + len(names))
    clip = data[0]
    assert clip["inputs"]["video"].shape == (2, 8, 37, 37, 3)
    for number, name in enumerate(names, start=1):
        copy = data[2 * number]
        assert copy["data_samples"]["id"] == f"{clip['data_samples']['id']}#{name}"
        for view in ("video", "audio"):
            assert copy["inputs"][view].shape == clip["inputs"][view].shape
            assert not torch.equal(copy["inputs"][view], clip["inputs"][view]), (name, view)


@pytest.fixture
def bench(mini_cache, tmp_path, monkeypatch):
    """`bench(*arguments)` -> exit code; features start empty."""
    monkeypatch.setattr("benchmark.cells.cache_dir", lambda: tmp_path / "cache")

    def call(*arguments):
        options = [part for option in SMALL for part in ("-o", option)]
        given = ["run", "--preset", "demo", "--out", str(tmp_path / "runs"), *arguments]
        return cli.execute([*given, *options])

    return call


def test_from_files_to_records(bench, tmp_path):
    assert bench("--objective", "scratch", "--tasks", "fingerprint") == 0
    store = RecordStore(tmp_path / "runs")
    assert [p for p in verify(store) if p.level == "error"] == []
    found = {r.task.modality: r for r in store.current() if r.task}
    assert set(found) == {"v", "a", "av"}
    for inputs, record in found.items():
        names = distortions(inputs)
        assert record.scores["r1"].n == 4 * len(names) and record.task.chance == 25
        assert set(record.scores) == {
            "r1", "r5", "r10", "median_rank", "tpr_at_fpr1", *(f"r1:{name}" for name in names),
        }  # fmt: skip
        assert record.scores["r10"].value == 100  # of four
    table = read_predictions(store.find_predictions(found["v"]))
    assert set(table.group_id) == {name.partition("#")[0] for name in table.sample_id}


def aligned_encoders(path, *, align=True):
    """Encoders of a few channels and maps into a space of three dimensions."""
    recipe = load_recipe("demo", overrides=SMALL)
    nets = {"video": BACKBONES.build(recipe.video), "audio": BACKBONES.build(recipe.audio)}
    torch.manual_seed(0)
    alignment = {
        name: Projection(
            weight=torch.randn(3, 2 * net.channels[0]), bias=torch.zeros(3),
            pathway=net.pathways[0], segments=2, unit=True,
        )
        for name, net in nets.items()
    }  # fmt: skip
    save_encoders(nets, path, meta={}, alignment=alignment if align else None)
    return nets, alignment


def test_across_modalities_from_files_to_records(bench, tmp_path):
    aligned_encoders(tmp_path / "encoders.pt")
    given = ("--encoders", str(tmp_path / "encoders.pt"), "--tasks", "kinetics_sound")
    assert bench(*given, "--protocol", "crossmodal") == 0
    store = RecordStore(tmp_path / "runs")
    assert [p for p in verify(store) if p.level == "error"] == []
    (record,) = (r for r in store.current() if r.task)
    assert record.task.primary_metric == "r1" and record.task.chance == pytest.approx(100 / 12)
    assert {"r1:v2a", "r1:a2v", "class_r1", "median_rank"} < set(record.scores)
    assert record.scores["r1"].n == 24 and record.scores["class_r50"].value == 100


def features(video, audio):
    """As `across` reads them: (n, 2 C) each, of all splits."""
    count = len(video)
    manifest = listed(count, split=["train", *["test"] * (count - 1)])
    return lambda reading: FeatureTable(manifest, {"video": video, "audio": audio})


def test_across_equals_a_plain_loop(tmp_path):
    nets, alignment = aligned_encoders(tmp_path / "encoders.pt")
    rng = np.random.default_rng(0)
    seen, heard = (
        rng.normal(size=(9, 2 * nets[name].channels[0])).astype(np.float32)
        for name in ("video", "audio")
    )
    found = across(tmp_path / "encoders.pt", features(seen, heard), clips=1, name="toy")
    assert found.tag.tolist() == ["v2a"] * 8 + ["a2v"] * 8
    assert found.sample_id[0] == "c1#v2a" and found.chance == 100 / 8  # train is not searched
    spaces = [
        rows[1:].astype(np.float64) @ alignment[name]["weight"].double().numpy().T
        for name, rows in (("video", seen), ("audio", heard))
    ]
    for place, (queries, gallery) in enumerate((spaces, spaces[::-1])):
        for row, query in enumerate(queries):
            near = [query @ one / np.linalg.norm(query) / np.linalg.norm(one) for one in gallery]
            want = 1 + sum(other > near[row] for other in near)
            assert found.score[8 * place + row, 0] == want
            same = [near[i] for i in range(8) if (i + 1) % 3 == (row + 1) % 3]
            assert found.score[8 * place + row, 1] == 1 + sum(n > max(same) for n in near)


def test_the_aligned_pathway_is_cut_out():
    """Of two pathways, each with two stretches of time, the columns of one."""
    projection = Projection(
        weight=torch.eye(6), bias=torch.zeros(6), pathway="local", segments=2, unit=False
    )
    assert _columns(projection, ("global", "local"), (5, 3)) == slice(10, 16)
    assert _columns({**projection, "pathway": "global"}, ("global", "local"), (5, 3)) == slice(
        0, 10
    )


def test_encoders_without_a_common_space_are_refused(tmp_path):
    nets, _ = aligned_encoders(tmp_path / "encoders.pt", align=False)
    rows = np.ones((4, 2 * nets["video"].channels[0]), np.float32)
    with pytest.raises(UsageError, match=r"no linear maps.*glcm, avts"):
        across(tmp_path / "encoders.pt", features(rows, rows), clips=1, name="toy")
    aligned_encoders(tmp_path / "encoders.pt")

    def sound_alone(reading):
        assert reading == Reading(clips=1, segments=2)
        whole = features(rows, rows)(reading)
        return replace(whole, values={"audio": rows})

    with pytest.raises(UsageError, match=r"run with audio; add -o tasks\.toy\.inputs=av"):
        across(tmp_path / "encoders.pt", sound_alone, clips=1, name="toy")


def test_the_miniature_is_searched(mini_cache):
    """Different clips of it differ where the encoder looks, and so do a clip and its copies."""
    root = ensure("mini-fingerprint", tier="ci", cache=mini_cache, jobs=1)
    source = ClipSource(adapter="vggsound", root=root, size=32)
    task = Fingerprint(source=source, clip_len=4, fps=2.5)
    data = task.dataset("test")
    videos = torch.stack([data[i]["inputs"]["video"].float() for i in range(24)]).flatten(1)
    gaps = torch.cdist(videos[:12], videos[:12]) + 1e9 * torch.eye(12)
    assert gaps.min() > 500  # 128 pixels wide in each of four frames: far from alike
    assert (torch.cdist(videos[12:], videos[:12]) > 0).all()
    with pytest.raises(NotReadyError, match="no sample in split 'train'"):
        task.dataset("train")
