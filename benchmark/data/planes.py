"""What a decoder hands out, as arrays: a picture as it is looked at, a stretch of sound in mono."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

Transform = Callable[
    [np.ndarray, int], np.ndarray
]  # (H, W, 3) uint8, index in the file -> (h, w, 3)


def rgb(
    image: av.VideoFrame, index: int, transform: Transform | None, *, converter: VideoReformatter
) -> np.ndarray:
    """RGB (H, W, 3) as it is meant to be looked at, then transformed.

    converter: one for all pictures of a file, as its tables cost more than a picture; one thread,
    as loader workers are as many as the cores.
    """
    picture = converter.reformat(image, format="rgb24", threads=1).to_ndarray()
    if turn := round(image.rotation / 90) % 4:
        picture = np.rot90(picture, turn)
    return picture if transform is None else transform(picture, index)


def mono(blocks: Sequence[av.AudioFrame]) -> np.ndarray:
    """Mean over the channels of blocks in a row and of one kind, float32 in [-1, 1]."""
    first, together = blocks[0], av.AudioFifo()
    for block in blocks:
        block.pts = None  # where they belong is known; the queue would compare them
        together.write(block)
    wave = together.read().to_ndarray()
    if not first.format.is_planar:
        wave = wave.reshape(-1, first.layout.nb_channels).T
    if wave.dtype == np.uint8:
        return ((wave.astype(np.float32) - 128) / 128).mean(0)
    if np.issubdtype(wave.dtype, np.integer):
        wave = wave.astype(np.float32) / -float(np.iinfo(wave.dtype).min)
    return wave.astype(np.float32).mean(0)


def alike(one: av.AudioFrame, other: av.AudioFrame) -> bool:
    """Whether two blocks can be put together."""
    return (one.format.name, one.layout.nb_channels) == (
        other.format.name,
        other.layout.nb_channels,
    )


def seconds(stamp: int, unit: Fraction) -> float:
    """`stamp * unit` in floating point, without the cost of fractions."""
    return stamp * unit.numerator / unit.denominator
