"""A talking face: sub-pixel polygons in the speaker's own coordinates, warped into the frame.

Face coordinates: origin in the middle of the head, x to the right, y down, one unit = one pixel at
scale 1. Skin, hair, nose and brows are painted once per clip; eyes, mouth and glasses once per
frame; the whole face then goes through one similarity transform per frame (pose).

    frame = centre + rotation(roll) * diag(scale, scale * (1 - 0.1 * pitch)) * (face point)
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from benchmark.data.miniature.face_parts import (
    EXTENT,
    YAW,
    draw_eyes,
    draw_glasses,
    draw_mouth,
    mouth_half_width,
    paint_head,
    to_pixels,
)
from benchmark.data.miniature.speaker import Speaker

DETAIL = 1.5  # pixels of the painted face per pixel of the frame; chosen
LANDMARKS = (
    "left_eye",
    "right_eye",
    "nose",
    "left_mouth",
    "right_mouth",
)  # left = left in the image
# detector-like error (specified): offset px, scale, rotation degrees, all per clip; jitter px per
# frame
DETECTOR_ERROR = {"offset": 2.0, "scale": 0.08, "rotation": 6.0, "jitter": 0.25}


@dataclass(frozen=True, kw_only=True)
class Face:
    """One face over one clip.

    centre (T, 2) pixels · scale (T,) · roll (T,) radians · pitch (T,) 0 upright .. 1 nodding ·
    yaw: sideways turn, -1..1 · mouth (T, 4) see viseme.TARGETS · lids (T, 2) openness of the left
    and the right eye, 0..1 · slide (T, 2) displacement of the skin texture, face units (0 on a real
    face).
    """

    speaker: Speaker
    centre: np.ndarray
    scale: np.ndarray
    roll: np.ndarray
    pitch: np.ndarray
    yaw: float
    mouth: np.ndarray
    lids: np.ndarray
    slide: np.ndarray

    def matrices(self) -> np.ndarray:
        """Face coordinates -> frame pixels, (T, 2, 3)."""
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        across, down = self.scale, self.scale * (1 - 0.1 * self.pitch)
        rows = [
            [cos * across, -sin * down, self.centre[:, 0]],
            [sin * across, cos * down, self.centre[:, 1]],
        ]
        return np.moveaxis(np.array(rows), 2, 0)


def true_landmarks(face: Face) -> np.ndarray:
    """Outer eye corners, nose tip, mouth corners (left first, in the image): (T, 5, 2) pixels."""
    who, frames = face.speaker, len(face.mouth)
    eye_x, eye_y, eye_half, _ = who.eye
    points = np.empty((frames, 5, 3))
    points[..., 2] = 1
    turn = YAW * face.yaw
    points[:, 0, :2] = (-eye_x - eye_half + turn, eye_y)
    points[:, 1, :2] = (eye_x + eye_half + turn, eye_y)
    points[:, 2, :2] = (1.6 * turn, who.nose[0])
    half = mouth_half_width(who, face.mouth[:, 1])
    points[:, 3, 0], points[:, 4, 0] = turn - half, turn + half
    points[:, 3:, 1] = who.mouth_y
    return np.einsum("tij,tkj->tki", face.matrices(), points)


def detector_landmarks(true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a detector would report: (T, 5, 2) pixels -> the same, float32.

    One offset, scale and rotation error for the clip (a biased detector), white jitter in every
    frame.
    """
    error = DETECTOR_ERROR
    angle = np.deg2rad(error["rotation"]) * rng.standard_normal()
    size = 1 + error["scale"] * rng.standard_normal()
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = true.mean(axis=1, keepdims=True)
    moved = (true - middle) @ turn.T + middle + error["offset"] * rng.standard_normal(2)
    return (moved + error["jitter"] * rng.standard_normal(true.shape)).astype(np.float32)


def face_boxes(face: Face) -> np.ndarray:
    """Upright box around the head without hair, not cut to the frame.

    (T, 4) of x0, y0, x1, y1 in pixels.
    """
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    half_width, half_height = face.speaker.head
    outline = np.stack(
        [half_width * np.cos(angles), half_height * np.sin(angles), np.ones(24)], axis=1
    )
    points = np.einsum("tij,kj->tki", face.matrices(), outline)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def paint_face(frames: np.ndarray, face: Face) -> None:
    """Draw the face onto the frames in place: (T, H, W, 3) uint8 RGB."""
    density = DETAIL * float(face.scale.mean())
    bare, texture, skin = paint_head(face.speaker, density=density, yaw=face.yaw)
    sliding = bool(np.any(face.slide))
    if not sliding:
        _put_texture(bare, texture, skin)
    to_face = np.array([[1 / density, 0, EXTENT[0]], [0, 1 / density, EXTENT[1]], [0, 0, 1]])
    edge = (
        *face.speaker.hair,
        0.0,
    )  # what lies outside the painted face: nothing, in the colour of hair
    for index, (frame, matrix) in enumerate(zip(frames, face.matrices(), strict=True)):
        _draw_torso(frame, face, index)
        picture = bare.copy()
        if sliding:
            _put_texture(picture, _slid(texture, face.slide[index] * density), skin)
        draw_eyes(picture, face.speaker, face.lids[index], density=density, yaw=face.yaw)
        draw_mouth(picture, face.speaker, face.mouth[index], density=density, yaw=face.yaw)
        draw_glasses(picture, face.speaker, density=density, yaw=face.yaw)
        # pixel centres: frame pixel (i, j) shows the point (i, j) of the frame, as cv2 draws them
        warped = cv2.warpAffine(
            picture,
            matrix @ to_face,
            frame.shape[1::-1],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=edge,
        )
        alpha = warped[..., 3:].astype(np.float32) / 255
        frame[:] = (frame + alpha * (warped[..., :3].astype(np.float32) - frame) + 0.5).astype(
            np.uint8
        )


def _put_texture(picture: np.ndarray, texture: np.ndarray, skin: np.ndarray) -> None:
    """Multiply the skin by (1 + texture), in place."""
    factor = 1 + (texture * skin)[..., None]
    picture[..., :3] = np.clip(picture[..., :3] * factor, 0, 255).astype(np.uint8)


def _slid(texture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float64)
    return cv2.warpAffine(texture, matrix, texture.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


def _draw_torso(frame: np.ndarray, face: Face, index: int) -> None:
    """Neck and shoulders below the head; they follow its place, not its roll."""
    scale, (x, y) = float(face.scale.mean()), face.centre[index]
    half_width, half_height = face.speaker.head
    neck = np.array([[-0.45, 0.6], [0.45, 0.6], [0.5, 1.6], [-0.5, 1.6]]) * (
        half_width,
        half_height,
    )
    shade = tuple(0.82 * value for value in face.speaker.skin)
    angles = np.linspace(np.pi, 2 * np.pi, 25)
    bust = np.stack([62 * np.cos(angles), 30 * np.sin(angles) + half_height + 36], axis=1)
    bust = np.concatenate([bust, [[62, 260], [-62, 260]]])
    for points, colour in ((neck, shade), (bust, face.speaker.cloth)):
        cv2.fillPoly(frame, [to_pixels(points * scale + (x, y))], colour, cv2.LINE_AA, 4)
