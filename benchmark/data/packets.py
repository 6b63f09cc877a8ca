"""Decode the pictures that are asked for, and of the others only those that these are built from.

Half of the pictures of a usual H.264 file are built from by no other (most of its B pictures), and
a clip at ten pictures a second shows fewer than half of them. Where nobody asks for the time at
which such a picture is shown, the decoder is told to leave it out; what it hands out is the same
bit for bit. Which pictures are shown is known beforehand from the stamps of the packets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from benchmark.data.planes import seconds

EPS = 1e-6  # s; float error of sums of seconds


def decoded(
    container: InputContainer, video: VideoStream, asked: np.ndarray | None
) -> Iterator[VideoFrame]:
    """Pictures from where the container stands, in the order in which they are shown.

    asked: ascending times in seconds of the stream's own clock; the picture shown at each, those
    before and after the last, and the first in the file's order come, and any that is damaged.
    None: every picture comes.
    """
    packets, unit = container.demux(video), video.time_base or Fraction(1)
    ahead = [] if asked is None else list(_until(packets, float(asked[-1]), unit))
    begins = _begins(ahead, unit)
    spare = set(begins) - shown(begins, asked) if begins and asked is not None else set[int]()
    context, came = video.codec_context, False
    try:
        for packet in ahead:
            context.skip_frame = "NONREF" if packet.pts in spare else "DEFAULT"
            for image in packet.decode():
                if image.pts not in spare or not came or image.is_corrupt:
                    yield image
                came = True
    finally:
        context.skip_frame = "DEFAULT"
    for packet in packets:  # nothing is known of these
        yield from packet.decode()


def shown(begins: Mapping[int, float], asked: np.ndarray) -> set[int]:
    """Stamps of the pictures shown at ascending times, and of those before and after the last.

    begins: seconds at which the picture of each stamp begins, one at least.
    """
    stamps = sorted(begins)
    starts = np.array([begins[stamp] for stamp in stamps])
    found = np.searchsorted(starts, asked + EPS, side="right") - 1
    places = set(np.maximum(found, 0).tolist())
    last = max(places)
    places |= {max(last - 1, 0), min(last + 1, len(stamps) - 1)}
    return {stamps[place] for place in places}


def _until(packets: Iterator[Packet], last: float, unit: Fraction) -> Iterator[Packet]:
    """Packets, up to the first after which no picture begins before `last` seconds.

    Also up to the first without stamps, of which there is no telling.
    """
    for packet in packets:
        yield packet
        if not packet.size or packet.pts is None or packet.dts is None:
            return
        if seconds(packet.dts, unit) > last + EPS:
            return


def _begins(packets: list[Packet], unit: Fraction) -> dict[int, float]:
    """Seconds at which each picture begins, by stamp; empty where some packet has no stamp."""
    stamps = [packet.pts for packet in packets if packet.size]
    return {} if None in stamps else {stamp: seconds(stamp, unit) for stamp in stamps}
