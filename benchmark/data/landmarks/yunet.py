"""Provider "yunet": OpenCV's FaceDetectorYN (Wu et al. 2023), five points a face.

The model file is not part of this project nor of OpenCV; the user passes it. OpenCV 5 takes the
variant with a dynamic input, face_detection_yunet_2026may.onnx. YuNet reports the centres of the
eyes; they are moved out to the corners (points.outer_eyes). Its right eye is the left one in the
image, as here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from benchmark.data.landmarks.points import outer_eyes
from benchmark.data.landmarks.tracking import Face
from registries.errors import NotReadyError

WHERE = (
    "face_detection_yunet_2026may.onnx (MIT) from "
    "https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet"
)
SCORE, NMS, TOP = 0.9, 0.3, 5000  # OpenCV's defaults; MDS takes faces from 0.9 too
LONG_SIDE = 640  # pixels; chosen: YuNet was trained on faces of 10 to 300 pixels (its README)
POINTER = b"version https://git-lfs"  # what a checkout without Git LFS holds in a model's place


class YuNet:
    """A detector from the user's model file.

    The file is tried on an empty picture, so that a wrong one is found before any clip.
    Raises NotReadyError, saying where to get it, for a missing or wrong file.
    """

    name = "yunet"

    def __init__(self, model: Path) -> None:
        self.model = Path(model).expanduser()
        if not self.model.is_file():
            raise NotReadyError(f"the model of YuNet, {model}, does not exist. Get {WHERE}")
        content = self.model.read_bytes()
        if content.startswith(POINTER):
            raise NotReadyError(
                f"{model} is a Git LFS pointer, not the model itself. Get {WHERE}; its page has a "
                "button that downloads the file"
            )
        digest = hashlib.sha256(content).hexdigest()[:12]
        self.version = f"OpenCV {cv2.__version__}, {self.model.name} {digest}"
        try:
            self._net = cv2.FaceDetectorYN.create(str(self.model), "", (320, 320), SCORE, NMS, TOP)
        except cv2.error as error:
            raise self._wrong(error) from error
        self.faces(np.zeros((192, 256, 3), np.uint8))

    def faces(self, image: np.ndarray) -> list[Face]:
        """Faces of an RGB picture; one with a long side above 640 is looked at smaller."""
        scale = min(LONG_SIDE / max(image.shape[:2]), 1.0)
        height, width = (max(round(side * scale), 1) for side in image.shape[:2])
        small = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR)
        if scale < 1:
            small = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA)
        try:
            self._net.setInputSize((width, height))
            _, rows = self._net.detect(small)
        except cv2.error as error:
            raise self._wrong(error) from error
        ratio = np.array([image.shape[1] / width, image.shape[0] / height])
        found = []
        for row in () if rows is None else np.asarray(rows, np.float64):
            corner, size, points = (
                row[:2] * ratio,
                row[2:4] * ratio,
                row[4:14].reshape(5, 2) * ratio,
            )
            found.append(Face(np.concatenate([corner, corner + size]), outer_eyes(points)))
        return found

    def _wrong(self, error: cv2.error) -> NotReadyError:
        reason = " ".join(str(error).split())
        return NotReadyError(
            f"OpenCV {cv2.__version__} cannot use {self.model} as YuNet: {reason}. Get {WHERE}"
        )
