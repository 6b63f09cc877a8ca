"""mmaction2's own pipelines, as its configurations write them, over the clips of a manifest."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.logging import MMLogger
from torch import Tensor

from benchmark.data.manifest import Manifest
from benchmark.data.reader import probe
from registries.errors import NotReadyError
from registries.sampling import ClipSampling

WINDOW, STEP = 32, 10  # ms of a spectrogram's window (mmaction2's default) and step (ours)
BANDS = 80


class Pipelines:
    """Reads the clips that a dataset of seed 0 would, in mmaction2's ways.

    Raises NotReadyError where mmaction2 is not installed, or a WAV file beside a video is missing.
    """

    def __init__(
        self, manifest: Manifest, sampling: ClipSampling, *, size: int, margin: int
    ) -> None:
        try:
            from mmaction.datasets import transforms
        except ImportError as error:
            raise NotReadyError(
                f"mmaction2 cannot be imported ({error}), and it is what reading is compared with. "
                "It runs on Linux on x86-64; `bench doctor` says what is missing"
            ) from error
        MMLogger.get_current_instance().setLevel(logging.ERROR)  # a line a pipeline
        self._manifest, self._sampling = manifest, sampling
        self._fps = [probe(manifest.media(clip)).fps for clip in range(len(manifest))]
        short, square = (
            transforms.Resize(scale=(-1, size + 2 * margin)),
            transforms.CenterCrop(size),
        )
        shape = transforms.FormatShape("NCTHW")
        self._pictures = {
            "decord": (transforms.DecordInit(), transforms.DecordDecode(), short, square, shape),
            "pyav": (transforms.PyAVInit(), transforms.PyAVDecode(), short, square, shape),
        }
        seconds = sampling.views["video"].seconds
        self._heard = (
            transforms.AudioDecodeInit(sample_rate=16_000),
            transforms.AudioDecode(fixed_length=round(16_000 * seconds)),
            transforms.MelSpectrogram(
                window_size=WINDOW, step_size=STEP, n_mels=BANDS, fixed_length=BANDS
            ),
        )

    def decord(self, clip: int, turn: int) -> tuple[np.ndarray, None]:
        """Pictures (T, size, size, 3) by Decord."""
        return _shown(_run(self._asked(clip, turn), self._pictures["decord"])), None

    def pyav(self, clip: int, turn: int) -> tuple[np.ndarray, None]:
        """Pictures by PyAV."""
        return _shown(_run(self._asked(clip, turn), self._pictures["pyav"])), None

    def with_sound(self, clip: int, turn: int) -> tuple[np.ndarray, Tensor]:
        """Pictures by Decord, and the mel spectrogram of their sound by librosa, its logarithm."""
        found = _run(self._asked(clip, turn), (*self._pictures["decord"], *self._heard))
        return _shown(found), torch.log(torch.from_numpy(found["audios"][0]) + 1e-6)

    def _asked(self, clip: int, turn: int) -> dict[str, Any]:
        """What a pipeline is given: a file, and the numbers of its frames."""
        path, rows = self._manifest.media(clip), self._manifest.rows
        duration, fps = float(rows["stop"].iat[clip]), self._fps[clip]
        view = self._sampling.views["video"]
        drawn = self._sampling.draw(duration, np.random.default_rng([0, turn, clip]))["video"]
        step = view.seconds / view.clip_len
        times = float(drawn.start[0]) + (np.arange(view.clip_len) + 0.5) * step
        frames = np.clip((times * fps + 1e-6).astype(int), 0, round(duration * fps) - 1)
        sound = path.with_suffix(".wav")
        if not sound.is_file():
            raise NotReadyError(f"{sound} is missing; mmaction2 reads the sound of a video there")
        return {
            "filename": str(path),
            "audio_path": str(sound),
            "modality": "RGB",
            "start_index": 0,
            "frame_inds": frames,
            "clip_len": view.clip_len,
            "num_clips": 1,
        }


def _run(asked: dict[str, Any], pipeline: Sequence[Any]) -> dict[str, Any]:
    for transform in pipeline:
        asked = transform.transform(asked)
    return asked


def _shown(found: dict[str, Any]) -> np.ndarray:
    """(1, 3, T, H, W) -> (T, H, W, 3), a view."""
    pictures: np.ndarray = found["imgs"][0].transpose(1, 2, 3, 0)
    return pictures
