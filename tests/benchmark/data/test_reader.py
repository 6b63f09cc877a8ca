"""The sampling contract, on files that say when each frame and sample is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from coded_media import noise, read_code, write_video

from benchmark.data import media
from benchmark.data.reader import (
    MediaError,
    NoAudioError,
    frame_times,
    get_clip,
    probe,
    read_all,
    read_wave,
    resample,
    shown_at,
)
from registries.errors import NotReadyError

RATE = 16_000


def lag(found: np.ndarray, truth: np.ndarray) -> int:
    """Samples by which `found` comes after `truth`."""
    product = np.correlate(found, truth, mode="full")
    return int(product.argmax()) - (len(truth) - 1)


@pytest.mark.parametrize("t0", [0.0, 0.33, 1.48, 2.5, 2.999])
@pytest.mark.parametrize("fps", [25.0, 10.0, 12.5, 16.0, 40.0])
def test_frames_are_those_shown_at_the_middle_of_each_step(clip_file, t0, fps):
    clip = get_clip(clip_file, t0, dur_v=1.0, fps_out=fps)
    middle = t0 + (np.arange(round(fps)) + 0.5) / fps
    assert read_code(clip.frames) == np.floor(middle * 25 + 1e-6).astype(int).tolist()
    assert clip.video_valid.all()


@pytest.mark.parametrize("t0", [0.0, 0.33, 1.48, 2.5, 2.999])
def test_sound_has_no_lag(clip_file, t0):
    clip = get_clip(clip_file, t0, dur_a=1.0, sr=RATE)
    truth = noise(4, RATE)[round(t0 * RATE) :][:RATE]
    assert clip.wave.shape == (RATE,)
    assert clip.audio_valid.all()
    assert lag(clip.wave, truth) == 0
    assert np.corrcoef(clip.wave, truth)[0, 1] > 0.95  # AAC at its default rate


def test_sound_far_into_a_file_has_no_lag(clip_file, monkeypatch):
    monkeypatch.setattr("benchmark.data.media.SOUND_SEEK", 1.0)
    wave, there = read_wave(clip_file, 2.7, dur=1.0, sr=RATE)
    assert there.all()
    assert lag(wave, noise(4, RATE)[43_200:59_200]) == 0


def test_whole_file_holds_the_same_frames_and_samples(clip_file):
    whole = read_all(clip_file)
    assert read_code(whole.frames) == list(range(100))
    assert whole.times == pytest.approx(np.arange(101) / 25)
    clip = get_clip(clip_file, 1.3, dur_v=2.0, fps_out=10, dur_a=2.0, sr=RATE)
    index, inside = shown_at(whole.times, frame_times(1.3, dur_v=2.0, fps_out=10))
    assert np.array_equal(whole.frames[index], clip.frames)
    assert inside.all()
    assert np.array_equal(whole.wave[20_800:52_800], clip.wave)


def test_segment_counts_from_its_start(clip_file):
    part = read_all(clip_file, start=1.0, stop=2.0)
    assert read_code(part.frames) == list(range(25, 50))
    assert part.times[[0, -1]] == pytest.approx([0.0, 1.0])
    assert len(part.wave) == RATE
    between = read_all(clip_file, start=1.02, stop=1.1)
    assert read_code(between.frames) == [25, 26, 27]
    assert between.times[0] == pytest.approx(-0.02)


def test_moments_far_apart_are_jumped_to(clip_file, monkeypatch):
    monkeypatch.setattr(media, "SEEK_GAP", 0.4)
    times = np.array([2.9, 0.1, 1.5])
    with media.Media(clip_file) as opened:
        for _ in range(2):  # again: the file is open by now, and past them
            frames, valid = opened.frames(times)
            assert read_code(frames) == np.floor(times * 25 + 1e-6).astype(int).tolist()
            assert valid.all()


def test_beyond_the_file_repeats_frames_and_pads_zeros(clip_file):
    late = get_clip(clip_file, 3.8, dur_v=0.4, fps_out=25, dur_a=0.4, sr=RATE)
    assert read_code(late.frames) == [95, 96, 97, 98, 99] + [99] * 5
    assert late.video_valid.tolist() == [True] * 5 + [False] * 5
    assert not late.wave[3200 + 1024 :].any()
    early = get_clip(clip_file, -0.2, dur_v=0.4, fps_out=25, dur_a=0.4, sr=RATE)
    assert read_code(early.frames) == [0] * 5 + [0, 1, 2, 3, 4]
    assert early.video_valid.tolist() == [False] * 5 + [True] * 5
    assert early.audio_valid.tolist() == [False] * 3200 + [True] * 3200
    assert not early.wave[:3200].any()


def test_avi_counts_frames(tmp_path):
    path = write_video(
        tmp_path / "v.avi",
        stamps=np.arange(50) / 25,
        wave=noise(2, RATE),
        codecs=("libx264", "pcm_s16le"),
    )
    clip = get_clip(path, 0.4, dur_v=0.4, fps_out=25, dur_a=0.4, sr=RATE)
    assert read_code(clip.frames) == list(range(10, 20))
    assert clip.wave == pytest.approx(noise(2, RATE)[6400:12_800], abs=1e-4)
    assert read_code(read_all(path).frames) == list(range(50))


def test_variable_frame_rate_and_coarse_stamps(tmp_path):
    stamps = [0.0, 0.04, 0.2, 0.21, 0.7, 0.71, 1.5, 1.54]
    path = write_video(
        tmp_path / "v.mkv",
        stamps=stamps,
        fps=1000,
        wave=noise(1.6, RATE),
        codecs=("libx264", "pcm_s16le"),
    )
    clip = get_clip(path, 0.0, dur_v=1.5, fps_out=20, dur_a=0.5, sr=RATE)
    middle = (np.arange(30) + 0.5) / 20
    truth = np.searchsorted(stamps, middle + 1e-6, side="right") - 1
    assert read_code(clip.frames) == truth.tolist()
    late = read_wave(path, 1.0003, dur=0.5, sr=RATE)[0]  # a seek would land on a rounded stamp
    assert late == pytest.approx(noise(1.6, RATE)[16_005:24_005], abs=1e-4)


def test_time_counts_from_the_container_start(tmp_path):
    path = write_video(tmp_path / "v.mkv", stamps=5 + np.arange(50) / 25, fps=25)
    assert read_code(get_clip(path, 1.0, dur_v=0.4, fps_out=25).frames) == list(range(25, 35))


def test_resampled_sound_lies_on_the_file_grid(tmp_path):
    rate = 44_100
    time = np.arange(2 * rate) / rate
    soundfile.write(tmp_path / "a.wav", np.sin(2 * np.pi * 440 * time) * 0.5, rate, subtype="FLOAT")
    for t0 in (0.0, 0.3337, 1.2001):
        wave, there = read_wave(tmp_path / "a.wav", t0, dur=0.5, sr=RATE)
        at = (round(t0 * RATE) + np.arange(8000)) / RATE
        inner = slice(100, -100) if t0 == 0 else slice(None)  # the file's edge rings
        assert there.all()
        assert wave[inner] == pytest.approx(0.5 * np.sin(2 * np.pi * 440 * at)[inner], abs=2e-3)
    whole = resample(soundfile.read(tmp_path / "a.wav", dtype="float32")[0], old=rate, new=RATE)
    part, _ = read_wave(tmp_path / "a.wav", 0.77, dur=0.5, sr=RATE)
    assert part == pytest.approx(whole[12_320:20_320], abs=1e-6)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_sound_files(tmp_path, suffix):
    wave = np.stack([noise(1, RATE), np.zeros(RATE, np.float32)], 1)
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, wave, RATE)
    info = probe(path)
    assert (info.has_video, info.has_audio, info.sample_rate, info.duration) == (
        False,
        True,
        RATE,
        1,
    )
    found, _ = read_wave(path, 0.25, dur=0.5, sr=RATE)
    assert lag(found, wave[4000:12_000].mean(1)) == 0
    assert len(read_all(path).wave) == RATE


def test_probe(clip_file):
    info = probe(clip_file)
    assert (info.fps, info.frames, info.width, info.height) == (25.0, 100, 64, 64)
    assert info.duration == pytest.approx(4.0)
    assert info.has_video
    assert info.has_audio


def test_a_transform_sees_the_index_of_the_frame_in_the_file(clip_file):
    seen = []
    get_clip(
        clip_file, 2.0, dur_v=0.2, fps_out=25, transform=lambda image, i: seen.append(i) or image
    )
    assert seen == [50, 51, 52, 53, 54]


def damaged(clip_file: Path, tmp_path: Path, how: str) -> Path:
    path = tmp_path / "bad.mp4"
    if how == "missing":
        return path
    content = {"empty": b"", "text": b"not a video " * 99, "cut": clip_file.read_bytes()[:9000]}
    path.write_bytes(content[how])
    return path


@pytest.mark.parametrize("how", ["missing", "empty", "text", "cut"])
def test_unreadable_files_are_named(clip_file, tmp_path, how):
    path = damaged(clip_file, tmp_path, how)
    with pytest.raises(MediaError, match=r"bad\.mp4: .*(fetch|restore)"):
        get_clip(path, 0.0, dur_v=1.0)
    assert issubclass(MediaError, NotReadyError)


def test_a_file_that_ends_early_is_truncated(clip_file, tmp_path):
    import av

    whole = tmp_path / "fast.mp4"  # header first, so that the file opens without its end
    with (
        av.open(str(clip_file)) as source,
        av.open(str(whole), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    with pytest.raises(MediaError, match=r"cut\.mp4"):
        read_all(cut)
    with pytest.raises(MediaError, match=r"cut\.mp4"):
        get_clip(cut, 3.0, dur_v=1.0)


def test_sound_asked_of_a_silent_video(tmp_path):
    path = write_video(tmp_path / "silent.mp4", stamps=np.arange(10) / 25)
    assert not probe(path).has_audio
    assert len(read_all(path).wave) == 0
    with pytest.raises(NoAudioError, match=r"silent\.mp4 has no sound"):
        get_clip(path, 0.0, dur_a=0.1)


def test_real_avi_and_mp4(real_data):
    avi = sorted((real_data / "ucf101/UCF-101/BabyCrawling").glob("*.avi"))[0]
    whole = read_all(avi)
    assert len(whole.frames) == probe(avi).frames
    assert whole.times[0] == 0.0  # the decoder's own stamps start one frame late
    assert whole.wave_valid.mean() > 0.95
    grid = sorted((real_data / "grid/video/s1").glob("*.mp4"))[0]
    whole, clip = read_all(grid), get_clip(grid, 1.7, dur_v=0.5, fps_out=25, dur_a=0.5)
    index, _ = shown_at(whole.times, frame_times(1.7, dur_v=0.5, fps_out=25))
    assert np.array_equal(whole.frames[index], clip.frames)
    assert np.array_equal(whole.wave[27_200:35_200], clip.wave)
