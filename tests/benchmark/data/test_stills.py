"""A picture and its sound become one clip, neither coded anew."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import soundfile
from coded_media import coded, noise, read_code

from benchmark.data.container import MediaError
from benchmark.data.reader import get_clip, probe
from benchmark.data.stills import join_all

RATE = 16_000


@pytest.fixture
def root(tmp_path):
    """Two pairs of 3.3 s, a picture without sound."""
    (tmp_path / "data" / "frames").mkdir(parents=True)
    (tmp_path / "data" / "audio").mkdir()
    for number, name in ((5, "101"), (9, "202"), (7, "silent")):
        cv2.imwrite(str(tmp_path / "data" / "frames" / f"{name}.jpg"), coded(number, width=96))
        if name != "silent":
            wave = noise(3.3, RATE, seed=number)
            soundfile.write(tmp_path / "data" / "audio" / f"{name}.wav", wave, RATE)
    return tmp_path


def test_pairs_are_joined(root):
    assert join_all(root, there={"202"}) == 1
    assert [path.name for path in (root / "clips").iterdir()] == ["101.mkv"]
    info = probe(root / "clips" / "101.mkv")
    assert (info.duration, info.width, info.height) == (pytest.approx(3.3), 96, 64)
    clip = get_clip(root / "clips" / "101.mkv", 0.5, dur_v=2.5, fps_out=4, dur_a=2.5, sr=RATE)
    assert read_code(clip.frames) == [5] * 10
    assert clip.video_valid.all() and clip.audio_valid.all()
    wave = noise(3.3, RATE, seed=5)[RATE // 2 : 3 * RATE]
    assert np.abs(clip.wave - wave).max() < 1e-4  # 16-bit steps


def test_the_picture_is_the_one_handed_out(root):
    join_all(root, there=set())
    content = (root / "data" / "frames" / "202.jpg").read_bytes()
    assert (root / "clips" / "202.mkv").read_bytes().count(content) == 4  # 0, 1, 2 and 3 s


def test_a_broken_pair_is_named(root):
    (root / "data" / "audio" / "101.wav").write_bytes(b"RIFF")
    with pytest.raises(MediaError, match=r"101\.jpg and .*101\.wav cannot be joined"):
        join_all(root, there=set())
    assert list((root / "clips").iterdir()) == []
