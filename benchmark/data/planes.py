"""What a decoder hands out, as arrays: a picture as it is looked at, a block of sound in mono."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np

Transform = Callable[
    [np.ndarray, int], np.ndarray
]  # (H, W, 3) uint8, index in the file -> (h, w, 3)


def rgb(image: av.VideoFrame, index: int, transform: Transform | None) -> np.ndarray:
    """RGB (H, W, 3) as it is meant to be looked at, then transformed."""
    picture = image.to_ndarray(format="rgb24")
    if turn := round(image.rotation / 90) % 4:
        picture = np.rot90(picture, turn)
    return picture if transform is None else transform(picture, index)


def mono(block: av.AudioFrame) -> np.ndarray:
    """Mean over the channels, float32 in [-1, 1]."""
    wave, channels = block.to_ndarray(), block.layout.nb_channels
    if not block.format.is_planar:
        wave = wave.reshape(-1, channels).T
    if wave.dtype == np.uint8:
        return ((wave.astype(np.float32) - 128) / 128).mean(0)
    if np.issubdtype(wave.dtype, np.integer):
        wave = wave.astype(np.float32) / -float(np.iinfo(wave.dtype).min)
    return wave.astype(np.float32).mean(0)
