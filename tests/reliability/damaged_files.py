"""A corpus of damaged and odd media files, made from nothing, each with what is to become of it.

Every picture of file k shows the number k in binary (4 x 4 cells), so that a test can tell whose
picture it sees. `python damaged_files.py FOLDER` leaves the corpus there.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import soundfile

Outcome = Literal["read", "padded", "left out", "stops", "silent"]
FPS, SECONDS, RATE = 10, 3.0, 16_000


@dataclass(frozen=True)
class Case:
    """A file and what is to become of it. what: a line of the table of `benchmark.data.scan`.

    seconds: of its pictures. heard: share of [0, 3 s) in which there is sound.
    """

    name: str
    what: str
    outcome: Outcome
    seconds: float = SECONDS
    heard: float = 1.0
    number: int = -1


def picture(number: int, width: int = 64, height: int = 64) -> np.ndarray:
    """(height, width, 3): the lowest 8 bits of `number` in a grid of 4 x 4 cells."""
    bits = np.array([(number >> bit) & 1 for bit in range(8)] + [0] * 8).reshape(4, 4)
    rows = np.minimum(np.arange(height) * 4 // height, 3)
    columns = np.minimum(np.arange(width) * 4 // width, 3)
    return np.repeat((bits[rows][:, columns] * 200 + 20)[..., None], 3, axis=2).astype(np.uint8)


def number_of(image: np.ndarray) -> int:
    """The number that a picture (h, w, 3) shows."""
    height, width = image.shape[:2]
    at = [(2 * k + 1) for k in range(4)]
    cells = np.array([[image[y * height // 8, x * width // 8].mean() for x in at] for y in at])
    return int((cells.ravel()[:8] > 120) @ (1 << np.arange(8)))


def write(
    path: Path,
    number: int,
    *,
    seconds: float = SECONDS,
    stamps: Sequence[float] | None = None,
    size: tuple[int, int] = (64, 64),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    heard: tuple[float, float] | None = (0.0, SECONDS),
    rate: int = RATE,
    layout: str = "mono",
    sound: str = "aac",
    options: dict[str, str] | None = None,
    unit: int = 1000,
    kind: str | None = None,
) -> None:
    """Pictures at `stamps` (every 0.1 s), a tone in `heard` seconds; no picture for seconds=0."""
    if stamps is None:
        stamps = np.arange(round(seconds * FPS)) / FPS
    with av.open(str(path), "w", format=kind, options=options or {}) as out:
        video = None
        if len(stamps):
            gop = {"g": "10", "bf": "0"} if codec == "libx264" else {}
            video = out.add_stream(codec, rate=FPS, options=gop)
            video.width, video.height, video.pix_fmt = *size, pixels
            video.codec_context.time_base = Fraction(1, unit)
        audio = out.add_stream(sound, rate=rate, layout=layout) if heard else None
        if video is not None:
            shown = picture(number, *size)
            for stamp in stamps:
                frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
                frame.pts, frame.time_base = round(stamp * unit), Fraction(1, unit)
                frame.duration = unit // FPS
                out.mux(video.encode(frame.reformat(format=pixels)))
            out.mux(video.encode(None))
        if audio is not None and heard is not None:
            _tone(out, audio, heard, rate=rate, layout=layout)


def _tone(out, audio, heard: tuple[float, float], *, rate: int, layout: str) -> None:
    first, last = round(heard[0] * rate), round(heard[1] * rate)
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(first, last) / rate)
    channels = av.AudioLayout(layout).nb_channels
    for start in range(0, len(wave), 1024):
        part = np.repeat(wave[None, start : start + 1024], channels, axis=0)
        flat = (part.T.reshape(1, -1) * 32767).astype(np.int16)
        block = av.AudioFrame.from_ndarray(np.ascontiguousarray(flat), format="s16", layout=layout)
        block.sample_rate, block.pts, block.time_base = rate, first + start, Fraction(1, rate)
        out.mux(audio.encode(block))
    out.mux(audio.encode(None))


Maker = Callable[[Path, int], None]
FAST = {"movflags": "faststart"}


def plain(**options) -> Maker:
    """A file written with these options."""
    return lambda path, number: write(path, number, **options)


def content(data: bytes) -> Maker:
    """A file of just these bytes."""
    return lambda path, number: path.write_bytes(data)


def changed(how: Callable[[bytearray], bytes | bytearray], **options) -> Maker:
    """A sound file, with its bytes changed."""

    def make(path: Path, number: int) -> None:
        write(path, number, **options)
        path.write_bytes(how(bytearray(path.read_bytes())))

    return make


def cut(share: float) -> Callable[[bytearray], bytes]:
    """Only the first `share` of the bytes."""
    return lambda data: data[: int(len(data) * share)]


def five_hours(data: bytearray) -> bytearray:
    """Durations of 5 h in the headers of an mp4 or a Matroska file."""
    at = data.find(b"mvhd") + 4
    scale = struct.unpack_from(">I", data, at + 12)[0]
    for box, where in ((b"mvhd", 16), (b"tkhd", 20), (b"elst", 8)):
        at = data.find(box)
        while at > 0:
            struct.pack_into(">I", data, at + 4 + where, scale * 18_000)
            at = data.find(box, at + 4)
    at = data.find(b"mdhd")
    while at > 0:
        struct.pack_into(">I", data, at + 20, struct.unpack_from(">I", data, at + 16)[0] * 18_000)
        at = data.find(b"mdhd", at + 4)
    return data


def five_hours_matroska(data: bytearray) -> bytes:
    """The same in the head and the tags of a Matroska file."""
    at = data.find(b"\x44\x89\x88")
    struct.pack_into(">d", data, at + 3, 18_000_000.0)
    return bytes(data).replace(b"00:00:03.", b"05:00:00.")


def turned(data: bytearray) -> bytearray:
    """A display matrix of 90 degrees in the first track of an mp4."""
    at = data.find(b"tkhd") + 4 + 40
    matrix = (0, 0x10000, 0, -0x10000, 0, 0, 64 << 16, 0, 0x40000000)
    struct.pack_into(">9i", data, at, *matrix)
    return data


def holes(first: float, last: float, *, bits: bool = False) -> Callable[[bytearray], bytearray]:
    """Zeros, or flipped bits, in a part of the media data."""

    def damage(data: bytearray) -> bytearray:
        begin = data.find(b"mdat") + 4
        low, high = (begin + int(share * (len(data) - begin)) for share in (first, last))
        for at in range(low, high):
            data[at] = data[at] ^ 0xFF if bits else 0
        return data

    return damage


def remuxed(keep: Callable[[av.Packet, int], bool], shift: int = 0, **options) -> Maker:
    """The packets that are kept, their stamps moved by `shift` milliseconds."""

    def make(path: Path, number: int) -> None:
        whole = path.with_name("whole.mkv")
        write(whole, number, **options)
        with av.open(str(whole)) as source, av.open(str(path), "w") as out:
            streams = {s.index: out.add_stream_from_template(s) for s in source.streams}
            count = 0
            for packet in source.demux():
                if packet.dts is None:
                    continue
                is_video = packet.stream.type == "video"
                taken = not is_video or keep(packet, count)
                count += is_video
                if taken:
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
        whole.unlink()

    return make


def two_sizes(path: Path, number: int) -> None:
    """Pictures of 64, then of 96 pixels in one stream."""
    parts = []
    for at, size in ((0.0, (64, 64)), (1.5, (96, 96))):
        part = path.with_name("part.ts")
        stamps = at + np.arange(15) / FPS
        write(part, number, stamps=stamps, size=size, kind="mpegts", heard=None, unit=90_000)
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))


def huge(path: Path, number: int) -> None:
    """One black picture of 42 million pixels."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("png", rate=FPS)
        video.width, video.height, video.pix_fmt = 7000, 6000, "gray"
        black = np.zeros((video.height, video.width), np.uint8)
        out.mux(video.encode(av.VideoFrame.from_ndarray(black, format="gray")))
        out.mux(video.encode(None))


