"""Which part of a frame is looked at: all of it, the lips, or the face.

    full      the frame, short side resized; the square is cut later, by the dataset
    whole     the frame squeezed to a square, nothing cut off, as boxes in fractions of it need
    lip       rotation and scale from the stable points (outer eye corners, nose tip), never from
              the mouth, whose width is the signal; centre on the mouth; square
    face      a square around the landmarks, enlarged by 40 %, smoothed; square
    speaker   for mixed sets (K-AV): "face" where a clip has landmarks, "full" where it has none

Landmarks are five points a frame, (T, 5, 2) pixels: left and right outer eye corner, nose tip, left
and right mouth corner, NaN where the detector missed (benchmark.data.landmarks says where they come
from). LRW can do without: its clips are centred already (provider "fixed_lrw"). A missing landmark
file, or one with more misses than landmarks, is an error, never a silent centre crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

from benchmark.data.container import MediaError
from benchmark.data.landmarks.files import read_points
from benchmark.data.landmarks.points import MAX_MISSED, missed
from benchmark.data.manifest import Boxes, Manifest
from benchmark.data.planes import Transform
from registries.errors import NotReadyError, UsageError, unknown

Kind = Literal["full", "whole", "lip", "face", "speaker"]
KINDS: tuple[Kind, ...] = ("full", "whole", "lip", "face", "speaker")
Provider = Literal["precomputed", "fixed_lrw", "box"]
PROVIDERS: tuple[Provider, ...] = ("precomputed", "fixed_lrw", "box")

LIP_TO_EYES = 0.55  # nominal lip width / distance of the outer eye corners; from memory
TEMPLATE = np.array([-0.5, 0.5, 0.55j])  # eyes, nose (x + iy) in eye distances; nose height chosen
SMOOTH = 6  # frames on each side of the moving average; mpc001's window of 12
MEDIAN = 13  # frames of the median over face boxes; MDS (Chugh et al. 2020)
DETECTOR = 1.6  # side of a detector's box / max(eye distance, eyes to mouth); chosen: brow to chin
ROWS, COLUMNS, LRW_SIZE = (115, 211), (79, 175), (256, 256)  # VIPL's window
# decoded side / size of the encoder's input, room for random crops: full 128 for 112 (AVID: 256 for
# 224: AVID), lips and faces 122 for 112 (chosen)
MARGINS = {"full": 8 / 7, "whole": 1.0, "lip": 1.09, "face": 1.09, "speaker": 8 / 7}
MAKE = (
    "`bench data landmarks NAME --root ROOT --provider yunet --model FILE` makes them; or put a "
    "(T, 5, 2) array at landmarks/<path without suffix>.npy in the dataset's folder, or choose "
    "crop 'full'"
)
SLACK = 2  # frames that landmarks may be shorter than the video; chosen


@dataclass(frozen=True, kw_only=True)
class CropRecipe:
    """A crop and where its landmarks come from.

    lip_frac: lip width / crop width (1/3: chosen, GLCM's figure is lost). margin: around a face's
    box.
    """

    kind: Kind = "full"
    provider: Provider = "precomputed"
    lip_frac: float = 1 / 3
    margin: float = 0.4

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("crop", self.kind, KINDS)
        if self.provider not in PROVIDERS:
            raise unknown(
                "landmark provider",
                self.provider,
                PROVIDERS,
                hint="Detectors write files with `bench data landmarks`; crops read them as "
                "'precomputed'.",
            )
        if self.kind != "lip" and self.provider != "precomputed":
            raise UsageError(
                f"provider {self.provider!r} is a window on the lips; use crop 'lip' with it"
            )

    @property
    def key(self) -> str:
        """What distinguishes the pixels of two recipes."""
        if self.kind in ("full", "whole"):
            return self.kind
        if self.provider == "fixed_lrw":
            return "lip-fixed-lrw"
        if self.provider == "box":
            return "lip-box"
        detail = self.lip_frac if self.kind == "lip" else self.margin
        return f"{self.kind}-{detail:.4f}-v1"

    def side(self, size: int) -> int:
        """Pixels a side of the frames that are cut down to `size` on the device."""
        return round(size * MARGINS[self.kind])

    def transform(
        self, size: int, *, video: Path, landmarks: Path | None, box: Boxes | None = None
    ) -> Transform:
        """The function that crops and resizes each frame of `video`; landmarks: its .npy file.

        box: the square of provider "box", the same for all frames.

        The result is square, or has this short side: `self.side(size)`; its middle `size` pixels
        are the crop that the recipe describes.
        """
        side = self.side(size)
        if self.kind == "full" or (self.kind == "speaker" and landmarks is None):
            return lambda image, _: shrink(image, side)
        if self.kind == "whole":
            return lambda image, _: _resize(image, side, side)
        if self.provider == "fixed_lrw":
            return lambda image, _: _fixed(image, size, side=side, video=video)
        if self.provider == "box":
            if box is None or not box.boxes:
                raise NotReadyError(f"crop 'lip' by box needs one, and there is none for {video}")
            square = box.boxes[0]
            return lambda image, _: _box(image, _pixels(square, image, side / size), side)
        if landmarks is None:
            raise NotReadyError(
                f"crop {self.kind!r} needs landmarks, and there are none for {video}. {MAKE}"
            )
        points = load_landmarks(landmarks)
        if self.kind == "lip":
            matrices = lip_matrices(points, size, side=side, lip_frac=self.lip_frac)
            return lambda image, index: _warp(image, matrices[_row(index, points, video)], side)
        boxes = face_boxes(points, margin=self.margin)
        boxes[:, 2] *= side / size
        return lambda image, index: _box(image, boxes[_row(index, points, video)], side)


def choose_crop(crop: CropRecipe | str, manifest: Manifest) -> CropRecipe:
    """The recipe of a name (one of KINDS) for this data; a recipe is returned as it is.

    Landmarks come from files. Two datasets have another way where a copy has none: "lip" is LRW's
    fixed window, and the mouth's box in GRID's words. `recipe.key` says which was used and belongs
    in the record. Raises NotReadyError where the crop needs landmarks that some of the samples do
    not have.
    """
    if isinstance(crop, CropRecipe):
        recipe = crop
    else:
        bare = not (manifest.rows["landmarks"] != "").any()
        fixed = crop == "lip" and manifest.name == "lrw" and bare
        boxed = crop == "lip" and manifest.name == "grid_words" and bare
        boxed = boxed and bool((manifest.rows["boxes"] != "").all())
        provider: Provider = "fixed_lrw" if fixed else "box" if boxed else "precomputed"
        recipe = CropRecipe(kind=crop, provider=provider)
    if recipe.kind in ("lip", "face") and recipe.provider == "precomputed":
        _check_landmarks(recipe, manifest)
    return recipe


def load_landmarks(path: Path) -> np.ndarray:
    """(T, 5, 2) float64; misses interpolated in time, the ends held.

    Raises MediaError for a missing file, for anything that is not such an array, and for one with
    too many misses.
    """
    points = read_points(path)
    seen = np.isfinite(points).all(axis=(1, 2))
    if not seen.any():
        raise MediaError(f"{path}: no face was found in any frame; leave the clip out")
    if (share := missed(points)) > MAX_MISSED:
        raise MediaError(
            f"{path}: no face in {share:.0%} of the frames, at most {MAX_MISSED:.0%} may be "
            "missed; use another detector, or leave the clip out"
        )
    at, flat = np.arange(len(points)), points.reshape(len(points), 10)
    return np.stack([np.interp(at, at[seen], flat[seen, i]) for i in range(10)], 1).reshape(
        -1, 5, 2
    )


def _check_landmarks(recipe: CropRecipe, manifest: Manifest) -> None:
    """Every sample has landmarks, before the first is decoded."""
    bare = manifest.rows["path"][manifest.rows["landmarks"] == ""]
    if len(bare):
        raise NotReadyError(
            f"crop {recipe.kind!r} needs landmarks, and {len(bare)} of the {len(manifest)} samples "
            f"of {manifest.name} in {manifest.root} have none, first {', '.join(bare[:3])}. {MAKE}"
        )


def lip_matrices(points: np.ndarray, size: int, *, side: int, lip_frac: float) -> np.ndarray:
    """(T, 2, 3) affine matrices from the frame to a (side, side) crop around the lips.

    Least-squares similarity from the smoothed eyes and nose to the template, whose eye distance is
    size * lip_frac / 0.55 pixels; the smoothed midpoint of the mouth corners goes to the middle.
    """
    smooth = _smooth(points)
    flat = smooth[..., 0] + 1j * smooth[..., 1]  # (T, 5)
    stable = flat[:, :3] - flat[:, :3].mean(1, keepdims=True)
    goal = (TEMPLATE - TEMPLATE.mean()) * size * lip_frac / LIP_TO_EYES
    turn = (stable.conj() * goal).sum(1) / (np.abs(stable) ** 2).sum(1)  # scale and rotation, (T,)
    shift = (side - 1) / 2 * (1 + 1j) - turn * flat[:, 3:].mean(1)
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.moveaxis(np.array(rows), 2, 0)


def face_boxes(points: np.ndarray, *, margin: float) -> np.ndarray:
    """(T, 3): centre x, centre y, side of a square around the face; 13-frame median."""
    eyes, mouth = points[:, :2].mean(1), points[:, 3:].mean(1)
    width = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    height = np.linalg.norm(mouth - eyes, axis=1)
    side = DETECTOR * np.maximum(width, height) * (1 + margin)
    boxes = np.concatenate([points.mean(1), side[:, None]], 1)
    return median_filter(boxes, size=(MEDIAN, 1), mode="nearest")


def shrink(image: np.ndarray, size: int) -> np.ndarray:
    """Resize so that the short side is `size` pixels; the shape is kept."""
    height, width = image.shape[:2]
    scale = size / min(height, width)
    return _resize(image, max(round(height * scale), size), max(round(width * scale), size))


def _resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    # averaging areas keeps fine patterns from turning into coarse ones; it cannot enlarge
    how = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=how)


def _smooth(points: np.ndarray) -> np.ndarray:
    """Moving average over +-6 frames; the ends are held."""
    return uniform_filter1d(points, 2 * SMOOTH + 1, axis=0, mode="nearest")


def _row(index: int, points: np.ndarray, video: Path) -> int:
    """Landmark row of a frame."""
    if index >= len(points) + SLACK:
        raise MediaError(
            f"{video}: frame {index} has no landmarks, its file ends after {len(points)}; "
            "write the landmarks again"
        )
    return min(index, len(points) - 1)


def _warp(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    return cv2.warpAffine(
        np.ascontiguousarray(image),
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _box(image: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """The square `box`, its border repeated where it leaves the frame."""
    side = max(round(box[2]), 1)
    left, top = round(box[0] - side / 2), round(box[1] - side / 2)
    rows = np.clip(np.arange(top, top + side), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, image.shape[1] - 1)
    return _resize(image[rows[:, None], columns], size, size)


def _pixels(box: Sequence[float], image: np.ndarray, grow: float) -> np.ndarray:
    """Centre x, centre y and side of a square whose corners are fractions of the frame."""
    height, width = image.shape[:2]
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    side = grow * ((right - left) + (bottom - top)) / 2
    return np.array([(left + right) / 2, (top + bottom) / 2, side])


def _fixed(image: np.ndarray, size: int, *, side: int, video: Path) -> np.ndarray:
    """LRW's fixed window, with the margin around it."""
    if image.shape[:2] != LRW_SIZE:
        raise MediaError(
            f"{video}: {image.shape[1]} x {image.shape[0]} pixels; provider 'fixed_lrw' is a "
            "window on LRW's 256 x 256 clips. Use provider 'precomputed' with landmarks"
        )
    extra = round((ROWS[1] - ROWS[0]) * (side / size - 1) / 2)
    rows, columns = (slice(low - extra, high + extra) for low, high in (ROWS, COLUMNS))
    return _resize(image[rows, columns], side, side)
