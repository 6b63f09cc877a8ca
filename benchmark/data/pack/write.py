"""Make a pack: shard after shard, clips coded in several processes, written in their own order.

What is in a shard depends on the samples alone, not on how many processes there are or how often
the work was interrupted: a shard ends with the clip that makes it larger than `SHARD`. Each takes
its name when it is whole, and a note of what is in it follows; what has a note is not made again.
A clip is decoded whole, in memory: list an hour of film as segments.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from benchmark import disk
from benchmark.data.crops import CropRecipe, choose_crop
from benchmark.data.isolated import Lost, ask
from benchmark.data.manifest import Manifest
from benchmark.data.opened import Sample
from benchmark.data.pack.clip import Difference, Done, Job, pack_clip
from benchmark.data.pack.facts import (
    CARD,
    Bad,
    PackFacts,
    Reading,
    ShardFacts,
    facts_of,
    folder_of,
    read_facts,
)
from benchmark.data.pack.identity import contents, names
from benchmark.data.pack.index import FILE, Index
from benchmark.data.pack.shard import ShardWriter
from benchmark.data.store import BadFile, check_bad
from benchmark.results.atomic import write_over
from benchmark.settings import Pack
from registries.errors import NotReadyError

SHARD = 256 * 2**20  # bytes; chosen: large enough to be read at full speed, made in minutes
MEASURED = 32  # clips, spread evenly, of which it is said what coding changes; chosen
LIMIT = 600.0  # s for one clip; chosen: each of its two readings may take container.LIMIT
Progress = Callable[[int, int], None]


def pack(
    manifest: Manifest,
    *,
    size: int,
    crop: CropRecipe | str,
    how: Pack,
    packs: Path,
    sample_rate: int = 16_000,
    jobs: int | None = None,
    progress: Progress | None = None,
    max_bad: float = 0.01,  # chosen: more is a broken copy, not stray files
) -> tuple[Path, PackFacts]:
    """Pack every sample of a manifest once, or what is missing of an earlier attempt.

    size, crop: as `ClipDataset`. packs: the folder of packs. jobs: processes, None for all cores;
    1: this one. progress: called with (samples done, samples). Returns the pack's folder and what
    is in it. Raises NotReadyError where more than `max_bad` of the samples are unreadable, and
    where another process is at it; DiskFullError.
    """
    packing = Packing.of(manifest, size, crop, how, packs=packs, sample_rate=sample_rate)
    folder = packing.folder
    with disk.explained(packs):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock", timeout=0):
                return folder, packing.run(jobs, progress or (lambda done, total: None), max_bad)
        except Timeout as error:
            raise NotReadyError(
                f"{folder}: another process is packing there; wait for it, or end it first"
            ) from error


@dataclass(frozen=True)
class Packing:
    """One pack in the making. identities: names and contents of the samples, uint64 (N,)."""

    manifest: Manifest
    crop: CropRecipe
    reading: Reading
    identities: tuple[np.ndarray, np.ndarray]
    folder: Path

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        size: int,
        crop: CropRecipe | str,
        how: Pack,
        *,
        packs: Path,
        sample_rate: int = 16_000,
    ) -> Packing:
        """Each sample once, and where their pack lies."""
        chosen = choose_crop(crop, manifest)
        _, first = np.unique(names(manifest, chosen), return_index=True)
        manifest = manifest.keep(np.sort(first))
        reading = Reading(chosen.key, size, sample_rate, how)
        identities = names(manifest, chosen), contents(manifest, chosen)
        folder = folder_of(packs, manifest.name, reading, identities)
        return cls(manifest, chosen, reading, identities, folder)

    def run(self, jobs: int | None, progress: Progress, max_bad: float) -> PackFacts:
        """Write what is missing, and say what there is."""
        shards, total = self._known(), len(self.manifest)
        lost = [n for n, shard in enumerate(shards) if not (self.folder / shard.file).is_file()]
        if (self.folder / CARD).is_file() and (self.folder / FILE).is_file() and not lost:
            return read_facts(self.folder)
        done = Counted(total, progress, sum(shard.stop - shard.first for shard in shards))
        for number in lost:
            first, stop = shards[number].first, shards[number].stop
            done.forget(stop - first)
            answers = done.counting(self._answers(range(first, stop), jobs))
            shards[number] = self._shard(number, first, answers, largest=None)
        first = shards[-1].stop if shards else 0
        answers = done.counting(self._answers(range(first, total), jobs))
        while first < total:
            shards.append(self._shard(len(shards), first, answers, largest=SHARD))
            first = shards[-1].stop
        return self._finish(shards, max_bad)

    def _known(self) -> list[ShardFacts]:
        """Shards that were written before, by the card or by their notes."""
        if (self.folder / CARD).is_file():
            return list(read_facts(self.folder).shards)
        known: list[ShardFacts] = []
        while (note := self._note(len(known))).is_file():
            known.append(ShardFacts.model_validate_json(note.read_bytes()))
        return known

    def _answers(self, rows: range, jobs: int | None) -> Iterator[Done]:
        """These samples packed, in order."""
        todo = Jobs(self, rows)
        if jobs == 1:
            yield from map(pack_clip, todo)
            return
        answers = ask(pack_clip, todo, jobs=jobs or os.cpu_count() or 1, limit=LIMIT)
        for position, answer in _in_order(answers):
            if isinstance(answer, Lost):
                path = self.manifest.media(rows[position])
                answer = Done(None, f"{path}: {answer.reason}; leave it out")
            yield answer

    def _shard(
        self, number: int, first: int, answers: Iterator[Done], *, largest: int | None
    ) -> ShardFacts:
        """Write one file and its note. largest: bytes after which no clip is added."""
        path, row = self.folder / f"shard-{number:05d}.arrow", first
        bad, difference = list[Bad](), Difference()
        with ShardWriter(path) as writer:
            for done in answers:
                name, content = (int(column[row]) for column in self.identities)
                if done.clip is None:
                    sample = str(self.manifest.rows["id"].iat[row])
                    bad.append(Bad(name=name, id=sample, reason=done.reason))
                else:
                    writer.write(done.clip, name=name, content=content)
                difference, row = difference.plus(done.difference), row + 1
                if largest is not None and writer.size > largest:
                    break
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        facts = ShardFacts(
            file=path.name,
            sha256=digest,
            first=first,
            stop=row,
            clips=writer.clips,
            frames=writer.frames,
            seconds=writer.seconds,
            bytes=path.stat().st_size,
            difference=difference,
            bad=tuple(bad),
        )
        write_over(self._note(number), facts.model_dump_json().encode())
        return facts

    def _finish(self, shards: list[ShardFacts], max_bad: float) -> PackFacts:
        """Index and card, in place of the notes."""
        bad = [BadFile(bad.id, bad.reason) for shard in shards for bad in shard.bad]
        check_bad(self.manifest, bad, max_bad)
        digest = self._index(shards).write(self.folder)
        side = self.crop.side(self.reading.size)
        facts = facts_of(self.manifest, side, self.reading, tuple(shards), index_sha256=digest)
        write_over(self.folder / CARD, facts.model_dump_json(indent=1).encode())
        for number in range(len(shards)):
            self._note(number).unlink(missing_ok=True)
        return facts

    def _index(self, shards: list[ShardFacts]) -> Index:
        unread = [bad.name for shard in shards for bad in shard.bad]
        name, content = self.identities
        packed = ~np.isin(name, np.array(unread, np.uint64))
        counts = [shard.clips for shard in shards]
        return Index(
            name=name[packed],
            content=content[packed],
            shard=np.repeat(np.arange(len(shards), dtype=np.uint32), counts),
            row=np.concatenate([np.arange(count, dtype=np.uint32) for count in counts]),
        )

    def _note(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}.json"


class Jobs(Sequence[Job]):
    """Some rows of what is packed, each made when it is asked for."""

    def __init__(self, packing: Packing, rows: range) -> None:
        self._packing, self._rows = packing, rows
        count = len(packing.manifest)
        spread = np.linspace(0, count - 1, min(MEASURED, count)).round().astype(int)
        self._measured = set(spread.tolist()) if packing.reading.how.codec != "raw" else set()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - Sequence's own: int or slice
        row, of = self._rows[index], self._packing
        sample = Sample(of.manifest, row, crop=of.crop, size=of.reading.size)
        how, rate = of.reading.how, of.reading.sample_rate
        return Job(sample, how, sample_rate=rate, measured=row in self._measured)


class Counted:
    """Tells how many samples are done."""

    def __init__(self, total: int, progress: Progress, done: int) -> None:
        self._total, self._progress, self._done = total, progress, done

    def forget(self, count: int) -> None:
        """So many have to be done again."""
        self._done -= count

    def counting(self, answers: Iterator[Done]) -> Iterator[Done]:
        """The same, each told when it is given."""
        for answer in answers:
            self._done += 1
            self._progress(self._done, self._total)
            yield answer


def _in_order(answers: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Sorted by their positions, which are 0, 1, 2 ... in any order."""
    waiting: dict[int, Any] = {}
    following = 0
    for position, answer in answers:
        waiting[position] = answer
        while following in waiting:
            yield following, waiting.pop(following)
            following += 1
