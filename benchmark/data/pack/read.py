"""Clips from packs: what `ClipDataset` opens instead of media files.

A lossless pack with every frame gives what the files give, bit for bit, but for two things that
depend on where a reading begins: sums of resampled sound round differently (1e-7), and AAC's
substituted noise after media.SOUND_SEEK is another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np

from benchmark.data.container import MediaError, NoAudioError
from benchmark.data.crops import CropRecipe, choose_crop
from benchmark.data.manifest import Manifest
from benchmark.data.opened import Sample, held_inside, inside, silent_outside
from benchmark.data.pack.clip import BLOCK
from benchmark.data.pack.codec import codec_of
from benchmark.data.pack.facts import CARD, Reading, read_facts
from benchmark.data.pack.identity import content_of, contents, name_of, names
from benchmark.data.pack.index import Index
from benchmark.data.pack.shard import Shard, Stored
from benchmark.data.reader import shown_at
from benchmark.data.store import BadFile, check_bad
from benchmark.settings import Pack
from registries.errors import NotReadyError

PACKS = "packs"  # folder of them in the cache
LACKING = "not in the pack"
CHANGED = "changed since it was packed"


class PackStore:
    """Clips of the packs in a folder that were made as `how` says.

    command: what makes a pack that is missing. A sample is found by what it is and what is in it,
    so a part of what was packed is read from the same pack as the whole.
    """

    def __init__(self, folder: Path, how: Pack, *, command: str) -> None:
        self.folder, self.how, self.command = folder, how, command
        self._found: dict[str, list[OpenPack]] = {}

    def open(self, sample: Sample, *, sample_rate: int) -> PackedClip:
        """The packed clip of a sample.

        Raises NotReadyError where no pack has it, MediaError where it changed since, or could not
        be packed, or the pack is damaged.
        """
        name, reason = name_of(sample), LACKING
        for pack in self._packs(Reading(sample.crop.key, sample.size, sample_rate, self.how)):
            place = pack.place(name)
            if place is None:
                reason = pack.unread.get(name, reason)
            elif pack.same(place, sample):
                return PackedClip(pack, place, sample)
            else:
                reason = CHANGED
        if reason in (LACKING, CHANGED):
            raise self._refusal(f"{sample.path}: {reason}")
        raise MediaError(reason)

    def warm(
        self,
        manifest: Manifest,
        *,
        size: int,
        crop: CropRecipe | str = "full",
        sample_rate: int = 16_000,
        jobs: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        max_bad: float = 0.01,
    ) -> list[BadFile]:
        """Look whether every clip is in a pack; the unreadable ones come back. Decodes nothing.

        Raises NotReadyError where clips are not there, or more than `max_bad` of them were
        unreadable when they were packed.
        """
        chosen = choose_crop(crop, manifest)
        name, content = names(manifest, chosen), contents(manifest, chosen)
        reasons = np.full(len(manifest), LACKING, object)
        for pack in self._packs(Reading(chosen.key, size, sample_rate, self.how)):
            place = pack.index.places(name)
            known = (place >= 0) & (reasons != "")
            same = known & (pack.index.content[place] == content)
            reasons[known], reasons[same] = CHANGED, ""
            if pack.unread:
                for row in np.flatnonzero(place < 0):
                    reasons[row] = pack.unread.get(int(name[row]), reasons[row])
        lacking = np.flatnonzero(np.isin(reasons, [LACKING, CHANGED]))
        if len(lacking):
            first = lacking[0]
            raise self._refusal(
                f"{len(lacking)} of {len(manifest)} clips of {manifest.name} in {manifest.root} "
                f"cannot be read from a pack, first {manifest.rows['path'].iat[first]}: "
                f"{reasons[first]}"
            )
        rows = np.flatnonzero(reasons != "")
        bad = [BadFile(manifest.rows["id"].iat[row], reasons[row]) for row in rows]
        check_bad(manifest, bad, max_bad)
        if progress is not None:
            progress(len(manifest), len(manifest))
        return bad

    def _packs(self, reading: Reading) -> list[OpenPack]:
        """Packs that were made so. Raises NotReadyError where there is none."""
        if reading.key not in self._found:
            cards = sorted(self.folder.glob(f"*/{CARD}"))
            found = [card.parent for card in cards]
            same = [path for path in found if read_facts(path).reading.key == reading.key]
            if not same:
                raise self._refusal(f"no pack in {self.folder} holds {reading.text()}")
            self._found[reading.key] = [OpenPack(path) for path in same]
        return self._found[reading.key]

    def _refusal(self, found: str) -> NotReadyError:
        return NotReadyError(f"{found}. `{self.command}` packs what the run asks for.")


class OpenPack:
    """One complete pack; shards are opened when they are needed. Pickled as its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.facts, self.index = folder, read_facts(folder), Index.read(folder)
        self.unread = {bad.name: bad.reason for bad in self.facts.bad}
        self.codec = codec_of(self.facts.how)
        self._shards: dict[int, Shard] = {}
        self._same = np.zeros(len(self.index.name), bool)  # looked at before

    def __reduce__(self) -> tuple[type[OpenPack], tuple[Path]]:
        return OpenPack, (self.folder,)

    def place(self, name: int) -> int | None:
        """Place of a sample in the index, None where it is not in the pack."""
        place = int(self.index.places(np.array([name], np.uint64))[0])
        return None if place < 0 else place

    def same(self, place: int, sample: Sample) -> bool:
        """Whether a sample is what was packed; its files are looked at once."""
        if not self._same[place]:
            self._same[place] = content_of(sample) == int(self.index.content[place])
        return bool(self._same[place])

    def stored(self, place: int) -> Stored:
        """What is in a place of the index. Raises DamagedError."""
        number, row = int(self.index.shard[place]), int(self.index.row[place])
        shard = self._shard(number)
        found = shard[row]
        if found.name != int(self.index.name[place]):
            raise shard.damaged(ValueError("another clip than the index says"))
        return found

    def damaged(self, place: int, error: Exception) -> MediaError:
        """The error for a clip whose bytes are not what was written."""
        return self._shard(int(self.index.shard[place])).damaged(error)

    def _shard(self, number: int) -> Shard:
        if number not in self._shards:
            self._shards[number] = Shard(self.folder / self.facts.shards[number].file)
        return self._shards[number]


