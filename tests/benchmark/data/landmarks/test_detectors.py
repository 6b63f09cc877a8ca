"""The two detectors against stand-ins for OpenCV's network and for the package face-alignment."""

from __future__ import annotations

import sys
import tomllib
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from benchmark.data.landmarks import fan, yunet
from registries.errors import NotReadyError

ROOT = Path(__file__).resolve().parents[4]
# of a YuNet row: x, y, w, h, right eye, left eye, nose, right and left mouth corner, score
ROW = np.array(
    [[100, 50, 80, 90, 120, 80, 160, 80, 140, 100, 125, 120, 155, 120, 0.97]], np.float32
)


class Net:
    """Records what it is asked; one face wherever the picture is not black."""

    def __init__(self, *arguments) -> None:
        self.arguments, self.sizes, self.pictures = arguments, [], []

    def setInputSize(self, size) -> None:  # noqa: N802 - OpenCV's name
        self.sizes.append(size)

    def detect(self, image):
        self.pictures.append(image)
        return 1, ROW if image.any() else None


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def detector(model, monkeypatch):
    monkeypatch.setattr(cv2, "FaceDetectorYN", SimpleNamespace(create=Net))
    return yunet.YuNet(model)


def test_yunet_reads_bgr_and_moves_the_eyes_out(detector, model):
    assert detector._net.arguments == (str(model), "", (320, 320), 0.9, 0.3, 5000)
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[..., 0] = 200  # red
    (face,) = detector.faces(picture)
    assert detector._net.sizes[-1] == (320, 240)
    assert detector._net.pictures[-1][0, 0].tolist() == [0, 0, 200]
    assert face.box.tolist() == [100, 50, 180, 140]
    expected = [[140 - 29.4, 80], [140 + 29.4, 80], [140, 100], [125, 120], [155, 120]]
    np.testing.assert_allclose(face.points, expected)
    assert detector.faces(np.zeros((240, 320, 3), np.uint8)) == []


def test_large_pictures_are_looked_at_smaller_and_points_scaled_back(detector):
    (face,) = detector.faces(np.full((1080, 1920, 3), 9, np.uint8))
    assert detector._net.sizes[-1] == (640, 360)
    assert detector._net.pictures[-1].shape == (360, 640, 3)
    np.testing.assert_allclose(face.box, [300, 150, 540, 420])
    np.testing.assert_allclose(face.points[2], [420, 300])


def test_the_version_names_the_model(detector, model):
    digest = "9a129038d9a0"  # sha256 of b"weights"
    assert detector.version == f"OpenCV {cv2.__version__}, model.onnx {digest}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"anything else", "as YuNet"),  # read by OpenCV itself
    ],
)
def test_a_missing_or_wrong_model_says_where_to_get_it(tmp_path, content, words):
    path = tmp_path / "face.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NotReadyError, match=words) as found:
        yunet.YuNet(path)
    assert str(path) in str(found.value)
    assert "face_detection_yunet_2026may.onnx" in str(found.value)
    assert "opencv_zoo" in str(found.value)


def test_a_model_that_fails_on_a_picture_is_found_at_once(model, monkeypatch):
    def detect(self, image):
        raise cv2.error("shapes differ")

    monkeypatch.setattr(Net, "detect", detect)
    monkeypatch.setattr(cv2, "FaceDetectorYN", SimpleNamespace(create=Net))
    with pytest.raises(NotReadyError, match=r"cannot use .*model\.onnx as YuNet: shapes differ"):
        yunet.YuNet(model)


def test_face_alignment_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(NotReadyError, match=r"pip install 'avssl-bench\[landmarks\]'"):
        fan.FaceAlignment()


@pytest.fixture
def package(monkeypatch):
    """A module with the shape of face-alignment 1.5."""
    module = ModuleType("face_alignment")
    module.LandmarksType = Enum("LandmarksType", ["TWO_D"])
    points = np.random.default_rng(0).uniform(0, 99, (2, 68, 2))
    module.points = points

    class Package:
        def __init__(self, kind, *, device) -> None:
            if device == "mars":
                raise RuntimeError("no such device")
            assert (kind, device) == (module.LandmarksType.TWO_D, "cpu")
            self.face_detector = self

        def detect_from_image(self, image):
            return [np.array([1, 2, 31, 42, 0.9]), np.array([5, 5, 9, 9, 0.8])] * int(image.any())

        def get_landmarks_from_image(self, image, *, detected_faces):
            return list(points[: len(detected_faces)])

    module.FaceAlignment = Package
    monkeypatch.setitem(sys.modules, "face_alignment", module)
    monkeypatch.setattr(fan, "version", {"face-alignment": "1.5.0"}.__getitem__)
    return module


def test_face_alignment_gives_five_of_68_points(package):
    detector = fan.FaceAlignment()
    assert detector.version == "face-alignment 1.5.0, 2DFAN-4, sfd"
    faces = detector.faces(np.ones((50, 50, 3), np.uint8))
    assert [face.box.tolist() for face in faces] == [[1, 2, 31, 42], [5, 5, 9, 9]]
    for face, points in zip(faces, package.points, strict=True):
        np.testing.assert_allclose(face.points[:3], points[[36, 45, 30]])
        np.testing.assert_allclose(face.points[3:].mean(0), points[48:].mean(0))
    assert detector.faces(np.zeros((50, 50, 3), np.uint8)) == []
    with pytest.raises(NotReadyError, match="does not start on 'mars': no such device"):
        fan.FaceAlignment(device="mars")


def test_the_extra_that_the_message_names_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "avssl-bench"
    assert project["optional-dependencies"]["landmarks"] == ["face-alignment>=1.5"]
