"""Words of GRID and sounds of ESC-10 from their owners' files, up to what an encoder is given."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.data.manifest import Boxes
from benchmark.data.source import ClipSource
from benchmark.tasks.esc10 import ESC10
from benchmark.tasks.grid_words import GridWords
from registries.errors import NotReadyError

FOLDS = (0, 1, 2, 3, 4)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    """What is read of files is remembered in a cache of these tests' own."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "real-cache"))


@pytest.fixture
def words(real_data):
    source = ClipSource(adapter="grid_words", root=real_data / "grid", size=36, seed=0)
    return GridWords(source=source)


def test_letters_of_grid(words):
    """A thousand letters, 25 of them (no W): each is tested once, and sentences stay whole."""
    tested, chosen = [], []
    for fold in FOLDS:
        found = words.manifest(fold)
        assert (found.kind, len(found), len(found.labels)) == ("subset", 1000, 25)
        assert found.labels == tuple("abcdefghijklmnopqrstuvxyz")
        rows = found.rows
        sizes = rows["split"].value_counts().to_dict()
        assert sizes == {"train": 600, "val": 200, "test": 200}
        assert (rows.groupby("group")["split"].nunique() == 1).all()
        tested += rows.loc[rows["split"] == "test", "id"].tolist()
        chosen += rows.loc[rows["split"] == "val", "id"].tolist()
    assert len(tested) == len(set(tested)) == len(set(chosen)) == 1000
    first = words.manifest().split("test").rows["label"]
    assert words.chance() == 100 * first.value_counts().max() / 200
    assert words.chance() == 7.5  # 15 of 200: sentences are dealt evenly by digit, not by letter
    head = words.head(6).eval()
    assert head.predict(torch.randn(2, 15, 6, 3, 3)).shape == (2, 25)


def test_a_letter_is_seen_where_the_alignment_puts_it(words):
    data = words.dataset("test", clips=5)  # a word is one sample, whatever `clips` says
    assert (len(data), data.clips) == (200, 1)
    item = data[0]
    row = data.manifest.rows.iloc[0]
    times = pd.read_csv(words.source.root / "words_s1.csv")
    said = times[(times["path"] == row["path"]) & (times["slot"] == "letter")].iloc[0]
    assert data.manifest.labels[row["label"]] == said["word"]
    assert (row["start"] + row["stop"]) / 2 == pytest.approx((said.start_s + said.end_s) / 2)
    assert row["stop"] - row["start"] == pytest.approx(0.6)
    assert item["inputs"]["video"].shape == (1, 15, 39, 39, 3)  # 0.6 s at 25 fps, 1.09 x 36
    assert float(item["data_samples"]["valid"]["video"]) == 1.0


def test_the_lips_of_grid_are_a_square_around_the_mouth(words):
    """By the mouth's box, without landmarks: the crop equals the pixels that the table names."""
    data = words.dataset("test")
    assert (data.crop.kind, data.crop.provider, data.crop.key) == ("lip", "box", "lip-box")
    table = pd.read_csv(words.source.root / "sentences.csv").set_index("path")
    row = data.manifest.rows.iloc[0]
    x, y, side = table.loc[row["path"], ["mouth_cx", "mouth_cy", "mouth_size"]]
    rows, columns = np.mgrid[:256, :320]
    image = np.stack([columns, rows, columns], axis=-1).clip(0, 255).astype(np.uint8)
    cut = data.crop.transform(36, video=words.source.root, landmarks=None, box=Boxes.of(row.boxes))
    lips = cut(image, 0).astype(float)
    assert lips.shape == (39, 39, 3)
    assert lips[..., 0].mean() == pytest.approx(x - 0.5, abs=1.0)  # pixel i covers [i, i + 1)
    assert lips[..., 1].mean() == pytest.approx(y - 0.5, abs=1.0)
    for axis, channel in ((1, 0), (0, 1)):  # as wide as high: a pixel of the crop is as many
        step = np.diff(lips[..., channel], axis=axis).mean()
        assert step == pytest.approx(side * 39 / 36 / 39, rel=0.03)


def test_lips_move_and_shoulders_do_not_fill_the_crop(words):
    """The crop shows the mouth: over a letter it changes more than the frame around it."""
    lips = words.dataset("test")
    frame = GridWords(source=words.source, crop="full").dataset("test")

    def moved(data, index):
        clip = data[index]["inputs"]["video"][0].float()
        return float((clip[1:] - clip[:-1]).abs().mean())

    ratios = [moved(lips, index) / moved(frame, index) for index in range(0, 60, 10)]
    assert np.median(ratios) > 1.5


def test_grid_without_boxes_needs_landmarks(words, tmp_path):
    for name in ("align", "video"):
        shutil.copytree(words.source.root / name, tmp_path / name)
    source = ClipSource(adapter="grid_words", root=tmp_path, size=36, seed=0)
    task = GridWords(source=source)
    with pytest.raises(NotReadyError, match=r"crop 'lip' needs landmarks.*of grid_words"):
        task.dataset("test")
    assert len(GridWords(source=source, crop="full").dataset("test")) == 200


def test_esc10_from_its_owners(real_data):
    """400 clips of ten classes: 80 tested in each fold, of 5 s, as they are."""
    source = ClipSource(adapter="esc50", root=real_data / "esc50", size=36, seed=0)
    esc10, tested = ESC10(source=source), []
    for fold in ESC10.card.folds:
        found = esc10.manifest(fold)
        assert (found.kind, len(found), len(found.labels)) == ("full", 400, 10)
        rows = found.rows
        assert (rows.groupby("group")["split"].nunique() == 1).all()
        tested += esc10.dataset("test", fold).manifest.rows["id"].tolist()
        assert (rows["split"] == "test").sum() == 80
    assert len(tested) == len(set(tested)) == 400
    assert esc10.chance() == 10.0
    assert esc10.head(6).predict(torch.zeros(2, 6)).shape == (2, 10)
    item = esc10.dataset("test", 1, clips=1)[0]
    wave, told = item["inputs"]["audio"], item["data_samples"]
    assert wave.shape == (1, 80_000)  # 5 s at 16 kHz
    assert float(told["valid"]["audio"]) == 1.0 and float(wave.abs().max()) > 0.01
    looks = esc10.dataset("test", 1, clips=3)[0]["inputs"]["audio"]
    assert looks.shape == (3, 80_000)
