"""Where clips are cut, that the frame store changes nothing, and reproducibility."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from coded_media import noise, read_code, write_video
from torch.utils.data import DataLoader, default_collate

from benchmark.data.container import MediaError, NoAudioError
from benchmark.data.dataset import ClipDataset
from benchmark.data.store import FrameStore
from registries.errors import NotReadyError, UsageError
from registries.sampling import Anchor, ClipSampling, View

RATE = 16_000
SIZE = 56  # frames of 64 pixels come out, which are those of the file
VIDEO = View(modality="video", clip_len=10, seconds=1.0)
AUDIO = View(modality="audio", clip_len=20, seconds=1.0)
BOTH = ClipSampling({"video": VIDEO, "audio": AUDIO})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name in ("a", "b", "c"):
        write_video(folder / f"{name}.mp4", stamps=np.arange(100) / 25, wave=noise(4, RATE))
    write_video(folder / "wide.mp4", stamps=np.arange(50) / 25, width=96)
    return folder


@pytest.fixture
def toy(manifest_of, root):
    return manifest_of(
        root,
        ["a.mp4", "b.mp4", "c.mp4"],
        start=[0.0, 1.0, 0.0],
        stop=[np.nan, 3.0, np.nan],
        label=[0, 1, 0],
        group=["g", "h", "g"],
    )


def test_an_item_is_cut_where_its_times_say(toy):
    data = ClipDataset(toy, BOTH, size=SIZE, train=True, seed=5)
    item = data[1]
    start = item["data_samples"]["times"]["video"].start
    assert item["data_samples"]["times"]["audio"].start == start
    assert 0 <= float(start) <= 1.0  # a segment of 2 s holds it
    middle = 1.0 + float(start) + (np.arange(10) + 0.5) / 10
    frames = item["inputs"]["video"]
    assert frames.shape == (1, 10, 64, 64, 3)
    assert frames.dtype == torch.uint8
    assert read_code(frames[0].numpy()) == np.floor(middle * 25 + 1e-6).astype(int).tolist()
    wave = item["inputs"]["audio"]
    truth = noise(4, RATE)[round((1 + float(start)) * RATE) :][:RATE]
    assert wave.shape == (1, RATE)
    assert np.correlate(wave[0].numpy(), truth, "full").argmax() == RATE - 1
    facts = item["data_samples"]
    assert (facts["index"], facts["id"], facts["group"], facts["target"]) == (1, "b.mp4", "h", 1)
    assert facts["valid"] == {"video": 1.0, "audio": 1.0}


def test_draws_depend_on_seed_epoch_and_index_alone(toy):
    data = ClipDataset(toy, BOTH, size=SIZE, train=True, seed=5)

    def starts(workers: int, epoch: int) -> list[float]:
        data.set_epoch(epoch)
        loader = DataLoader(data, batch_size=2, num_workers=workers)
        return (
            torch.cat([b["data_samples"]["times"]["video"].start for b in loader])
            .flatten()
            .tolist()
        )

    first = starts(0, 0)
    assert starts(2, 0) == first
    assert starts(0, 1) != first
    assert starts(2, 1) == starts(0, 1)
    assert starts(0, 0) == first
    assert len(set(first)) == 3


def test_an_index_beyond_the_end_is_a_later_pass(toy):
    data = ClipDataset(toy, BOTH, size=SIZE, train=True, seed=5)
    data.set_epoch(5)
    later = data[1]
    data.set_epoch(3)
    same = data[2 * len(data) + 1]
    assert same["data_samples"]["index"] == 1
    for name, value in later["inputs"].items():
        assert torch.equal(value, same["inputs"][name])


def test_workers_that_live_on_see_the_epoch(toy):
    data = ClipDataset(toy, BOTH, size=SIZE, train=True, seed=5)
    loader = DataLoader(data, batch_size=3, num_workers=1, persistent_workers=True)
    found = []
    for epoch in range(2):
        data.set_epoch(epoch)
        found.append(next(iter(loader))["data_samples"]["times"]["video"].start)
    assert not torch.equal(*found)


def test_speed_and_direction_are_honoured(toy):
    fast = View(modality="video", clip_len=10, seconds=0.4, speeds=(4,), reverse=1.0)
    sound = View(modality="audio", clip_len=10, seconds=0.4, speeds=(2,), reverse=1.0)
    data = ClipDataset(toy, ClipSampling({"v": fast, "a": sound}), size=SIZE, train=True, seed=1)
    item = data[0]
    times = item["data_samples"]["times"]
    assert (int(times["v"].speed), bool(times["v"].reversed)) == (4, True)
    middle = float(times["v"].start) + 4 * (np.arange(10) + 0.5) * 0.04
    expected = np.floor(middle * 25 + 1e-6).astype(int)[::-1]
    assert read_code(item["inputs"]["v"][0].numpy()) == expected.tolist()
    first = round(float(times["a"].start) * RATE)
    half = noise(4, RATE)[first : first + 12_800 : 2][::-1]  # 3 kHz noise survives halving the rate
    wave = item["inputs"]["a"][0].numpy()
    assert wave.shape == (6400,)
    assert abs(np.correlate(wave, half, "full").argmax() - 6399) <= 1


def test_test_clips_lie_evenly(toy):
    data = ClipDataset(toy, BOTH, size=SIZE, train=False, clips=4, seed=0)
    start = data[0]["data_samples"]["times"]["video"].start
    assert start.tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert data[0]["inputs"]["video"].shape == (4, 10, 64, 64, 3)
    one = ClipDataset(toy, BOTH, size=SIZE, train=False, seed=0)
    assert one[0]["data_samples"]["times"]["video"].start.tolist() == [1.5]
    whole = View(modality="video", clip_len=100, seconds=4.0)
    data = ClipDataset(toy, ClipSampling({"v": whole}), size=SIZE, train=False, seed=0)
    assert read_code(data[0]["inputs"]["v"][0].numpy()) == list(range(100))
    short = data[1]["data_samples"]  # 2 s of 4 s
    assert (short["times"]["v"].start.tolist(), short["valid"]["v"]) == ([0.0], 0.5)


def test_views_in_relation_are_drawn_for_testing_too(toy):
    later = View(modality="video", clip_len=5, seconds=0.5, num_clips=2, anchor="later")
    sampling = ClipSampling(
        {"v": VIDEO, "l": later}, {"later": Anchor(after="now", gap=(0.5, 0.5))}
    )
    data = ClipDataset(toy, sampling, size=SIZE, train=False, seed=3)
    times = data[0]["data_samples"]["times"]
    assert times["l"].start[0] == pytest.approx(float(times["v"].start[0]) + 1.5)
    data.set_epoch(4)
    assert torch.equal(data[0]["data_samples"]["times"]["l"].start, times["l"].start)
    with pytest.raises(UsageError, match="clips=2"):
        ClipDataset(toy, sampling, size=SIZE, train=False, clips=2, seed=3)


def test_the_square_moves_in_training_and_is_central_in_testing(manifest_of, root):
    wide = manifest_of(root, ["wide.mp4"])
    sampling = ClipSampling({"v": VIDEO})
    data = ClipDataset(wide, sampling, size=SIZE, train=True, seed=0)
    pictures = []
    for epoch in range(6):
        data.set_epoch(epoch)
        pictures.append(data[0]["inputs"]["v"][0, 0, :, :, 0].float().mean(0))
    assert len({tuple(p.round().tolist()) for p in pictures}) > 3
    test = ClipDataset(wide, sampling, size=SIZE, train=False, seed=0)[0]["inputs"]["v"]
    assert test.shape == (1, 10, 64, 64, 3)
    # 16 columns are cut on each side: the code's first column of cells is gone
    left = test[0, -1, :, :14].float().mean()
    assert left < 220


def test_the_store_changes_nothing(toy, tmp_path):
    store = FrameStore(tmp_path)
    for train, clips in ((True, 1), (False, 3)):
        made = [
            ClipDataset(toy, BOTH, size=40, train=train, clips=clips, seed=2, store=place)
            for place in (None, store)
        ]
        for index in range(3):
            direct, stored = (data[index]["inputs"] for data in made)
            assert torch.equal(direct["video"], stored["video"])
            assert torch.equal(direct["audio"], stored["audio"])
    assert len(list(tmp_path.rglob("*.clip"))) == 3


def test_processes_store_what_threads_store(toy, tmp_path, monkeypatch):
    stores = [FrameStore(tmp_path / name) for name in ("threads", "processes")]
    for store, least in zip(stores, (10**9, 1), strict=True):
        monkeypatch.setattr("benchmark.data.store.PROCESSES_FROM", least)
        assert store.warm(toy, size=SIZE, jobs=2) == []
    names = [sorted(p.relative_to(s.folder) for p in s.folder.rglob("*.clip")) for s in stores]
    assert len(names[0]) == 3 and names[0] == names[1]
    for name in names[0]:
        assert (stores[0].folder / name).read_bytes() == (stores[1].folder / name).read_bytes()


def test_warm_decodes_once_and_reports_bad_files(manifest_of, root, tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "data" / name).write_bytes((root / name).read_bytes())
    (tmp_path / "data" / "bad.mp4").write_bytes(b"")
    toy = manifest_of(tmp_path / "data", ["a.mp4", "bad.mp4", "b.mp4"])
    store, seen = FrameStore(tmp_path / "store"), []
    bad = store.warm(toy, size=SIZE, jobs=2, max_bad=0.5, progress=lambda *at: seen.append(at))
    assert [item.id for item in bad] == ["bad.mp4"]
    assert "0 bytes" in bad[0].reason
    assert seen == [(1, 3), (2, 3), (3, 3)]
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.clip")}
    store.warm(toy, size=SIZE, jobs=1, max_bad=0.5)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")
            if path.is_file()} == files  # fmt: skip
    with pytest.raises(NotReadyError, match=r"(?s)1 of 3 files .*bad\.mp4"):
        store.warm(toy, size=SIZE)
    damaged = next(iter(files))
    damaged.write_bytes(b"nothing of the kind")
    data = ClipDataset(toy, BOTH, size=SIZE, train=False, seed=0, store=store)
    with pytest.raises(MediaError, match="delete it"):
        (data[0], data[2])


def test_silent_videos_are_errors_where_sound_is_asked(manifest_of, root, tmp_path):
    wide = manifest_of(root, ["wide.mp4"])
    for store in (None, FrameStore(tmp_path)):
        with pytest.raises(NoAudioError, match=r"wide\.mp4"):
            ClipDataset(wide, BOTH, size=SIZE, train=True, seed=0, store=store)[0]


def test_batches_collate(toy):
    data = ClipDataset(toy, BOTH, size=SIZE, train=True, seed=5)
    batch = default_collate([data[0], data[1]])
    assert batch["inputs"]["video"].shape == (2, 1, 10, 64, 64, 3)
    assert batch["data_samples"]["times"]["video"].start.shape == (2, 1)
    assert batch["data_samples"]["target"].tolist() == [0, 1]
