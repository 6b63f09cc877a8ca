"""Decode the pictures that are asked for, and of the others only those that these are built from.

Half of the pictures of a usual H.264 file are built from by no other (most of its B pictures), and
a clip at ten pictures a second shows fewer than half of them. Where nobody asks for the time at
which such a picture is shown, the decoder is told to leave it out; what it hands out is the same
bit for bit. Which pictures are shown is known beforehand from the stamps of the packets.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

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

    asked: ascending times in seconds of the stream's own clock; the picture shown at each, and the
    one after the last, are among those that come. None: every picture comes.
    """
    packets, unit = container.demux(video), video.time_base or Fraction(1)
    ahead = [] if asked is None else list(_until(packets, float(asked[-1]), unit))
    needed = None if asked is None else shown(_begins(ahead, unit), asked)
    context = video.codec_context
    try:
        for packet in chain(ahead, packets):
            spare = needed is not None and packet.size and packet.pts not in needed
            context.skip_frame = "NONREF" if spare else "DEFAULT"
            yield from packet.decode()
            if needed is not None and packet is ahead[-1]:
                needed = None  # nothing is known of what follows
    finally:
        context.skip_frame = "DEFAULT"


def shown(begins: dict[int, float], asked: np.ndarray) -> set[int] | None:
    """Stamps of the pictures shown at ascending times, and of the one after the last.

    begins: seconds at which the picture of each stamp begins. None where nothing is known.
    """
    if not begins:
        return None
    stamps = sorted(begins)
    starts = np.array([begins[stamp] for stamp in stamps])
    found = np.searchsorted(starts, asked + EPS, side="right") - 1
    places = {max(int(place), 0) for place in found}
    return {stamps[place] for place in places | {min(max(places) + 1, len(stamps) - 1)}}


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
    kept = [packet for packet in packets if packet.size]
    if any(packet.pts is None for packet in kept):
        return {}
    return {packet.pts: seconds(packet.pts, unit) for packet in kept}
