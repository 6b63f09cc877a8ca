"""`bench perf data`: what it takes to read a clip, in several ways from the same files.

A way hands out the pictures of a clip, 32 frames of 112 pixels, or these and the log-mel of their
sound. Each turn reads every clip by every way at the same moments, and ratios are taken within a
turn, in one thread and by its own time, so that how busy the machine is cancels. The yardsticks are
mmaction2's pipelines: Decord's, its quickest, for pictures; for sound Decord and librosa, from a
WAV file beside each video, as mmaction2 takes no sound from a video.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from benchmark.data.dataset import ClipDataset
from benchmark.data.logmel import LogMel
from benchmark.data.manifest import Manifest
from benchmark.data.pack.read import PackStore
from benchmark.data.pack.write import pack
from benchmark.data.store import FrameStore
from benchmark.perf.clock import one_thread, quartiles, seconds
from benchmark.perf.data_clips import drawn
from benchmark.perf.mmaction import Pipelines
from benchmark.settings import Pack
from registries.sampling import ClipSampling, View

FRAMES, SIZE, MARGIN = 32, 112, 8  # the anchor's; pixels cut off each side of a frame of 128
STEPS_PER_FRAME = 4  # spectrogram steps; GLCM's
CLIPS, SPAN, REPEATS, WARM_UP = 6, 3.2, 5, 1  # chosen; the span is the standard clip's
DECORD, DECORD_SOUND = "mmaction2, Decord", "mmaction2, + librosa"
FILES, FILES_SILENT, KEPT = "files", "files, pictures", "decoded files kept"
JPEG, RAW, READY = "pack, jpeg", "pack, raw", "ready tensors"
SILENT = (DECORD, "mmaction2, PyAV", FILES_SILENT)
# clips that must be read while mmaction2 reads one with the same output, at least
LIMITS = {FILES: 1.5, FILES_SILENT: 1.5, JPEG: 12.0, RAW: 12.0}
Clip = tuple[np.ndarray, Tensor | None]  # pictures (T, 112, 112, 3) uint8; log-mel (80, steps)
Read = Callable[[int, int], Clip]  # of a clip's number and a turn's


@dataclass(frozen=True)
class Way:
    """What one way to read takes.

    ms: a clip, median over turns of the mean over clips. alike: clips that it reads while mmaction2
    reads one with the same output, median and quartiles over turns. pictures: while mmaction2 reads
    the pictures of one by Decord, whatever this way hands out.
    """

    name: str
    sound: bool
    ms: float
    alike: float
    quartiles: tuple[float, float]
    pictures: float

    @property
    def limit(self) -> float | None:
        """Least that `alike` may be; None: it has none."""
        return LIMITS.get(self.name)

    @property
    def below(self) -> bool:
        """Slower than it may be."""
        return self.limit is not None and self.alike < self.limit

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"limit": self.limit, "below": self.below}


def measure_drawn(
    *, clips: int = CLIPS, span: float = SPAN, repeats: int = REPEATS
) -> tuple[Way, ...]:
    """Time every way on clips that are drawn for it."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = drawn(Path(folder) / "clips", clips)
        return measure(manifest, Path(folder), span=span, repeats=repeats)


def measure(
    manifest: Manifest, scratch: Path, *, span: float, repeats: int = REPEATS
) -> tuple[Way, ...]:
    """Time every way on the clips of a manifest. span: seconds that the 32 frames cover.

    scratch: a folder for what is packed and kept. Raises NotReadyError without mmaction2.
    """
    ways = readers(manifest, scratch, span=span)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with one_thread():
        for turn in range(WARM_UP + repeats):
            sums = dict.fromkeys(ways, 0.0)
            for clip in range(len(manifest)):
                for name, read in ways.items():
                    sums[name] += seconds(lambda read=read, clip=clip, turn=turn: read(clip, turn))  # type: ignore[misc]
            for name, total in sums.items():
                taken[name].append(total / len(manifest))
    return summarise({name: times[WARM_UP:] for name, times in taken.items()})


def summarise(taken: Mapping[str, Sequence[float]]) -> tuple[Way, ...]:
    """Ratios within turns, from the seconds of each way in each turn."""
    return tuple(_way(name, taken) for name in taken)


def _way(name: str, taken: Mapping[str, Sequence[float]]) -> Way:
    sound, own = name not in SILENT, taken[name]
    alike = _ratios(taken[DECORD_SOUND if sound else DECORD], own)
    return Way(
        name=name,
        sound=sound,
        ms=1000 * statistics.median(own),
        alike=statistics.median(alike),
        quartiles=quartiles(alike),
        pictures=statistics.median(_ratios(taken[DECORD], own)),
    )


def _ratios(theirs: Sequence[float], ours: Sequence[float]) -> list[float]:
    return [their / our for their, our in zip(theirs, ours, strict=True)]


def readers(manifest: Manifest, scratch: Path, *, span: float) -> dict[str, Read]:
    """Every way to read the clips of a manifest."""
    views = {
        "video": View(modality="video", clip_len=FRAMES, seconds=span),
        "audio": View(modality="audio", clip_len=STEPS_PER_FRAME * FRAMES, seconds=span),
    }
    both, silent = ClipSampling(views), ClipSampling({"video": views["video"]})
    files = _reader(manifest, both)
    theirs = Pipelines(manifest, both, size=SIZE, margin=MARGIN)
    ready = [files(clip, 0) for clip in range(len(manifest))]
    packs = {
        JPEG: Pack(codec="jpeg", fps=FRAMES / span),
        RAW: Pack(codec="raw"),
    }
    return {
        DECORD: theirs.decord,
        "mmaction2, PyAV": theirs.pyav,
        FILES_SILENT: _reader(manifest, silent),
        DECORD_SOUND: theirs.with_sound,
        FILES: files,
        KEPT: _reader(manifest, both, FrameStore(scratch / "frames")),
        **{
            name: _reader(manifest, both, _packed(manifest, how, scratch / "packs"))
            for name, how in packs.items()
        },
        READY: lambda clip, turn: ready[clip],
    }


def _packed(manifest: Manifest, how: Pack, folder: Path) -> PackStore:
    """The clips packed, in this process."""
    pack(manifest, size=SIZE, crop="full", how=how, packs=folder, jobs=1)
    return PackStore(folder, how, command="bench data pack")


def _reader(
    manifest: Manifest, sampling: ClipSampling, store: FrameStore | PackStore | None = None
) -> Read:
    """Reads as training does, and then does what the device would: the middle cut, log-mel."""
    dataset = ClipDataset(manifest, sampling, size=SIZE, train=True, seed=0, store=store)
    mel, heard = LogMel(), sampling.views.get("audio")

    def read(clip: int, turn: int) -> Clip:
        inputs = dataset[turn * len(dataset) + clip]["inputs"]
        pictures = inputs["video"][0, :, MARGIN:-MARGIN, MARGIN:-MARGIN].numpy()
        sound = None if heard is None else mel(inputs["audio"], steps=heard.clip_len)[0]
        return np.ascontiguousarray(pictures), sound

    return read
