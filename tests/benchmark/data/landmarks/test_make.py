from __future__ import annotations

import csv
import json
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmark.data import adapters
from benchmark.data.container import MediaError
from benchmark.data.crops import CropRecipe, choose_crop
from benchmark.data.landmarks import make as making
from benchmark.data.landmarks import places
from benchmark.data.landmarks.files import Files
from benchmark.data.landmarks.make import make
from benchmark.data.media import Media
from benchmark.data.opened import Sample
from benchmark.data.store import FrameStore
from registries.errors import NotReadyError, UsageError

TRACK = np.repeat(
    np.array([[[20, 20], [44, 20], [32, 30], [26, 42], [38, 42]]], np.float64), 10, axis=0
)
SHIFTS = [(0, 0), (3, 0), (-3, 0), (0, 3), (0, -3)]  # pixels
NAMES = ("video/s1/a.mp4", "video/s1/b.mp4", "video/s2/a.mp4")


class Known:
    """A provider that misses as many frames of each clip as it is told."""

    name = "known"

    def __init__(self, misses: dict[str, int], *, version: str = "1") -> None:
        self.misses, self.version = misses, version
        self.asked: list[str] = []

    def points(self, clip: Path, name: str) -> np.ndarray:
        assert clip.as_posix().endswith(name)
        self.asked.append(name)
        if name not in self.misses:
            raise MediaError(f"{clip}: decoding stops")
        points = TRACK.copy()
        points[: self.misses[name]] = np.nan
        return points


