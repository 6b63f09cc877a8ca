"""Write one drawn clip as H.264 + AAC, or a sound alone as PCM: the formats of the owners' files.

The two streams start together when they are decoded with their timestamps: the AAC encoder delays
the sound by its priming (1,024 samples), the container records it in an edit list, and the reader
drops it again. The bytes depend on the clip alone: one thread, no dates, no encoder names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

from benchmark.data.miniature.clip import SAMPLE_RATE, MiniClip

GOP = 12  # frames between key frames; chosen: a seek costs at most a dozen small frames
AUDIO_BITS = 64_000  # bit/s; chosen: transparent for 16 kHz mono, 26 KB for 3.2 s
BLOCK = 1024  # samples in one AAC frame (ISO/IEC 14496-3)
SOUND = ".wav"  # suffix of a clip without frames; every other suffix is a video's


def write_clip(path: Path, clip: MiniClip) -> None:
    """Encode `clip` to `path` (.mp4): libx264 yuv420p at `clip.crf`, AAC 16 kHz mono.

    A clip without frames becomes a .wav: 16 kHz mono, 16 bit. Written under a temporary name and
    renamed, so a file that exists is complete (not fsynced: clips can be made again, and the
    builder compares sizes). The same clip gives the same bytes. Raises ValueError where frames,
    wave or suffix break the contract of `MiniClip`.
    """
    _check(path, clip)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the process id keeps two writers apart; without a media suffix no reader picks it up
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if clip.frames is None:
            # named, as the temporary name has no suffix to tell the format by
            soundfile.write(temporary, clip.wave, SAMPLE_RATE, subtype="PCM_16", format="WAV")
        else:
            _encode(temporary, clip, clip.frames)
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _check(path: Path, clip: MiniClip) -> None:
    """Raise ValueError where shapes, types, lengths or the suffix do not fit."""
    frames, wave = clip.frames, clip.wave
    if (frames is None) != (path.suffix == SOUND):
        kind = "a sound alone" if frames is None else "a clip with frames"
        raise ValueError(
            f"{path.name} is planned for {kind}; {SOUND} holds a sound alone, .mp4 frames and sound"
        )
    expected = len(wave) if frames is None else _expected(frames, clip.fps)
    if wave.shape != (expected,) or wave.dtype != np.float32:
        raise ValueError(f"wave is {wave.dtype} {wave.shape}; draw float32 ({expected},)")
    if not np.isfinite(wave).all() or np.abs(wave).max(initial=0.0) > 1:
        raise ValueError("wave leaves [-1, 1] or is not finite; scale it before it is returned")


def _expected(frames: np.ndarray, fps: int) -> int:
    """Samples that belong to `frames`. Raises ValueError where they cannot be encoded."""
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
        raise ValueError(f"frames are {frames.dtype} {frames.shape}; draw uint8 (T, H, W, 3)")
    if frames.shape[1] % 2 or frames.shape[2] % 2:
        raise ValueError(f"frames of {frames.shape[1:3]} pixels; yuv420p needs even sides")
    return round(len(frames) * SAMPLE_RATE / fps)


def _encode(path: Path, clip: MiniClip, frames: np.ndarray) -> None:
    """Encode and multiplex both streams, sound interleaved with the pictures by the container."""
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", container_options=options) as container:
        x264 = {"crf": str(clip.crf), "threads": "1", "flags": "+bitexact", "preset": "fast"}
        # macroblock-tree rate control with B-frames gives other bytes from run to run at 112 px,
        # even on one thread (measured: 12 encodings, 8 different files; with mbtree=0 one)
        x264["x264-params"] = "mbtree=0"
        video = container.add_stream("libx264", rate=clip.fps, options=x264)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt, video.gop_size = "yuv420p", GOP
        video.time_base = Fraction(1, clip.fps)
        audio = container.add_stream(
            "aac", rate=SAMPLE_RATE, layout="mono", options={"flags": "+bitexact"}
        )
        audio.bit_rate = AUDIO_BITS
        for index, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, clip.fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for block in _blocks(clip.wave):
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def _blocks(wave: np.ndarray) -> Iterator[av.AudioFrame]:
    """Cut the wave into AAC blocks with timestamps in samples; only the last one may be short."""
    for start in range(0, len(wave), BLOCK):
        part = np.ascontiguousarray(wave[None, start : start + BLOCK])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        yield frame


def read_clip(path: Path) -> tuple[np.ndarray, np.ndarray, float]:
    """Decode a whole file: frames (T, H, W, 3) uint8, wave (N,), seconds per frame.

    Both are placed by their timestamps: frame 0 and sample 0 are at 0 s; what the container says
    lies before 0 is dropped, and the sound is cut or padded with zeros to the length of the
    pictures.
    """
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        video.thread_count = 1
        pictures = [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video)]
    step = float(1 / video.average_rate)
    wave = np.zeros(round(len(pictures) * step * SAMPLE_RATE), np.float32)
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[0]):
            sound = frame.to_ndarray().reshape(-1)
            start = round(frame.time * SAMPLE_RATE)
            low, high = max(start, 0), min(start + len(sound), len(wave))
            if high > low:
                wave[low:high] = sound[low - start : high - start]
    pictures.sort(key=lambda pair: pair[0])
    return np.stack([image for _, image in pictures]), wave, step


def read_sound(path: Path) -> np.ndarray:
    """Decode a whole .wav of a miniature: (N,) float32, mono."""
    wave, _ = soundfile.read(path, dtype="float32")
    return wave
