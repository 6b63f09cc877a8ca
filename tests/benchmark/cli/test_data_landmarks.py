"""`bench data landmarks` from the command line."""

from __future__ import annotations

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from benchmark.cli import main as cli

# of a YuNet row: x, y, w, h, right eye, left eye, nose, right and left mouth corner, score
ROW = np.array([[20, 20, 60, 60, 35, 40, 65, 40, 50, 52, 40, 66, 60, 66, 0.97]], np.float32)


class Net:
    """OpenCV's network: a face in every picture that is not black."""

    def __init__(self, *arguments) -> None: ...

    def setInputSize(self, size) -> None: ...  # noqa: N802 - OpenCV's name

    def detect(self, image):
        return 1, ROW if image.any() else None


@pytest.fixture
def bench(capsys, monkeypatch, tmp_path):
    """Run one command line; returns its exit code, stdout, and stderr on one line."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.execute(["data", "landmarks", *arguments])
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


@pytest.fixture
def root(tmp_path):
    """A folder of two videos, 20 grey frames each."""
    (tmp_path / "videos").mkdir()
    for name in "ab":
        path = str(tmp_path / f"videos/{name}.mp4")
        video = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"mp4v"), 25, (96, 96))
        for _ in range(20):
            video.write(np.full((96, 96, 3), 128, np.uint8))
        video.release()
    return tmp_path / "videos"


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "FaceDetectorYN", SimpleNamespace(create=Net))
    (tmp_path / "face.onnx").write_bytes(b"weights")
    return str(tmp_path / "face.onnx")


def test_a_dataset_gets_landmarks_once(bench, root, model):
    words = ("folder", "--root", str(root), "--provider", "yunet", "--model", model, "--fps", "5")
    code, out, err = bench(*words)
    assert code == 0, err
    assert out.splitlines()[1].split()[:3] == ["2", "2", "0.0%"]
    facts = json.loads((root / "landmarks/crop_meta.json").read_text())
    assert (facts["provider"], facts["settings"]) == ("yunet", {"fps": 5.0})
    assert facts["files"] == {"a.mp4": 0.0, "b.mp4": 0.0}
    points = np.load(root / "landmarks/a.npy")
    assert points[-1, 2].tolist() == [50.0, 52.0]
    assert points[0, 0].tolist() == pytest.approx([50 - 1.47 * 15, 40])  # an outer corner
    assert bench(*words)[0] == 0
    code, _, err = bench(*words[:-2])
    assert (code, "move that folder away" in err) == (3, True)


def test_clips_without_a_face_are_listed(bench, root, model, monkeypatch):
    monkeypatch.setattr(Net, "detect", lambda self, image: (0, None))
    code, out, err = bench("folder", "--root", str(root), "--provider", "yunet", "--model", model)
    assert code == 5
    assert "a.mp4: no face in 100% of the frames, at most 50% may be missed" in out
    assert "2 of 2 clips have no landmarks" in err
    assert [path.name for path in (root / "landmarks").iterdir()] == ["crop_meta.json"]


def test_files_of_the_users(bench, root, tmp_path):
    (tmp_path / "mine").mkdir()
    frames = "\n".join([",".join("1234567890")] * 20)
    for name in "ab":
        (tmp_path / f"mine/{name}.csv").write_text(frames)
    words = ("folder", "--root", str(root), "--provider", "precomputed")
    code, out, err = bench(*words)
    assert (code, out) == (3, "")
    assert f"{root}/landmarks is not a folder of landmarks" in err
    code, out, err = bench(*words, "--files", str(tmp_path / "mine"))
    assert code == 0, err
    assert np.load(root / "landmarks/b.npy")[19].tolist() == [
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
        [9, 0],
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--provider", "yunet"], 2, "--model FILE: get face_detection_yunet_2026may.onnx"),
        (["--provider", "yunet", "--model", "no.onnx"], 3, "no.onnx, does not exist. Get"),
        (["--provider", "precomputed", "--model", "x"], 2, "--model is for provider 'yunet'"),
        (["--provider", "yunet", "--model", "x", "--files", "y"], 2, "--files is for provider"),
        (["--provider", "precomputed", "--fps", "5"], 2, "looks at no picture"),
        (["--provider", "dlib"], 2, "'dlib'"),
        ([], 2, "--provider"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_said(bench, root, arguments, code, words):
    found, out, err = bench("folder", "--root", str(root), *arguments)
    assert (found, out) == (code, "")
    assert words in err
    assert bench("folder", "--root", str(root / "no"), "--provider", "yunet")[0] == 3
