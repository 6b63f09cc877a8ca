"""SLURM through submitit: a job an encoder; `-L cluster=local` runs the same jobs as processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.launch.worker import Requeued
from benchmark.parallel import Unit
from registries.errors import NotReadyError, UsageError

# the names of SLURM's own options that submitit spells otherwise
SHORT = {
    "partition": "slurm_partition",
    "account": "slurm_account",
    "qos": "slurm_qos",
    "constraint": "slurm_constraint",
    "gpus": "gpus_per_node",
    "cpus": "cpus_per_task",
    "time": "timeout_min",
}
DEFAULTS: Mapping[str, Any] = {"name": "bench", "timeout_min": 24 * 60}  # chosen


class SlurmFarm:
    """folder: for submitit's scripts and logs, on the disk that all machines share.

    options: `cluster`, the keys of SHORT (time in minutes), and any of submitit's own. Raises
    NotReadyError without submitit, UsageError for an option that it does not know and where there
    is no SLURM.
    """

    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        try:
            import submitit
        except ImportError as error:
            raise NotReadyError(
                "--launcher slurm needs submitit, which is not installed: "
                "pip install 'avssl-bench[slurm]'"
            ) from error
        chosen: dict[str, Any] = {SHORT.get(name, name): _value(o) for name, o in options.items()}
        cluster = chosen.pop("cluster", "slurm")
        try:
            self.executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
            self.executor.update_parameters(**{**DEFAULTS, **chosen})
        except (RuntimeError, ValueError, NameError, TypeError, AssertionError) as error:
            raise UsageError(
                f"--launcher slurm: submitit refuses {dict(options) or 'to start'}: {error}. "
                f"Known for -L: cluster (slurm, local), {', '.join(SHORT)}, and submitit's own "
                "parameters (slurm_...)."
            ) from error

    def submit(self, unit: Unit, cache: str) -> _SlurmJob:
        """One job."""
        return _SlurmJob(self.executor.submit(Requeued(), unit, cache))


class _SlurmJob:
    def __init__(self, job: Any) -> None:  # noqa: ANN401 - submitit is optional
        self.job = job
        self.name = f"job {job.job_id}"

    def over(self) -> bool:
        return bool(self.job.done())

    def lost(self) -> str | None:
        error = self.job.exception()
        if error is None:
            return None if self.job.result() else "it was stopped"
        last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        return f"{last[0]} (log {self.job.paths.stderr})"

    def cancel(self) -> None:
        self.job.cancel(check=False)


def _value(text: str) -> int | str:
    return int(text) if text.isdecimal() else text
