"""Provider "face_alignment": 68 points of the package face-alignment (Bulat & Tzimiropoulos 2017).

GLCM's recipe to the letter. An optional extra; its networks are downloaded by the package on first
use.
"""

from __future__ import annotations

import threading
from importlib.metadata import version

import numpy as np

from benchmark.data.landmarks.points import five_points
from benchmark.data.landmarks.tracking import Face
from registries.errors import NotReadyError


class FaceAlignment:
    """The package's own detector (S3FD) and its 2D network; shared by all threads, one at a time.

    Raises NotReadyError where the package is not installed or its networks cannot be fetched.
    """

    name = "face_alignment"

    def __init__(self, *, device: str = "cpu") -> None:
        try:
            import face_alignment
        except ImportError as error:
            raise NotReadyError(
                "provider 'face_alignment' needs the package face-alignment "
                f"({error}). Install it with `pip install 'avssl-bench[landmarks]'`, or use "
                "provider 'yunet'"
            ) from error
        try:
            self._net = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D, device=device
            )
        except (OSError, RuntimeError) as error:  # URLError is an OSError
            raise NotReadyError(
                f"face-alignment does not start on {device!r}: {error}. It downloads its networks "
                "on first use: run it once on a machine with a network and copy the files of "
                "torch's hub folder, or use provider 'yunet'"
            ) from error
        self.version = f"face-alignment {version('face-alignment')}, 2DFAN-4, sfd"
        self._lock = threading.Lock()

    def faces(self, image: np.ndarray) -> list[Face]:
        """Faces of an RGB picture."""
        with self._lock:
            boxes = self._net.face_detector.detect_from_image(image.copy())
            if len(boxes) == 0:  # asked for landmarks of no face, the package would warn
                return []
            sets = self._net.get_landmarks_from_image(image, detected_faces=boxes)
        return [
            Face(np.asarray(box[:4], np.float64), five_points(np.asarray(points)[None])[0])
            for box, points in zip(boxes, sets, strict=True)
        ]