class PackedClip:
    """A packed sample; a context manager like `DirectClip`, and one that may be kept.

    Outside of its `with` block it holds nothing but its place.
    """

    def __init__(self, pack: OpenPack, place: int, sample: Sample) -> None:
        self._pack, self._place = pack, place
        self._source, self._start = sample.path, sample.start
        self._stored: Stored | None = pack.stored(place)
        self.duration = self._stored.duration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stored = None

    def frames(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `OpenClip.frames`."""
        stored = self._open()
        if not len(stored.frames):
            raise MediaError(f"{self._source} is a sound file; the views ask for video")
        index, valid = shown_at(stored.times, held_inside(times, self.duration))
        found = np.empty((len(index), stored.height, stored.width, 3), np.uint8)
        first: dict[int, int] = {}  # place where a frame was decoded
        try:
            for at, number in enumerate(index.tolist()):
                if number in first:
                    found[at] = found[first[number]]
                else:
                    self._pack.codec.image(stored.frames[number], found[at])
                    first[number] = at
        except ValueError as error:
            raise self._pack.damaged(self._place, error) from error
        return found, valid & inside(times, self.duration)

    def wave(self, t0: float, duration: float) -> tuple[np.ndarray, np.ndarray]:
        """As `OpenClip.wave`."""
        stored, rate = self._open(), self._pack.facts.sample_rate
        if not stored.has_audio:
            raise NoAudioError(
                f"{self._source} has no sound, and sound was asked for. Leave it out of the list"
            )
        # samples are counted in the file: where a segment begins between two, both are rounded
        first = round((self._start + t0) * rate) - round(self._start * rate)
        count = round(duration * rate)
        wave, valid = np.zeros(count, np.float32), np.zeros(count, bool)
        low, high = max(first, 0), min(first + count, stored.samples)
        if high > low:
            wave[low - first : high - first] = self._samples(stored, low, high)
        for begin, end in stored.heard.reshape(-1, 2).tolist():
            valid[max(begin - first, 0) : max(end - first, 0)] = True
        return silent_outside(wave, valid, t0=t0, rate=rate, duration=self.duration)

    def _samples(self, stored: Stored, low: int, high: int) -> np.ndarray:
        """Samples [low, high) of those that are stored."""
        blocks = range(low // BLOCK, -(-high // BLOCK))
        try:
            parts = [self._pack.codec.wave(stored.sound[block]) for block in blocks]
        except ValueError as error:
            raise self._pack.damaged(self._place, error) from error
        return np.concatenate(parts)[low - blocks[0] * BLOCK : high - blocks[0] * BLOCK]

    def _open(self) -> Stored:
        if self._stored is None:
            self._stored = self._pack.stored(self._place)
        return self._stored
