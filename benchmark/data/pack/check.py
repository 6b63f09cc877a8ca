"""Compare the files of a pack with the hashes in its card."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from benchmark.data.pack.facts import CARD, read_facts
from benchmark.data.pack.index import FILE
from registries.errors import NotReadyError


def problems(folder: Path) -> Iterator[str]:
    """Each file that is missing or has changed, one sentence each.

    Raises NotReadyError where no complete pack is there, DamagedError for a card that is none.
    """
    if not (folder / CARD).is_file():
        raise NotReadyError(
            f"{folder} holds no complete pack; `bench data pack` without --check makes it"
        )
    facts = read_facts(folder)
    hashes = {shard.file: shard.sha256 for shard in facts.shards} | {FILE: facts.index_sha256}
    for name, sha256 in hashes.items():
        path = folder / name
        if not path.is_file():
            yield f"{path} is missing"
            continue
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                yield f"{path} differs from its hash"
