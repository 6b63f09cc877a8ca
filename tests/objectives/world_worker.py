"""Any objective on one process with a batch, and on several with a share of it each.

    config = {"type": "glcm", "video": {"type": "toy_video"}, "audio": {"type": "toy_audio"}}
    assert_world_size_does_not_matter({**config, "gather": True}, tmp_path)

in a test. It starts `python world_worker.py RANK FOLDER` for each rank; the ranks read
FOLDER/job.json. Rank r gets rows [r * B, (r + 1) * B) of a drawn batch that has the views of the
objective's own `sampling()`. Gradients are averaged over processes, as the distributed wrapper
does; every step ends with plain SGD, so that later steps see what the earlier ones left.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import toys  # noqa: F401 - registers toy_video and toy_audio
from torch import Tensor

from registries.objective import Objective
from registries.registry import OBJECTIVES
from registries.sampling import ClipSampling, ClipTimes

PATIENCE = 120  # seconds for a worker, most of them spent importing


@dataclass(frozen=True)
class Job:
    """config: of the objective, with its encoders. sampling: keywords of `sampling()`."""

    config: dict[str, Any]
    sampling: dict[str, Any] = field(default_factory=lambda: {"clip_len": 8, "seconds": 0.8})
    world: int = 2
    batch: int = 2  # clips a process
    steps: int = 2
    lr: float = 0.1
    progress: float = 0.0
    seed: int = 0
    size: tuple[int, int] = (16, 24)  # pixels


def draw_batch(
    sampling: ClipSampling,
    batch: int,
    *,
    seed: int = 0,
    mels: int = 10,
    size: tuple[int, int] = (16, 24),
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Noise in the shape of an objective's views, with times drawn by its own sampling.

    Video is (B[, N], 3, T, *size), audio (B[, N], mels, T), data_samples as the harness gives it.
    """
    noise, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    inputs = {}
    for name, view in sampling.views.items():
        clip = (3, view.clip_len, *size) if view.modality == "video" else (mels, view.clip_len)
        clips = () if view.num_clips == 1 else (view.num_clips,)
        inputs[name] = torch.randn(batch, *clips, *clip, generator=noise)
    drawn = [sampling.draw(sampling.min_duration + 2.0, rng) for _ in range(batch)]
    times = {
        name: ClipTimes(
            *(torch.stack(column) for column in zip(*(d[name] for d in drawn), strict=True))
        )
        for name in sampling.views
    }
    index = torch.arange(batch)
    return inputs, {"index": index, "id": [f"clip{i}" for i in range(batch)], "times": times}


def rows(values: Any, start: int, stop: int) -> Any:
    """The same samples of everything in a batch."""
    if isinstance(values, ClipTimes):
        return ClipTimes(*(value[start:stop] for value in values))
    if isinstance(values, Mapping):
        return {key: rows(value, start, stop) for key, value in values.items()}
    return values[start:stop]


def sampling_of(job: Job) -> ClipSampling:
    """The views for the options of the job, as the harness passes them to both."""
    method = type(build(job)).sampling
    known = inspect.signature(method).parameters
    return method(**{k: v for k, v in job.config.items() if k in known}, **job.sampling)


def build(job: Job) -> Objective:
    """The objective with the weights of the seed."""
    torch.manual_seed(job.seed)
    return OBJECTIVES.build(dict(job.config))


def train(job: Job, *, rank: int = 0, world: int = 1) -> dict[str, Any]:
    """`steps` steps on this rank's share: losses of each, mean gradients of the last, state."""
    model, sampling = build(job), sampling_of(job)
    model.progress = job.progress
    share = job.batch * job.world // world
    logs = []
    for step in range(job.steps):
        inputs, samples = draw_batch(
            sampling, job.batch * job.world, seed=job.seed + 100 + step, size=job.size
        )
        begin, end = rank * share, (rank + 1) * share
        losses = model.loss(rows(inputs, begin, end), rows(samples, begin, end))
        model.zero_grad()
        sum(value for key, value in losses.items() if "loss" in key).backward()
        logs.append({key: value.detach() for key, value in losses.items()})
        for parameter in model.parameters():
            if parameter.grad is not None:
                if world > 1:
                    dist.all_reduce(parameter.grad)
                parameter.grad /= world
                parameter.data -= job.lr * parameter.grad
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {"logs": logs, "grads": grads, "state": model.state_dict()}


def run(job: Job, folder: Path) -> list[dict[str, Any]]:
    """What each of `world` processes found."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.json").write_text(json.dumps(asdict(job)), encoding="utf-8")
    here = Path(__file__)
    path = os.pathsep.join([str(here.parents[2]), str(here.parent)])
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen([sys.executable, str(here), str(rank), str(folder)], env=env)
        for rank in range(job.world)
    ]
    try:
        assert [worker.wait(timeout=PATIENCE) for worker in workers] == [0] * job.world
    finally:
        for worker in workers:
            worker.kill()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(job.world)]


def assert_world_size_does_not_matter(
    config: dict[str, Any], folder: Path, **changes: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Losses, mean gradients and state after some steps: W processes with B against one with W * B.

    A loss is compared by its mean over processes, which the distributed wrapper minimises.
    Diagnostics are not compared. changes: other fields of `Job`. Returns what the one and what the
    several found.
    """
    job = Job(config=config, **changes)
    several, one = run(job, folder / "world"), train(job)
    for step in range(job.steps):
        for key in (key for key in one["logs"][step] if "loss" in key):
            mean = torch.stack([found["logs"][step][key] for found in several]).mean()
            place = f"{key} of step {step}"
            torch.testing.assert_close(
                mean, one["logs"][step][key], rtol=1e-5, atol=1e-6, msg=place
            )
    for found in several:
        assert found["grads"].keys() == one["grads"].keys()
        for kind in ("grads", "state"):
            for name, value in one[kind].items():
                torch.testing.assert_close(
                    found[kind][name], value, rtol=1e-4, atol=1e-5, msg=f"{kind}: {name}"
                )
    return one, several


def main(rank: int, folder: Path) -> None:
    job = Job(**json.loads((folder / "job.json").read_text(encoding="utf-8")))
    meeting = f"file://{folder / 'meeting'}"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=job.world)
    torch.save(train(job, rank=rank, world=job.world), folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
