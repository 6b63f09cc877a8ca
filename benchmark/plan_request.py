"""What one call of `bench run` asks for, as plain data. Any layer may import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One call of `bench run`. Names exist; whether data and options fit is checked later.

    data: dataset name -> root in the owners' layout; the key "" is a folder of several datasets.
    miniature: generated stand-ins were asked for by name; with neither, the harness decides.
    follow_links: files of a root may lie elsewhere, behind links.
    encoders: a file of encoders from elsewhere, evaluated instead of pretraining an objective.
    preset: the name of a packaged one, or the path of a file like one.
    overrides: the `key=value` strings of `-o`, as benchmark.config.override reads them.
    launcher, launch: where cells run, and what is asked of it, as `-L` gives it.
    """

    objectives: tuple[str, ...]
    tasks: tuple[str, ...]
    protocol: str | None = None  # None: each task's own
    data: Mapping[str, Path] = field(default_factory=dict)
    miniature: bool = False
    follow_links: bool = False
    pretrain_data: str | None = None
    encoders: Path | None = None
    preset: str | Path = "demo"
    backbones: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    overrides: tuple[str, ...] = ()
    out: Path = Path("results/runs")
    jobs: int | None = None
    force: bool = False
    dry_run: bool = False
    json: bool = False
    on_error: Literal["continue", "stop"] = "continue"
    plugins: tuple[Path, ...] = ()
    launcher: Literal["local", "torchrun", "slurm", "ray"] = "local"
    launch: Mapping[str, str] = field(default_factory=dict)
