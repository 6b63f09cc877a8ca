"""Keep decoded clips on disk, so that a machine without a fast decoder decodes each clip once.

One file a clip, crop and size: cropped and resized frames at the file's own frame rate and mono
sound, read a frame at a time. `StoredClip` gives the same frames as `DirectClip`, bit for bit. A
file takes frames * size * size * 3 bytes: 3 MB for 64 frames of 128 pixels. For short clips; large
sets are read directly.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from io import FileIO
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from benchmark.data import watch
from benchmark.data.container import MediaError, NoAudioError
from benchmark.data.crops import CropRecipe, choose_crop
from benchmark.data.manifest import Manifest
from benchmark.data.opened import DirectClip, OpenClip, Sample, inside
from benchmark.data.reader import Decoded, read_all, shown_at
from benchmark.data.sound_file import SOUND_FILES
from registries.errors import NotReadyError

FORMAT = 1  # raised whenever stored bytes would change
HEADER = struct.Struct("<8sI")  # magic, length of the JSON that follows
MAGIC = b"benchfrm"
LISTED = 20  # unreadable files that an error names; chosen
PARTS = 8  # in which a worker is given its share; chosen
PROCESSES_FROM = 400  # clips; chosen: below, starting processes costs more than they save


class BadFile(NamedTuple):
    """A sample that could not be decoded."""

    id: str
    reason: str


class FrameStore:
    """Decoded clips under the folder `cache`; safe for several processes at once."""

    def __init__(self, cache: Path) -> None:
        self.folder = Path(cache)

    def open(self, sample: Sample, *, sample_rate: int) -> OpenClip:
        """The stored clip of a sample, decoded first if it is not there. Raises MediaError.

        A sound file is read directly: that costs what reading a copy would.
        """
        if sample.path.suffix.lower() in SOUND_FILES:
            return DirectClip(sample, sample_rate=sample_rate)
        path = self.path(sample, sample_rate=sample_rate)
        if not path.is_file():
            _write(path, _decode(sample, sample_rate))
        return StoredClip(path, source=sample.path)

    def path(self, sample: Sample, *, sample_rate: int) -> Path:
        """Where a sample's decoded clip lies: by content, segment, crop, size and landmarks."""
        parts = [FORMAT, sample.sha256 or _stamp(sample.path), sample.start, sample.stop]
        parts += [sample.crop.key, sample.size, sample_rate]
        if sample.crop.kind != "full" and sample.landmarks is not None:
            parts.append(_stamp(sample.landmarks))
        if sample.crop.provider == "box" and sample.box is not None:
            parts.append(sample.box.text())
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
        return self.folder / key[:2] / f"{key}.clip"

    def warm(
        self,
        manifest: Manifest,
        *,
        size: int,
        crop: CropRecipe | str = "full",
        sample_rate: int = 16_000,
        jobs: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        max_bad: float = 0.01,  # chosen: more is a broken copy, not stray files
    ) -> list[BadFile]:
        """Decode every clip before training; returns the unreadable ones.

        jobs: processes (None: all cores); threads where little is missing, as a process takes
        seconds to start. progress: called with (done, total). Raises NotReadyError where more than
        `max_bad` of the clips are unreadable.
        """
        todo = Decoding(self, manifest, choose_crop(crop, manifest), size, sample_rate)
        missing = [row for row in range(len(manifest)) if todo.lacks(row)]
        jobs = jobs or os.cpu_count() or 1
        done, bad = len(manifest) - len(missing), list[BadFile]()
        with watch.named(), _pool(jobs, len(missing)) as pool:
            step = max(1, len(missing) // (PARTS * jobs))
            parts = [missing[at : at + step] for at in range(0, len(missing), step)]
            pending = {pool.submit(todo, part): len(part) for part in parts}
            try:
                for future in as_completed(pending):
                    bad += future.result()
                    done += pending[future]
                    if progress is not None:
                        progress(done, len(manifest))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        check_bad(manifest, bad, max_bad)
        return sorted(bad)


@dataclass(frozen=True)
class Decoding:
    """Rows of a manifest to be decoded into a store, in whatever process."""

    store: FrameStore
    manifest: Manifest
    crop: CropRecipe
    size: int
    sample_rate: int

    def lacks(self, row: int) -> bool:
        """Whether a row has still to be decoded; sound files are read as they are."""
        sample = self._sample(row)
        if sample.path.suffix.lower() in SOUND_FILES:
            return False
        try:
            return not self.store.path(sample, sample_rate=self.sample_rate).is_file()
        except MediaError:  # told when it is decoded
            return True

    def __call__(self, rows: Sequence[int]) -> list[BadFile]:
        """Decode rows; the unreadable ones come back."""
        bad = []
        for row in rows:
            try:
                sample = self._sample(row)
                path = self.store.path(sample, sample_rate=self.sample_rate)
                _write(path, _decode(sample, self.sample_rate))
            except MediaError as error:
                bad.append(BadFile(self.manifest.rows["id"].iat[row], str(error)))
        return bad

    def _sample(self, row: int) -> Sample:
        return Sample(self.manifest, row, crop=self.crop, size=self.size)


def _pool(jobs: int, clips: int) -> Executor:
    """Processes for many clips, threads for few."""
    if jobs == 1 or clips < PROCESSES_FROM:
        return ThreadPoolExecutor(jobs)
    return ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=watch.share, initargs=(watch.shared(),)
    )