def joined(path: Path, number: int) -> None:
    """A text that FFmpeg takes for a list of films: it shows another sample's pictures."""
    path.write_text("ffconcat version 1.0\nfile 'good.mp4'\n")


def sound_only(path: Path, number: int) -> None:
    """PCM in a WAV file, whatever the name."""
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(SECONDS * RATE)) / RATE)
    soundfile.write(path, wave, RATE, format="WAV")


def link_out(path: Path, number: int) -> None:
    """A link to a good film outside the folder."""
    outside = path.parent.parent.with_name("outside.mp4")
    write(outside, number)
    path.symlink_to(outside)


MISSING, CUT = "missing, empty, no media file", "header only, or cut short"
ODD = "variable frame rate, rotated, odd or changing size"
SOUNDS, NAMES = "8 or 10 bits, mono to 5.1, 8 to 96 kHz", "wrong suffix of a video, any name"
LATE, SHORT = "sound shorter or later than the picture", "shorter than the clip; one picture"
PROMISE = "promises more than it holds (a 5-hour header)"
KEY = "no key frame, first picture damaged"
VARIED = [0.0, 0.03, 0.5, 0.6, 0.61, 1.4, 1.5, 2.2, 2.9]
HOSTILE = [
    "with space.mp4",
    'it\'s "quoted".mp4',
    "a;touch attacked;.mp4",
    "$(touch attacked).mp4",
    "`touch attacked`.mp4",
    "line\nbreak.mp4",
    "-i.mp4",
    "фильм 映画 é.mp4",
    "%d %s {0} %05d.mp4",
    "http:good.mp4",
    "#comment,comma.mp4",
    "x" * 240 + ".mp4",
]

