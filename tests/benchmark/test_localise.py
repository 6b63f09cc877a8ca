"""Localisation end to end: maps that know the truth, records, refusals, real clips."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.cli import main as cli
from benchmark.data import adapters
from benchmark.data.manifest import Boxes
from benchmark.data.miniature.build import ensure
from benchmark.data.source import ClipSource
from benchmark.encoder_file import read_encoders, save_encoders
from benchmark.localise import known_alignment, localise, locate
from benchmark.protocols.maps import area, truth
from benchmark.results.predictions import PredictionTable, read_predictions
from benchmark.results.scores import recompute
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify
from benchmark.settings import load_recipe
from benchmark.tasks.localise import Localise
from benchmark.tasks.localise_flickr import LocaliseFlickr
from registries.alignment import Projection
from registries.encoder import Encoder
from registries.errors import NotReadyError, UsageError
from registries.registry import BACKBONES

CHANNELS = 3


@BACKBONES.register_module(name="test_cells", force=True)
class Cells(Encoder):
    """Each cell is the mean colour of its patch: no training is needed to know what it says."""

    modality = "video"
    pathways, channels, strides = ("clip",), (CHANNELS,), ((1, 8, 8),)

    def __init__(self, *, side: int = 8) -> None:
        super().__init__()
        self.side = side
        self.still = nn.Parameter(torch.zeros(1))

    def forward(self, clip):
        return (nn.functional.adaptive_avg_pool3d(clip, (2, self.side, self.side)),)


@BACKBONES.register_module(name="test_sound", force=True)
class Sound(Encoder):
    """One value: how loud it is."""

    modality = "audio"
    pathways, channels, strides = ("clip",), (1,), ((1,),)

    def __init__(self) -> None:
        super().__init__()
        self.still = nn.Parameter(torch.zeros(1))

    def forward(self, clip):
        return (clip.mean(dim=1, keepdim=True),)


def encoders(path, *, side=8, aligned=True, heard=True):
    """A file whose map is the redness of cells, whatever is heard."""
    nets = {"video": BACKBONES.build({"type": "test_cells", "side": side})}
    if heard:
        nets["audio"] = BACKBONES.build({"type": "test_sound"})
    red, always = torch.tensor([[1.0, 0.0, 0.0]]), torch.zeros(1, 1)
    parts = {"video": (red, torch.zeros(1)), "audio": (always, torch.ones(1))}
    found = {
        name: Projection(weight=weight, bias=bias, pathway="clip", segments=1, unit=False)
        for name, (weight, bias) in parts.items()
    }
    save_encoders(nets, path, meta={}, alignment=found if aligned else None)
    return path


@pytest.fixture
def task(mini_cache):
    root = ensure("mini-loc", tier="ci", cache=mini_cache, jobs=1)
    source = ClipSource(adapter="vggss", root=root, size=64)
    return Localise(source=source, clip_len=4, seconds=0.4)


RECIPE = load_recipe("demo", tasks=("localise",))


def quiet(event):
    pass


def test_maps_are_of_the_frames_that_are_shown(task, tmp_path):
    path = encoders(tmp_path / "encoders.pt")
    found = list(locate(path, task, fold=0, recipe=RECIPE, report=quiet))
    assert [clip.row for clip in found] == list(range(24))
    for clip in found[::5]:
        assert clip.grid.shape == (8, 8) and clip.heat.shape == (224, 224)
        assert (clip.heat.min(), clip.heat.max()) == (0.0, 1.0)
        red = clip.frame.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3))[..., 0]  # patches of 8 pixels
        assert np.corrcoef(red.ravel(), clip.grid.ravel())[0, 1] > 0.8  # other frames move a bit
    some = list(locate(path, task, fold=0, recipe=RECIPE, report=quiet, rows=np.array([3, 20])))
    assert [clip.row for clip in some] == [3, 20]
    np.testing.assert_allclose(some[1].grid, found[20].grid, rtol=1e-5)


def test_a_map_that_knows_the_truth_scores_100(task, tmp_path, monkeypatch):
    rows = task.manifest().rows
    boxes = [Boxes.of(text) for text in rows["boxes"]]

    def knowing(grids, *, side):
        first = len(done)
        done.extend(range(len(grids)))
        return torch.from_numpy(np.stack([truth(b) for b in boxes[first : first + len(grids)]]))

    done = []
    monkeypatch.setattr("benchmark.localise.heat", knowing)
    path = encoders(tmp_path / "encoders.pt")
    found = localise(path, task, fold=0, recipe=RECIPE, report=quiet)
    columns = found.score
    np.testing.assert_allclose(columns[:, :4], 1.0, atol=1e-6)
    assert found.chance == pytest.approx(100 * np.mean([area(one) for one in boxes]))
    assert 5 < found.chance < 15 and set(found.tag) == {"semantic", "sync"}
    assert (columns[:, 4:] < 1).any()  # the disc knows nothing


def test_miniatures_are_pointed_at_and_real_sets_have_the_published_metric(
    task, tmp_path, monkeypatch
):
    path = encoders(tmp_path / "encoders.pt", aligned=False)
    found = localise(path, task, fold=0, recipe=RECIPE, report=quiet)
    assert found.metrics[:3] == ("pointing", "ciou_area", "mask_ap") and len(found.metrics) == 12
    assert found.notes[0].startswith("loc=fallback")
    inner = task.manifest()
    monkeypatch.setattr(task, "manifest", lambda fold=0: replace(inner, kind="subset"))
    real = localise(path, task, fold=0, recipe=RECIPE, report=quiet)
    assert real.metrics[:2] == ("ciou", "ciou_auc") and set(real.metrics) == set(found.metrics)
    np.testing.assert_array_equal(real.score, found.score)
    disc = PredictionTable(
        sample_id=real.sample_id, group_id=real.group_id, target=real.target, score=real.score
    )
    assert real.chance == pytest.approx(recompute("disc_ciou", disc).value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heard": False, "aligned": False}, "needs 'audio'"),
        ({"side": 1}, "has one cell"),
    ],
)
def test_encoders_without_what_is_needed_are_refused(task, tmp_path, options, message):
    path = encoders(tmp_path / "encoders.pt", **options)
    with pytest.raises(UsageError, match=message):
        localise(path, task, fold=0, recipe=RECIPE, report=quiet)


@pytest.mark.parametrize(("maker", "old"), [("glcm", True), ("moco", False), ("theirs", False)])
def test_a_file_from_before_alignments_is_no_fallback(tmp_path, maker, old):
    path = encoders(tmp_path / "encoders.pt", aligned=False)
    content = read_encoders(path)
    content["meta"]["objective"] = maker
    torch.save(content, path)
    assert known_alignment(path) is None  # the file says that there is none
    del content["alignment"]
    torch.save(content, path)
    if not old:
        assert known_alignment(path) is None
        return
    with pytest.raises(NotReadyError, match=r"before glcm handed down.*--force"):
        known_alignment(path)


def test_it_trains_nothing(task):
    with pytest.raises(UsageError, match="trains nothing"):
        task.head(8)
    assert task.augment() == {} and [m.name for m in task.metrics()] == ["ciou"]
    with pytest.raises(UsageError, match="inputs 'av'"):
        task.inputs = "v"
        list(locate(None, task, fold=0, recipe=RECIPE, report=quiet))


def test_a_run_leaves_a_record_that_can_be_verified(mini_cache, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.run.cache_dir", lambda: tmp_path / "cache")
    out, path = tmp_path / "runs", encoders(tmp_path / "encoders.pt")
    given = ["run", "--encoders", str(path), "--tasks", "localise", "--preset", "demo"]
    assert cli.execute([*given, "--out", str(out), "-o", "tasks.localise.size=32"]) == 0
    store = RecordStore(out)
    assert verify(store) == []
    (record,) = store.current()
    assert record.task.primary_metric == "pointing" and record.task.modality == "av"
    assert {"pointing:semantic", "pointing:sync", "disc_pointing"} < set(record.scores)
    assert record.scores["pointing"].value == pytest.approx(
        np.mean([record.scores[f"pointing:{tag}"].value for tag in ("semantic", "sync")])
    )
    assert record.warnings[0] == "loc=aligned"
    assert read_predictions(store.find_predictions(record)).score.shape == (24, 8)


def test_real_clips_of_vggss(real_data, tmp_path):
    listed = real_data / "vggss" / "vggss_subset.json"
    if not listed.is_file():
        pytest.skip(f"{listed} is not there")
    root = tmp_path / "vggss"
    root.mkdir()
    entries = json.loads(listed.read_text())[:2]
    for entry in entries:
        name = f"{entry['file']}.mp4"
        shutil.copyfile(real_data / "vggsound" / "video" / name, root / name)
    (root / "vggss.json").write_text(json.dumps(entries))
    assert adapters.read("vggss", root).kind == "subset"
    source = ClipSource(adapter="vggss", root=root, size=64)
    task = Localise(source=source, clip_len=4, seconds=0.4)
    path = encoders(tmp_path / "encoders.pt")
    found = localise(path, task, fold=0, recipe=RECIPE, report=quiet)
    assert found.metrics[0] == "ciou" and found.tag is None and len(found.score) == 2
    (clip, _) = locate(path, task, fold=0, recipe=RECIPE, report=quiet)
    assert clip.frame.shape == (64, 64, 3)  # the whole frame, squeezed


def test_flickr_needs_its_owners_data(capsys):
    assert LocaliseFlickr.card.dataset == "flickr_soundnet" and not LocaliseFlickr.card.miniature
    given = ["run", "--objective", "scratch", "--tasks", "localise_flickr", "--dry-run"]
    assert cli.execute(given) == 3
    assert "has no generated stand-in" in " ".join(capsys.readouterr().err.split())