def check_bad(manifest: Manifest, bad: Sequence[BadFile], max_bad: float) -> None:
    """Raise NotReadyError where too large a share is unreadable, with the list of them."""
    if len(bad) > max_bad * len(manifest):
        listed = "\n".join(f"  {item.reason}" for item in sorted(bad)[:LISTED])
        more = f"\n  and {len(bad) - LISTED} more" if len(bad) > LISTED else ""
        raise NotReadyError(
            f"{manifest.name}: {len(bad)} of {len(manifest)} files in {manifest.root} are "
            f"unreadable (allowed: {max_bad:.0%}):\n{listed}{more}"
        )


class StoredClip:
    """A decoded sample; a context manager like `DirectClip`, and one that may be kept.

    It holds the file's table of contents, and of the file itself nothing: each call reads the
    frames and samples it is asked for.
    """

    def __init__(self, path: Path, *, source: Path) -> None:
        self._path, self._source = path, source
        try:
            with path.open("rb") as file:
                magic, length = HEADER.unpack(file.read(HEADER.size))
                if magic != MAGIC:
                    raise ValueError("wrong magic")
                head = json.loads(file.read(length))
                count, *self._shape = head["frames"]
                self._times = np.frombuffer(file.read(8 * (count + 1)), np.float64)
                self._wave_at = file.tell()
        except (ValueError, struct.error, OSError) as error:
            raise self._damaged() from error
        self.duration, self._rate = head["duration"], head["sample_rate"]
        self._has_audio, self._samples = head["has_audio"], head["samples"]
        self._valid_at = self._wave_at + 4 * self._samples
        self._frames_at = self._valid_at + self._samples

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def frames(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `OpenClip.frames`."""
        index, valid = shown_at(self._times, np.asarray(times))
        found = np.empty((len(index), *self._shape), np.uint8)
        size = found[0].nbytes if len(found) else 0
        with self._path.open("rb", buffering=0) as file:
            for frame, number in zip(found, index.tolist(), strict=True):
                self._read(file, frame, self._frames_at + number * size)
        return found, valid & inside(times, self.duration)

    def wave(self, t0: float, duration: float) -> tuple[np.ndarray, np.ndarray]:
        """As `OpenClip.wave`."""
        if not self._has_audio:
            raise NoAudioError(
                f"{self._source} has no sound, and sound was asked for. Leave it out of the list"
            )
        first, count = round(t0 * self._rate), round(duration * self._rate)
        wave, valid = np.zeros(count, np.float32), np.zeros(count, bool)
        low, high = max(first, 0), min(first + count, self._samples)
        if high > low:
            with self._path.open("rb", buffering=0) as file:
                self._read(file, wave[low - first : high - first], self._wave_at + 4 * low)
                self._read(file, valid[low - first : high - first], self._valid_at + low)
        return wave, valid

    def _read(self, file: FileIO, into: np.ndarray, at: int) -> None:
        """Fill an array from a place of the file."""
        if os.preadv(file.fileno(), [memoryview(into).cast("B")], at) != into.nbytes:
            raise self._damaged()

    def _damaged(self) -> MediaError:
        return MediaError(f"{self._path}: a damaged file of the frame store; delete it")


def _decode(sample: Sample, sample_rate: int) -> Decoded:
    with watch.reading(sample.path):
        clip = read_all(
            sample.path,
            start=sample.start,
            stop=sample.stop,
            sr=sample_rate,
            transform=sample.transform(),
        )
    if not len(clip.frames):
        raise MediaError(f"{sample.path}: no picture to store; leave it out")
    return clip


def _write(path: Path, clip: Decoded) -> None:
    """Write under a temporary name and rename: a file that exists is complete."""
    head = {
        "frames": clip.frames.shape,
        "samples": len(clip.wave),
        "has_audio": bool(clip.has_audio),
        "duration": clip.duration,
        "sample_rate": clip.sample_rate,
    }
    text = json.dumps(head).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{id(clip)}.part")
    try:
        with temporary.open("wb") as file:
            # arrays begin at a multiple of eight bytes of the file's own mapping
            file.write(HEADER.pack(MAGIC, len(text)) + text)
            file.write(clip.times.astype(np.float64).tobytes())
            file.write(clip.wave.astype(np.float32).tobytes())
            file.write(clip.wave_valid.astype(np.bool_).tobytes())
            file.write(clip.frames.tobytes())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise NotReadyError(
            f"the frame store cannot write {path} ({error}); free some space, set BENCH_CACHE to a "
            "larger disk, or train without the store"
        ) from error


def _stamp(path: Path) -> str:
    """Identity of a file without reading it."""
    if not path.is_file():
        raise MediaError(f"{path}: the file is missing; restore it, or leave it out of the list")
    facts = path.stat()
    return f"{path.resolve()}:{facts.st_size}:{facts.st_mtime_ns}"
