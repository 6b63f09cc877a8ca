"""Pictures that nobody asks for are left out, and those that are asked for stay as they were."""

from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data import packets
from benchmark.data.media import Media
from benchmark.data.packets import shown
from benchmark.data.reader import read_all, shown_at

SIDE = 64


@pytest.fixture(scope="module")
def noise() -> list[np.ndarray]:
    """Frames that no two codecs' predictions make alike: a pattern that slides, and noise."""
    rng = np.random.default_rng(0)
    pattern = rng.integers(0, 256, (SIDE, SIDE, 3))
    return [
        np.clip(np.roll(pattern, 2 * index, 1) + rng.normal(0, 9, pattern.shape), 0, 255).astype(
            np.uint8
        )
        for index in range(90)
    ]


def encode(path, frames, *, codec="libx264", options=None, stamps=None, pix_fmt="yuv420p"):
    """Frames at 25 a second, or at the given stamps of 1/1000 s."""
    unit = Fraction(1, 25 if stamps is None else 1000)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25, options=options or {})
        video.width = video.height = SIDE
        video.pix_fmt = pix_fmt
        video.codec_context.time_base = unit
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = (index if stamps is None else stamps[index]), unit
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


KINDS = {
    "many B": ("b.mp4", {"codec": "libx264", "options": {"bf": "8", "g": "90", "b-pyramid": "2"}}),
    "no B": ("p.mp4", {"codec": "libx264", "options": {"bf": "0"}}),
    "short groups": ("g.mp4", {"codec": "libx264", "options": {"g": "12", "bf": "3"}}),
    "open groups": (
        "o.mp4",
        {"codec": "libx264", "options": {"g": "12", "x264-params": "open-gop=1"}},
    ),
    "interlaced": (
        "i.mp4",
        {"codec": "libx264", "options": {"x264-params": "tff=1:bframes=3", "flags": "+ildct+ilme"}},
    ),
    "mpeg4": ("m.mp4", {"codec": "mpeg4", "options": {"bf": "2", "g": "24"}}),
    "mpeg2 in ts": ("t.ts", {"codec": "mpeg2video", "options": {"bf": "2", "g": "24"}}),
    "matroska": ("k.mkv", {"codec": "libx264", "options": {"bf": "5"}}),
    "avi": ("a.avi", {"codec": "mpeg4"}),
    "vp9": (
        "v.webm",
        {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shown_is_what_a_whole_decoding_shows(tmp_path, noise, kind):
    name, how = KINDS[kind]
    path = encode(tmp_path / name, noise, **how)
    whole = read_all(path, sound=False)
    rng = np.random.default_rng(1)
    with Media(path) as media:
        for _ in range(12):
            start, step = rng.uniform(-0.3, 3.7), rng.choice([0.02, 0.04, 0.1, 0.3])
            times = rng.permutation(start + step * np.arange(rng.integers(1, 12)))
            frames, inside = media.frames(times)
            index, there = shown_at(whole.times, times)
            assert np.array_equal(frames, whole.frames[index])
            assert np.array_equal(inside, there)


def test_pictures_of_uneven_length(tmp_path, noise):
    gaps = np.random.default_rng(2).integers(10, 200, len(noise))
    stamps = np.concatenate([[0], np.cumsum(gaps[:-1])]).tolist()
    path = encode(tmp_path / "v.mkv", noise, stamps=stamps, options={"bf": "5"})
    whole = read_all(path, sound=False)
    times = np.random.default_rng(3).uniform(0, whole.duration, 50)
    with Media(path) as media:
        frames, _ = media.frames(times)
    assert np.array_equal(frames, whole.frames[shown_at(whole.times, times)[0]])


def test_few_of_the_pictures_come(tmp_path, noise, monkeypatch):
    path = encode(tmp_path / "b.mp4", noise, options={"bf": "3", "b-pyramid": "2", "b-adapt": "0"})
    came = []
    decoded = packets.decoded
    monkeypatch.setattr(
        "benchmark.data.media.decoded",
        lambda *a: (came.append(image) or image for image in decoded(*a)),
    )
    with Media(path) as media:
        media.frames(np.arange(8) * 0.4 + 0.1)
        assert 8 <= len(came) <= 11
        came.clear()
        media.all_frames(0.0, np.inf)
        assert len(came) == len(noise)


class Codec:
    """A decoder that builds no picture from one with an odd stamp."""

    skip_frame = "DEFAULT"

    def __init__(self):
        self.left_out = []

    def packet(self, stamp):
        return SimpleNamespace(pts=stamp, dts=stamp, size=9, decode=lambda: self.decode(stamp))

    def decode(self, stamp):
        if self.skip_frame == "NONREF" and stamp % 2:
            self.left_out.append(stamp)
            return []
        return [SimpleNamespace(pts=stamp, is_corrupt=stamp == 4)]


def test_the_decoder_is_told_what_it_may_leave_out():
    codec = Codec()
    video = SimpleNamespace(time_base=Fraction(1, 10), codec_context=codec)
    container = SimpleNamespace(demux=lambda _: map(codec.packet, range(40)))
    images = packets.decoded(container, video, np.array([0.52, 1.4]))
    stamps = [image.pts for _, image in zip(range(6), images, strict=False)]
    assert stamps == [0, 4, 5, 13, 14, 15]  # the first, a damaged one, those shown and about them
    assert codec.left_out == [1, 3, 7, 9, 11]
    images.close()
    assert codec.skip_frame == "DEFAULT"


def test_without_stamps_every_picture_comes():
    codec = Codec()
    video = SimpleNamespace(time_base=Fraction(1, 10), codec_context=codec)
    stampless = [*map(codec.packet, range(3)), codec.packet(3), *map(codec.packet, range(4, 9))]
    stampless[3].pts = None
    container = SimpleNamespace(demux=lambda _: iter(stampless))
    assert [image.pts for image in packets.decoded(container, video, np.array([0.7]))] == [
        *range(9)
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=40, unique=True),
    st.lists(st.floats(-1, 5), min_size=1, max_size=20),
)
def test_shown_is_the_last_to_begin(stamps, asked):
    begins = {stamp: stamp / 100 for stamp in stamps}
    found = shown(begins, np.sort(asked))
    for time in asked:
        before = [stamp for stamp in stamps if stamp / 100 <= time + packets.EPS]
        assert (max(before) if before else min(stamps)) in found
