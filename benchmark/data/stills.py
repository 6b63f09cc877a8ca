"""Join a picture and its sound to a clip: sets of localisation hand out one of each.

`frames/<id>.jpg` and `audio/<id>.wav`, in the root or in data/, become
`clips/<id>.mkv`: the picture once a second for as long as the sound lasts. Neither is coded anew.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av

from benchmark.data.container import MediaError

FRAMES = ("frames", "data/frames")
SOUNDS = ("audio", "data/audio")
PICTURES = (".jpg", ".jpeg", ".png")
CLIPS = "clips"
UNIT = Fraction(1, 1000)  # s; Matroska counts in these
STEP = 1000  # units from one showing of the picture to the next; chosen: a short seek


def join_all(root: Path, *, there: set[str]) -> int:
    """Join every pair of `root` whose name is not in `there`; returns how many.

    Raises MediaError, naming the pair, where one does not open.
    """
    sounds = {
        path.stem: path for folder in SOUNDS for path in sorted((root / folder).glob("*.wav"))
    }
    pictures = {
        path.stem: path
        for folder in FRAMES
        for path in sorted((root / folder).glob("*"))
        if path.suffix.lower() in PICTURES
    }
    names = sorted((sounds.keys() & pictures.keys()) - there)
    for name in names:
        join(pictures[name], sounds[name], root / CLIPS / f"{name}.mkv")
    return len(names)


def join(picture: Path, sound: Path, clip: Path) -> None:
    """Write one clip (Matroska), atomically. Raises MediaError where an input does not open."""
    clip.parent.mkdir(parents=True, exist_ok=True)
    temporary = clip.with_name(f".{clip.stem}.{os.getpid()}{clip.suffix}")
    try:
        _mux(picture, sound, temporary)
        temporary.replace(clip)
    except (av.error.FFmpegError, StopIteration, IndexError) as error:
        temporary.unlink(missing_ok=True)
        raise MediaError(
            f"{picture} and {sound} cannot be joined ({error!r}); fetch them again, or remove them"
        ) from error


def _mux(picture: Path, sound: Path, clip: Path) -> None:
    with (
        av.open(str(picture)) as image,
        av.open(str(sound)) as wave,
        av.open(str(clip), "w", format="matroska") as out,
    ):
        shown = out.add_stream_from_template(image.streams.video[0])
        heard = out.add_stream_from_template(wave.streams.audio[0])
        still = bytes(next(packet for packet in image.demux() if packet.size))
        end = round((wave.duration or 0) / av.time_base / UNIT)
        for begin in range(0, end, STEP):
            packet = av.Packet(still)
            packet.stream, packet.time_base = shown, UNIT
            packet.pts = packet.dts = begin
            packet.duration, packet.is_keyframe = min(STEP, end - begin), True
            out.mux(packet)
        for packet in wave.demux():
            if packet.size:
                packet.stream = heard
                out.mux(packet)
