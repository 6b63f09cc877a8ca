"""Distortions of frames, as copies of videos have them; strengths chosen.

Each is a pure function: frames (T, H, W, 3) uint8 and a generator, from which the strength is
drawn once -> new frames of the same shape and type. Lengths are in pixels of the frames given.
"""

from __future__ import annotations

import io
import string
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np

Array = np.ndarray[Any, Any]

CROP = (0.6, 0.9)  # share of each side that is left; chosen
BLUR = (0.5, 2.0)  # pixels, s.d.; chosen
GAIN = (0.7, 1.3)  # of brightness and of contrast; chosen
HUE = 36.0  # degrees, largest turn of colours; chosen: a tenth of a circle
CAPTION = (0.12, 0.22)  # share of the height that a caption takes; chosen
LETTERS = 24  # of a caption; chosen
CRF = 35  # of the copy; chosen
RATE = 25  # frames a second that the coder is told; chosen
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def crop(frames: Array, rng: np.random.Generator) -> Array:
    """A window of 0.6 to 0.9 of each side, anywhere, brought back to the full size."""
    height, width = frames.shape[1:3]
    share = rng.uniform(*CROP)
    high, wide = max(1, round(share * height)), max(1, round(share * width))
    top, left = (int(rng.integers(0, room + 1)) for room in (height - high, width - wide))
    cut = frames[:, top : top + high, left : left + wide]
    return np.stack([cv2.resize(frame, (width, height)) for frame in cut])


def flip(frames: Array, rng: np.random.Generator) -> Array:
    """Left and right change places; nothing is drawn."""
    return np.ascontiguousarray(frames[:, :, ::-1])


def blur(frames: Array, rng: np.random.Generator) -> Array:
    """A Gaussian of 0.5 to 2 pixels."""
    spread = rng.uniform(*BLUR)
    return np.stack([cv2.GaussianBlur(frame, (0, 0), spread) for frame in frames])


def colour(frames: Array, rng: np.random.Generator) -> Array:
    """Brightness and contrast times 0.7 to 1.3, colours turned around grey by up to 36 degrees.

    Contrast is around the mean of the whole clip, so that it flickers no more than the clip does.
    """
    light, contrast = rng.uniform(*GAIN, 2)
    pixels = np.clip(frames.astype(np.float32) * light, 0, 255)
    pixels = (pixels - pixels.mean()) * contrast + pixels.mean()
    turned = pixels @ _turn(np.deg2rad(rng.uniform(-HUE, HUE))).T
    return np.clip(np.rint(turned), 0, 255).astype(np.uint8)


def _turn(angle: float) -> Array:
    """(3, 3): RGB turned by `angle` around the axis of greys, which it leaves (Rodrigues)."""
    axis = np.full(3, 1 / np.sqrt(3))
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.cos(angle) * np.eye(3) + np.sin(angle) * cross
    return (turn + (1 - np.cos(angle)) * np.outer(axis, axis)).astype(np.float32)


def caption(frames: Array, rng: np.random.Generator) -> Array:
    """A dark bar with a line of bright letters at the foot, the same in every frame."""
    height, width = frames.shape[1:3]
    bar = max(1, round(rng.uniform(*CAPTION) * height))
    letters = rng.choice(list(string.ascii_uppercase + " "), LETTERS)
    strip = np.full((bar, width, 3), 16, np.uint8)
    text, font = "".join(letters), cv2.FONT_HERSHEY_SIMPLEX
    (wide, _), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = 0.95 * width / wide
    cv2.putText(
        strip, text, (round(0.02 * width), round(0.75 * bar)), font, scale, (235,) * 3, 1,
        cv2.LINE_AA,
    )  # fmt: skip
    out = frames.copy()
    out[:, height - bar :] = strip
    return out


def grey(frames: Array, rng: np.random.Generator) -> Array:
    """Luma in all three channels; nothing is drawn."""
    luma = np.rint(frames.astype(np.float32) @ LUMA).astype(np.uint8)
    return np.repeat(luma[..., None], 3, axis=3)


def h264(frames: Array, rng: np.random.Generator) -> Array:
    """Coded as H.264 at CRF 35 and decoded again; nothing is drawn."""
    height, width = frames.shape[1:3]
    # yuv420p needs even sides
    padded = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    file = io.BytesIO()
    x264 = {"crf": str(CRF), "threads": "1", "flags": "+bitexact", "preset": "fast"}
    x264["x264-params"] = "mbtree=0"  # with it, bytes differ from run to run (miniature.media)
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE, options=x264)
        stream.height, stream.width = padded.shape[1:3]
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, RATE)
        for index, image in enumerate(padded):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        shown = [(f.pts, f.to_ndarray(format="rgb24")) for f in container.decode(stream)]
    shown.sort(key=lambda pair: pair[0])
    return np.stack([image for _, image in shown])[:, :height, :width]


SIGHT: Mapping[str, Callable[[Array, np.random.Generator], Array]] = {
    "crop": crop,
    "flip": flip,
    "blur": blur,
    "colour": colour,
    "caption": caption,
    "grey": grey,
    "h264": h264,
}
