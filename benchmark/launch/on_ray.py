"""A Ray cluster: a task an encoder; without an address, one on this machine for this run."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.launch.worker import work
from benchmark.parallel import Unit
from registries.errors import NotReadyError, UsageError

OPTIONS = {
    "address": "of a cluster that runs (auto, ray://host:port)",
    "cpus": "of a job, 1",
    "gpus": "of a job, 1 where the cluster has any",
}


class RayFarm:
    """options: see OPTIONS. Ray keeps its own logs; `folder` is not used.

    Raises NotReadyError without Ray, or where the address does not answer, UsageError for an option
    that is not known.
    """

    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        try:
            import ray
        except ImportError as error:
            raise NotReadyError(
                "--launcher ray needs Ray, which is not installed: pip install 'avssl-bench[ray]'"
            ) from error
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            told = "; ".join(f"{name}: {text}" for name, text in OPTIONS.items())
            raise UsageError(f"-L {unknown[0]}: not known to --launcher ray. Known: {told}.")
        self.ray = ray
        if not ray.is_initialized():
            try:
                ray.init(
                    address=options.get("address"),
                    include_dashboard=False if "address" not in options else None,
                    log_to_driver=False,
                )
            except ConnectionError as error:
                raise NotReadyError(
                    f"no Ray cluster at {options.get('address')}: {error}. Start one with "
                    "`ray start --head`, or leave out -L address."
                ) from error
        gpus = 1.0 if ray.cluster_resources().get("GPU") else 0.0
        self.task = ray.remote(
            num_cpus=float(options.get("cpus", 1)),
            num_gpus=float(options.get("gpus", gpus)),
            max_retries=0,  # a lost job is a failure record, as everywhere
        )(work)

    def submit(self, unit: Unit, cache: str) -> _RayJob:
        """One task."""
        return _RayJob(self.ray, self.task.remote(unit, cache))


class _RayJob:
    def __init__(self, ray: Any, task: Any) -> None:  # noqa: ANN401 - Ray is optional
        self.ray, self.task = ray, task
        self.name = f"task {task.task_id().hex()[:8]}"

    def over(self) -> bool:
        return bool(self.ray.wait([self.task], timeout=0)[0])

    def lost(self) -> str | None:
        try:
            return None if self.ray.get(self.task) else "it was stopped"
        except self.ray.exceptions.RayError as error:
            return f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}"

    def cancel(self) -> None:
        with contextlib.suppress(self.ray.exceptions.RayError):
            self.ray.cancel(self.task)