@pytest.fixture
def root(tmp_path, clip_file, monkeypatch) -> Path:
    """GRID's layout with three clips."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    for name in NAMES:
        (tmp_path / "grid" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip_file, tmp_path / "grid" / name)
    return tmp_path / "grid"


def landmarks(root: Path) -> dict[str, str]:
    rows = adapters.read("grid", root).rows
    return dict(zip(rows["path"], rows["landmarks"], strict=True))


def test_files_and_what_is_known_of_them(root):
    known = Known(dict(zip(NAMES, (0, 5, 6), strict=True)))
    steps = []
    manifest = adapters.read("grid", root)
    made = make(
        manifest, known, settings={"fps": 5.0}, jobs=2, progress=lambda *step: steps.append(step)
    )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert made.folder == root / "landmarks"
    assert made.rates == dict(zip(NAMES, (0.0, 0.5, 0.6), strict=True))
    assert made.without == {NAMES[2]: "no face in 60% of the frames, at most 50% may be missed"}
    facts = json.loads((root / "landmarks/crop_meta.json").read_text())
    assert facts == {
        "provider": "known",
        "version": "1",
        "settings": {"fps": 5.0},
        "clips": 3,
        "failure_rate": pytest.approx(1.1 / 3, abs=1e-6),
        "max_missed": 0.5,
        "without": made.without,
        "files": made.rates,
    }
    assert places.read_meta(root) == facts
    assert landmarks(root) == {
        NAMES[0]: "landmarks/video/s1/a.npy",
        NAMES[1]: "landmarks/video/s1/b.npy",
        NAMES[2]: "",
    }
    stored = np.load(root / "landmarks/video/s1/b.npy")
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored[5:], TRACK[5:])
    assert np.isnan(stored[:5]).all()
    with pytest.raises(NotReadyError, match=r"'lip' needs landmarks, and 1 of the 3 .*s2/a\.mp4"):
        choose_crop("lip", adapters.read("grid", root))


def test_an_interrupted_run_goes_on(root, monkeypatch):
    class Stops(Known):
        def points(self, clip: Path, name: str) -> np.ndarray:
            if len(self.asked) == 1:
                raise KeyboardInterrupt
            return super().points(clip, name)

    misses = dict.fromkeys(NAMES, 1)
    with pytest.raises(KeyboardInterrupt):
        make(adapters.read("grid", root), Stops(misses), jobs=1)
    done = [name for name, found in landmarks(root).items() if found]
    assert len(done) == 1
    again = Known(misses)
    made = make(adapters.read("grid", root), again, jobs=1)
    assert sorted(again.asked) == sorted(set(NAMES) - set(done))
    assert made.failure_rate == pytest.approx(0.1)


def test_a_clip_that_does_not_decode_is_listed(root):
    made = make(adapters.read("grid", root), Known({NAMES[0]: 0, NAMES[1]: 0}))
    assert list(made.without) == [NAMES[2]]
    assert made.without[NAMES[2]].endswith("decoding stops")
    assert made.rates[NAMES[2]] == 1.0


@pytest.mark.parametrize(
    ("other", "settings", "words"),
    [
        (Known({}, version="2"), None, "with version '1', asked is '2'"),
        (Known({}), {"fps": 5.0}, r"with settings \{\}, asked is \{'fps': 5.0\}"),
    ],
)
def test_landmarks_of_two_origins_are_never_mixed(root, other, settings, words):
    manifest = adapters.read("grid", root)
    make(manifest, Known(dict.fromkeys(NAMES, 0)))
    with pytest.raises(NotReadyError, match=words):
        make(manifest, other, settings=settings)
    assert other.asked == []


def test_files_of_unknown_origin_are_kept(root):
    (root / "landmarks/video/s1").mkdir(parents=True)
    np.save(root / "landmarks/video/s1/a.npy", TRACK)
    manifest = adapters.read("grid", root)
    with pytest.raises(NotReadyError, match="of unknown origin"):
        make(manifest, Known({}))
    made = make(manifest, Files(root / "landmarks"))
    assert made.rates[NAMES[0]] == 0.0
    assert sorted(made.without) == sorted(NAMES[1:])
    assert "has no landmarks video/s1/b{" in made.without[NAMES[1]]


def test_pickles_of_68_points_in_the_root_are_read_as_they_are(root):
    (root / "landmarks/video/s1").mkdir(parents=True)
    points = np.random.default_rng(0).uniform(10, 50, (100, 68, 2))
    (root / "landmarks/video/s1/a.pkl").write_bytes(pickle.dumps(points))
    manifest = adapters.read("grid", root)
    row = int(np.flatnonzero(manifest.rows["path"] == NAMES[0])[0])
    sample = Sample(manifest, row, crop=CropRecipe(kind="lip"), size=32)
    assert sample.landmarks == root / "landmarks/video/s1/a.pkl"
    assert sample.transform()(np.full((64, 64, 3), 7, np.uint8), 3).shape == (35, 35, 3)


def test_a_root_that_takes_no_files_has_its_landmarks_in_the_cache(root):
    (root / "landmarks").write_text("")  # in the way of the folder, for any user
    manifest = adapters.read("grid", root)
    made = make(manifest, Known(dict.fromkeys(NAMES, 0)))
    assert made.folder == places.in_cache(root)
    assert made.folder.is_relative_to(root.parent / "cache")
    manifest = adapters.read("grid", root)
    assert (manifest.rows["landmarks"] != "").all()
    sample = Sample(manifest, 0, crop=choose_crop("face", manifest), size=32)
    assert sample.landmarks.is_relative_to(made.folder)
    key = FrameStore(root).path(sample, sample_rate=16_000)
    np.save(sample.landmarks, TRACK[:9])
    assert FrameStore(root).path(sample, sample_rate=16_000) != key  # stored crops are made anew
    assert places.read_meta(root)["provider"] == "known"
    assert places.read_meta(root / "video") is None


def test_no_place_at_all(root, monkeypatch):
    (root / "landmarks").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(root / "landmarks"))
    with pytest.raises(NotReadyError, match="BENCH_CACHE"):
        make(adapters.read("grid", root), Known({}))


def test_what_cannot_be_done_is_refused(root, manifest_of):
    twins = manifest_of(root, ["a.mp4", "a.avi"])
    with pytest.raises(NotReadyError, match=r"a\.mp4 and a\.avi differ in their suffix only"):
        make(twins, Known({}))
    object.__setattr__(twins, "kind", "miniature")
    with pytest.raises(UsageError, match="brings its own landmarks"):
        make(twins, Known({}))
    (root / "landmarks").mkdir(exist_ok=True)
    (root / "landmarks/crop_meta.json").write_text("{")
    with pytest.raises(NotReadyError, match=r"crop_meta\.json is not JSON"):
        make(adapters.read("grid", root), Known({}))
    with pytest.raises(NotReadyError, match="cannot be written"):
        places.write(root / NAMES[0] / "a.npy", b"")
    assert making.MAX_MISSED == 0.5


def test_segments_of_one_file_share_its_landmarks(root, manifest_of):
    manifest = manifest_of(root, [NAMES[0]] * 2, id=["one", "two"])
    known = Known({NAMES[0]: 0})
    assert list(make(manifest, known).rates) == known.asked == [NAMES[0]]


@pytest.fixture
def speakers(real_data, tmp_path, monkeypatch) -> dict[str, dict[str, float]]:
    """Two clips of GRID with landmarks made from their mouth and face boxes, by path."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    source = real_data / "grid"
    if not (source / "sentences.csv").is_file():
        pytest.skip("BENCH_REAL_DATA holds no grid/sentences.csv")
    with (source / "sentences.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:2]
    # a frontal face: outer eyes, nose, mouth corners at usual places (chosen), in widths of the box
    usual = np.array([[-0.22, -0.42], [0.22, -0.42], [0, -0.18], [-0.15, 0], [0.15, 0]])
    found = {}
    for row in rows:
        clip, path = tmp_path / "grid" / row["path"], row["path"]
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.symlink_to(source / path)
        box = {key: float(row[key]) for key in ("mouth_cx", "mouth_cy", "face_w")}
        five = usual * box["face_w"] + np.array([box["mouth_cx"], box["mouth_cy"]])
        target = (tmp_path / "files" / path).with_suffix(".csv")
        target.parent.mkdir(parents=True, exist_ok=True)
        with Media(clip) as media:
            table = np.repeat(five.reshape(1, 10), media.info.frames, 0)
        np.savetxt(target, table, delimiter=",")
        found[path] = box
    return found


def around_mouth(whole, box, *, shift, side) -> np.ndarray:
    """A square cut straight from the picture, (112, 112, 3)."""
    centre = (box["mouth_cx"] + shift[0], box["mouth_cy"] + shift[1])
    return cv2.resize(cv2.getRectSubPix(whole, (side, side), centre), (112, 112)).astype(float)


def test_lips_of_real_speakers_end_in_the_middle(speakers, tmp_path):
    root = tmp_path / "grid"
    assert not make(adapters.read("grid", root), Files(tmp_path / "files")).without
    manifest = adapters.read("grid", root)
    recipe = choose_crop("lip", manifest)
    for index, path in enumerate(manifest.rows["path"]):
        box = speakers[path]
        transform = Sample(manifest, index, crop=recipe, size=112).transform()
        with Media(manifest.media(index)) as media:
            (whole,), _ = media.frames(np.array([0.9]))
            (lips,), _ = media.frames(np.array([0.9]), transform=transform)
        # the crop is three nominal lip widths wide, 0.55 of the outer eyes each
        side = round(3 * 0.55 * 0.44 * box["face_w"])
        near = {}
        for shift in SHIFTS:
            expected = around_mouth(whole, box, shift=shift, side=side)
            near[shift] = np.abs(lips[5:117, 5:117] - expected).mean()
        assert min(near, key=near.__getitem__) == (0, 0)
        assert near[0, 0] < 3  # of 255: interpolation alone
