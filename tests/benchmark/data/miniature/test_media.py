"""Encoded clips: sound and picture start together, the same clip gives the same bytes."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest
import soundfile

from benchmark.data.miniature.clip import SAMPLE_RATE, MiniClip
from benchmark.data.miniature.media import GOP, read_clip, read_sound, write_clip
from benchmark.data.miniature.ucf import MiniUCF


def flash(*, fps, count, at):
    """Grey frames with one white one, silence with one click at the start of the white frame."""
    frames = np.full((count, 64, 64, 3), 40, np.uint8)
    frames[at] = 230
    wave = np.zeros(round(count * SAMPLE_RATE / fps), np.float32)
    wave[round(at * SAMPLE_RATE / fps)] = 0.9
    return MiniClip(frames=frames, fps=fps, wave=wave, crf=25, latents={})


@pytest.mark.parametrize(
    ("fps", "count", "at"), [(20, 64, 31), (10, 32, 1), (25, 29, 20), (20, 32, 31)]
)
def test_flash_and_click_do_not_move(tmp_path, fps, count, at):
    clip = flash(fps=fps, count=count, at=at)
    write_clip(tmp_path / "flash.mp4", clip)
    frames, wave, step = read_clip(tmp_path / "flash.mp4")
    assert frames.shape == clip.frames.shape and wave.shape == clip.wave.shape
    assert step == pytest.approx(1 / fps)
    assert int(frames.mean(axis=(1, 2, 3)).argmax()) == at
    assert int(np.abs(wave).argmax()) == int(clip.wave.argmax())


def test_continuous_sound_lines_up_to_the_sample(tmp_path):
    rng = np.random.default_rng(0)
    wave = np.convolve(rng.normal(0, 0.1, 51_200), np.ones(6) / 6, "same").astype(np.float32)
    clip = replace(flash(fps=20, count=64, at=3), wave=wave)
    write_clip(tmp_path / "noise.mp4", clip)
    _, decoded, _ = read_clip(tmp_path / "noise.mp4")
    match = [np.dot(np.roll(decoded, shift), wave) for shift in range(-3, 4)]
    assert int(np.argmax(match)) == 3  # shift 0
    assert np.corrcoef(decoded, wave)[0, 1] > 0.98


def test_streams_are_what_the_loaders_expect(tmp_path):
    write_clip(tmp_path / "clip.mp4", flash(fps=20, count=32, at=5))
    with av.open(str(tmp_path / "clip.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt, video.average_rate) == (
            "h264",
            "yuv420p",
            20,
        )
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", SAMPLE_RATE, 1)
        keys = [
            packet.pts for packet in container.demux(video) if packet.is_keyframe and packet.size
        ]
    assert max(np.diff(keys), default=0) * video.time_base * 20 <= GOP and len(keys) >= 3


def test_same_clip_same_bytes_and_no_leftovers(tmp_path):
    # real content: on it, one of x264's rate controls gives another file from run to run
    clip = MiniUCF().draw(MiniUCF().items("ci")[2])
    written = set()
    for _ in range(8):
        write_clip(tmp_path / "clip.mp4", clip)
        written.add((tmp_path / "clip.mp4").read_bytes())
    assert len(written) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_lower_crf_costs_more_bytes(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (16, 64, 64, 3)).astype(np.uint8)
    sizes = []
    for crf in (18, 23, 28):
        clip = replace(flash(fps=20, count=16, at=5), frames=frames, crf=crf)
        write_clip(tmp_path / "clip.mp4", clip)
        sizes.append((tmp_path / "clip.mp4").stat().st_size)
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 1.2 * sizes[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": np.zeros((32, 64, 64), np.uint8)}, "uint8"),
        ({"frames": np.zeros((32, 63, 64, 3), np.uint8)}, "even sides"),
        ({"wave": np.zeros(100, np.float32)}, "25600"),
        ({"wave": np.full(25_600, 1.5, np.float32)}, "scale"),
    ],
)
def test_a_clip_that_breaks_the_contract_is_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        write_clip(tmp_path / "clip.mp4", replace(flash(fps=20, count=32, at=5), **change))
    assert list(tmp_path.iterdir()) == []


def test_a_sound_alone_is_written_to_the_sample(tmp_path):
    wave = np.random.default_rng(0).uniform(-1, 1, 12_345).astype(np.float32)
    for _ in range(2):
        write_clip(tmp_path / "a.wav", MiniClip(wave=wave, latents={}))
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (
        SAMPLE_RATE,
        1,
        "PCM_16",
        12_345,
    )
    assert (tmp_path / "a.wav").stat().st_size == 44 + 2 * 12_345  # plain header, no dates or names
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav"), wave, atol=1.01 / 2**15)


def test_suffix_and_frames_must_agree(tmp_path):
    clip = flash(fps=20, count=32, at=5)
    with pytest.raises(ValueError, match="planned for a clip with frames"):
        write_clip(tmp_path / "a.wav", clip)
    with pytest.raises(ValueError, match=r"\.wav holds a sound alone"):
        write_clip(tmp_path / "a.mp4", replace(clip, frames=None))
    with pytest.raises(ValueError, match="float64"):
        write_clip(tmp_path / "a.wav", MiniClip(wave=np.zeros(9), latents={}))
    assert list(tmp_path.iterdir()) == []