MADE: list[tuple[Maker, Case]] = [
    (plain(), Case("good.mp4", NAMES, "read")),
    (plain(), Case("good.mkv", NAMES, "read")),
    (plain(codec="mpeg4", sound="mp2", rate=44_100, unit=FPS), Case("good.avi", NAMES, "read")),
    *((plain(), Case(name, NAMES, "read")) for name in HOSTILE),
    (plain(kind="mp4"), Case("mp4.avi", NAMES, "read")),
    (plain(kind="matroska"), Case("matroska.mp4", NAMES, "read")),
    (content(b""), Case("empty.mp4", MISSING, "left out")),
    (content(b"not a video\n" * 99), Case("text.mp4", MISSING, "left out")),
    (content(np.random.default_rng(0).bytes(9000)), Case("random.mp4", MISSING, "left out")),
    (content(b"RIFF\xff\xff\xff\xffWAVEfmt "), Case("stub.wav", MISSING, "left out")),
    (plain(kind="mp4"), Case("video.wav", MISSING, "left out")),
    (changed(cut(0.02)), Case("cut02.mp4", CUT, "left out")),
    (changed(cut(0.5)), Case("cut50.mp4", CUT, "left out")),
    (changed(cut(0.99)), Case("cut99.mp4", CUT, "left out")),
    (changed(cut(0.3), options=FAST), Case("fast30.mp4", CUT, "left out")),
    (changed(cut(0.6), options=FAST), Case("fast60.mp4", CUT, "left out")),
    (changed(cut(0.1)), Case("cut10.mkv", CUT, "left out")),
    (changed(cut(0.6)), Case("cut60.mkv", CUT, "left out")),
    (changed(cut(0.5), codec="mpeg4", sound="mp2", unit=FPS), Case("cut50.avi", CUT, "left out")),
    (changed(five_hours), Case("five_hours.mp4", "promises more than its own index", "read")),
    (changed(five_hours_matroska), Case("five_hours.mkv", PROMISE, "left out")),
    (remuxed(lambda packet, _: not packet.is_keyframe), Case("no_key.mkv", KEY, "left out")),
    (changed(holes(0.0, 0.2)), Case("first.mp4", KEY, "left out")),
    (plain(seconds=0), Case("only_sound.mp4", "no picture, in a file that is no sound file",
                            "left out")),
    (sound_only, Case("sound.mp4", "no picture, in a file that is no sound file", "left out")),
    (huge, Case("huge.mov", "picture larger than `container.MAX_PIXELS`", "left out")),
    (joined, Case("joined.mp4", "playlist or list of other files", "left out")),
    (content(b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\ngood.mp4\n#EXT-X-ENDLIST\n"),
     Case("playlist.mp4", "playlist or list of other files", "left out")),
    (link_out, Case("link.mp4", "link that leads out of the dataset's folder", "left out")),
    (changed(holes(0.5, 0.7)), Case("zeros.mp4", "damaged in the middle", "stops")),
    (changed(holes(0.5, 0.7, bits=True)), Case("flipped.mp4", "damaged in the middle", "stops")),
    (plain(heard=None), Case("silent.mp4", "no sound", "silent", heard=0.0)),
    (plain(stamps=[0.0], heard=None), Case("one.mp4", SHORT, "padded", seconds=0.1, heard=0.0)),
    (plain(seconds=0.5, heard=(0, 0.5)), Case("half.mp4", SHORT, "padded", 0.5, 0.5 / 3)),
    (plain(heard=(0, 1.5)), Case("sound_short.mp4", LATE, "padded", heard=0.5)),
    (plain(heard=(1.5, 3)), Case("sound_late.mp4", LATE, "padded", heard=0.5)),
    (plain(heard=(1.5, 3)), Case("sound_late.mkv", LATE, "padded", heard=0.5)),
    (plain(heard=(0, 5)), Case("sound_long.mp4", "sound longer than the picture", "read")),
    (plain(heard=(0, 5)), Case("sound_long.mkv", "sound longer than the picture", "read")),
    (plain(stamps=VARIED), Case("varied.mp4", ODD, "read")),
    (plain(stamps=VARIED), Case("varied.mkv", ODD, "read")),
    (changed(turned), Case("turned.mp4", ODD, "read")),
    (plain(size=(66, 50), pixels="yuv444p"), Case("odd.mp4", ODD, "read")),
    (plain(size=(67, 51), pixels="yuv444p"), Case("odder.mp4", ODD, "read")),
    (plain(size=(48, 64)), Case("tall.mp4", ODD, "read")),
    (two_sizes, Case("two_sizes.ts", ODD, "silent", heard=0.0)),
    (plain(pixels="yuv420p10le"), Case("ten_bits.mp4", SOUNDS, "read")),
    (plain(sound="pcm_u8"), Case("eight_bit_sound.mkv", SOUNDS, "read")),
    (plain(sound="pcm_s24le"), Case("24_bit_sound.mkv", SOUNDS, "read")),
    (plain(layout="stereo", rate=44_100), Case("stereo.mp4", SOUNDS, "read")),
    (plain(layout="5.1", rate=48_000), Case("five_one.mp4", SOUNDS, "read")),
    *((plain(rate=rate), Case(f"{rate}.mp4", SOUNDS, "read")) for rate in (8000, 22_050, 96_000)),
    (remuxed(lambda *_: True, shift=-1500), Case("below_zero.mkv", "stamps below zero or far above",
                                                 "read")),
    (remuxed(lambda *_: True, shift=7_200_000), Case("far_above.mkv",
                                                     "stamps below zero or far above", "read")),
]  # fmt: skip


def make(root: Path) -> list[Case]:
    """Write the corpus into `root`/clips; the cases with their numbers."""
    folder = root / "clips"
    folder.mkdir(parents=True)
    cases = []
    for number, (maker, case) in enumerate(MADE, start=1):
        maker(folder / case.name, number)
        cases.append(replace(case, number=number))
    return cases


if __name__ == "__main__":
    make(Path(sys.argv[1]))
