"""The key queue: first in, first out, for any batch size and over processes.

Run as a script it is one of two processes: RANK FOLDER.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from objectives.parts.queue import NOBODY, KeyQueue

LENGTH, DIM, BATCH, STEPS = 10, 3, 2, 4  # 16 keys of two processes: wraps around


def keys(step: int, count: int) -> torch.Tensor:
    return torch.randn(count, DIM, generator=torch.Generator().manual_seed(step))


def queue() -> KeyQueue:
    torch.manual_seed(0)
    return KeyQueue(LENGTH, DIM)


def by_age(found: KeyQueue) -> torch.Tensor:
    """Entries, the oldest first."""
    return found.entries.roll(-int(found.cursor), dims=0)


def test_starts_with_random_directions_of_nobody():
    found = queue()
    torch.testing.assert_close(found.entries.norm(dim=1), torch.ones(LENGTH))
    assert found.sources.tolist() == [NOBODY] * LENGTH
    assert int(found.cursor) == 0


@pytest.mark.parametrize(
    "sizes", [[4, 4, 4], [3, 3, 3, 3], [10], [7, 7], [1] * 13, [4, 25, 3], [0, 5]]
)
def test_holds_the_newest_keys_in_order_of_age(sizes):
    found = queue()
    stream = found.entries.clone()
    for step, size in enumerate(sizes):
        new = keys(step, size)
        found.enqueue(new)
        stream = torch.cat([stream, new])
        assert torch.equal(by_age(found), stream[-LENGTH:])


def test_wrap_around_overwrites_the_first_slots():
    found = queue()
    for step in range(3):
        found.enqueue(keys(step, 4), torch.arange(4) + 10 * step)
    assert int(found.cursor) == 2
    assert found.sources.tolist() == [22, 23, 2, 3, 10, 11, 12, 13, 20, 21]
    assert torch.equal(found.entries[:2], keys(2, 4)[2:])


def test_keys_without_sources_belong_to_nobody():
    found = queue()
    found.enqueue(keys(0, 4), torch.arange(4))
    found.enqueue(keys(1, 8))
    assert found.sources.tolist() == [NOBODY, NOBODY, 2, 3, *[NOBODY] * 6]


def test_keeps_no_graph_and_full_precision():
    found, new = queue(), keys(0, 4).requires_grad_()
    found.enqueue(2 * new)
    assert not found.entries.requires_grad
    found.enqueue(keys(1, 2).bfloat16())
    assert found.entries.dtype == torch.float32


def test_state_dict_round_trip():
    found, other = queue(), KeyQueue(LENGTH, DIM)
    found.enqueue(keys(0, 7), torch.arange(7))
    other.load_state_dict(found.state_dict())
    for each in (found, other):
        each.enqueue(keys(1, 6), torch.arange(6))
    assert torch.equal(found.entries, other.entries)
    assert torch.equal(found.sources, other.sources)
    assert torch.equal(found.cursor, other.cursor)


def test_two_processes_hold_the_queue_of_one(tmp_path):
    path = os.pathsep.join([str(Path(__file__).parents[3]), str(Path(__file__).parent)])
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__]
    workers = [subprocess.Popen([*command, str(r), str(tmp_path)], env=env) for r in range(2)]
    one = queue()
    for step in range(STEPS):
        one.enqueue(keys(step, 2 * BATCH), torch.arange(2 * BATCH) + 100 * step)
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found.keys() == one.state_dict().keys()
        assert all(torch.equal(found[name], value) for name, value in one.state_dict().items())


def main(rank: int, folder: Path) -> None:
    meeting = f"file://{folder / 'meeting'}"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    found, mine = queue(), slice(rank * BATCH, (rank + 1) * BATCH)
    for step in range(STEPS):
        sources = torch.arange(2 * BATCH) + 100 * step
        found.enqueue(keys(step, 2 * BATCH)[mine], sources[mine])
    torch.save(found.state_dict(), folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
