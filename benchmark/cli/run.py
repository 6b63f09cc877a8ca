"""`bench run`: reads the options, checks every name, and hands a RunRequest to the harness."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmark import config
from benchmark.cli import names
from benchmark.plan_request import RunRequest
from registries import plugins
from registries.errors import UsageError, unknown

DATA_HELP = "ROOT of datasets, name=ROOT or name=MANIFEST of one, or miniature. May be repeated."
FollowLinks = Annotated[
    bool, typer.Option("--follow-links", help="Use files that links in a root lead to elsewhere.")
]

UNDER_TORCHRUN = "TORCHELASTIC_RUN_ID"  # set by torchrun for the processes that it starts
# of torchrun's own, those that say how many processes there are and how they meet
TORCHRUN_OPTIONS = (
    *("nproc_per_node", "nnodes", "node_rank", "master_addr", "master_port"),
    *("rdzv_backend", "rdzv_endpoint", "rdzv_id"),
)


class OnError(StrEnum):
    """What happens to the other cells when one fails."""

    CONTINUE = "continue"
    STOP = "stop"


class Launcher(StrEnum):
    """Where the cells of a run are done."""

    LOCAL = "local"
    TORCHRUN = "torchrun"
    SLURM = "slurm"
    RAY = "ray"


def run(
    *,
    objective: Annotated[
        list[str] | None, typer.Option(help="Objectives, by comma or repeated; all.")
    ] = None,
    tasks: Annotated[list[str] | None, typer.Option(help="Tasks; all, @local, @global.")] = None,
    suite: Annotated[
        str | None, typer.Option(help="A whole comparison instead; `bench list suites`.")
    ] = None,
    block: Annotated[
        list[str] | None, typer.Option(help="Of the suite, only these blocks.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="`bench list protocols`; each task's own if not given.")
    ] = None,
    data: Annotated[list[str] | None, typer.Option(help=DATA_HELP)] = None,
    follow_links: FollowLinks = False,
    pretrain_data: Annotated[str | None, typer.Option(help="Dataset to pretrain on.")] = None,
    encoders: Annotated[
        Path | None, typer.Option(help="Evaluate this encoders.pt instead of pretraining.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Budget; `bench list presets`. demo if not given.")
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="A preset of your own: .py, .json or .toml.")
    ] = None,
    backbone: Annotated[
        list[str] | None, typer.Option(help="Backbone; `bench list backbones`.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="A count (3 means 0,1,2) or a list (0,1,2). 1 if not given.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("-o", help="key=value over the recipe. Repeatable.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/runs"),
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes: for data, and for cells side by side.")
    ] = None,
    launcher: Annotated[
        Launcher, typer.Option(help="local; torchrun: processes a model; slurm, ray: jobs.")
    ] = Launcher.LOCAL,
    launch: Annotated[
        list[str] | None, typer.Option("-L", help="key=value for the launcher. Repeatable.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run cells that are done again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and stop before any work.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    on_error: Annotated[
        OnError, typer.Option(help="What happens to the other cells when one fails.")
    ] = OnError.CONTINUE,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="Python file that registers more names; executed.")
    ] = None,
) -> int:
    """Pretrain objectives once, evaluate them on tasks, and write one record a cell."""
    for path in plugin or ():
        plugins.add_file(path)
    if suite is not None:
        given: dict[str, object] = {"--objective": objective, "--tasks": tasks, "--json": json}
        given |= {"--preset": preset, "--config": config_file}
        given |= {"--protocol": protocol, "--encoders": encoders, "--backbone": backbone}
        _alone(suite, given)
    chosen = names.resolve("objectives", objective or ())
    if suite is None and bool(chosen) == bool(encoders):
        raise UsageError(
            "give either --objective (`bench list objectives` shows them) or --encoders FILE, "
            + ("not both." if chosen else "neither was given.")
        )
    roots, miniature = read_data(data or ())
    request = RunRequest(
        objectives=chosen,
        tasks=() if suite else _some("--tasks", names.resolve("tasks", tasks or ())),
        protocol=_protocol(protocol),
        data=roots,
        miniature=miniature,
        follow_links=follow_links,
        pretrain_data=pretrain_data,
        encoders=_existing(encoders),
        preset=_preset(preset, config_file),
        backbones=tuple(_backbone(name) for name in names.split(backbone or ())),
        seeds=names.seeds(seeds or "1"),
        overrides=names.assignments(option or ()),
        out=out,
        jobs=jobs,
        force=force,
        dry_run=dry_run,
        json=json,
        on_error=on_error.value,
        plugins=tuple(plugin or ()),
        launcher=launcher.value,
        launch=_launch(launcher, launch or ()),
    )
    if suite is None:
        return _started(request, partial(_execute, request))
    chosen_seeds = names.seeds(seeds) if seeds else None
    blocks = names.split(block or ())
    return _started(request, partial(_execute_suite, suite, request, blocks, chosen_seeds))


def _execute(request: RunRequest) -> int:
    from benchmark.run import execute  # torch, mmengine: only once every name is known to be right

    return execute(request)


def _execute_suite(
    suite: str, request: RunRequest, blocks: Sequence[str], seeds: Sequence[int] | None
) -> int:
    from benchmark.run_suite import execute_suite

    return execute_suite(suite, request, blocks=blocks, seeds=seeds)


def _started(request: RunRequest, work: Callable[[], int]) -> int:
    """Do the work here, as one of torchrun's processes, or become torchrun."""
    if request.launcher != "torchrun" and UNDER_TORCHRUN not in os.environ:
        return work()
    from benchmark.launch import torchrun

    if UNDER_TORCHRUN in os.environ:
        return torchrun.take_part(work)
    return torchrun.start(sys.argv[1:], request.launch)


def _launch(launcher: Launcher, values: Sequence[str]) -> dict[str, str]:
    """What `-L` gives; jobs are not started from within torchrun."""
    if values and launcher is Launcher.LOCAL:
        raise UsageError(f"-L {values[0]}: for --launcher torchrun, slurm or ray; name one.")
    if UNDER_TORCHRUN in os.environ and launcher in (Launcher.SLURM, Launcher.RAY):
        raise UsageError(f"--launcher {launcher} inside torchrun: choose one of the two.")
    pairs = [text.partition("=") for text in names.assignments(values, flag="-L")]
    options = {key: value for key, _, value in pairs}
    for key in options if launcher is Launcher.TORCHRUN else ():
        if key not in TORCHRUN_OPTIONS:
            raise unknown("option of torchrun", key, TORCHRUN_OPTIONS)
    return options


def _alone(suite: str, given: Mapping[str, object]) -> None:
    """A suite says itself what is run, on what and how."""
    if suite not in (known := config.names("suites")):
        raise unknown("suite", suite, known, hint="`bench list suites` shows them all.")
    for flag, value in given.items():
        if value:
            raise UsageError(
                f"--suite {suite} says what {flag} would; leave one of them out. --block, --seeds, "
                "--jobs, --data, -o and --out go with a suite."
            )


def read_data(values: Sequence[str]) -> tuple[dict[str, Path], bool]:
    """`["miniature"]` -> ({}, True); `["lrw=A", "B"]` -> ({"lrw": A, "": B}, False).

    A named root may be the manifest that `bench data prepare` wrote. Raises UsageError for a root
    given twice, one that is neither folder nor manifest, and miniature beside a root.
    """
    roots: dict[str, Path] = {}
    for value in values:
        if value == "miniature":
            continue
        named = re.fullmatch(r"([a-z0-9_-]+)=(.+)", value)
        name, place = (named[1], Path(named[2])) if named else ("", Path(value))
        if name in roots:
            raise UsageError(f"--data {value}: a root is already given ({roots[name]}); keep one.")
        if not place.expanduser().is_dir() and not (name and place.expanduser().is_file()):
            raise UsageError(
                f"--data {value}: {place} is not a folder. Give the root of a dataset in its "
                "owners' layout, name=FILE for a manifest that `bench data prepare` has written, "
                "or `miniature` for a generated stand-in."
            )
        roots[name] = place.expanduser()
    miniature = "miniature" in values
    if miniature and roots:
        raise UsageError(
            "--data miniature cannot be mixed with a root: their numbers must not meet in one "
            "table. Run twice, with different --out."
        )
    return roots, miniature


def _some(flag: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise UsageError(f"{flag} names nothing; give at least one name.")
    return values


def _protocol(text: str | None) -> str | None:
    """A known protocol, with its number where it takes one; the harness reads the number."""
    name = None if text is None else text.partition(":")[0]
    if name is not None and name not in (known := names.protocols()):
        raise unknown("protocol", name, known, hint="`bench list protocols` says what each does.")
    return text


def _preset(name: str | None, file: Path | None) -> str | Path:
    """A packaged preset by name, demo where nothing is given, or the file of one."""
    if file is not None:
        if name is not None:
            raise UsageError("--config is a preset of your own; leave out --preset.")
        config.load(file)  # data or an error, before anything heavy is imported
        return file
    name = name or "demo"
    if name not in (known := config.names("presets")):
        raise unknown("preset", name, known, hint="`bench list presets` shows them all.")
    return name


def _backbone(name: str) -> str:
    """A known backbone, or a dotted name of one that mmengine registers elsewhere (mmaction.X)."""
    if "." not in name and name not in (known := plugins.available("backbones")):
        raise unknown("backbone", name, known, hint="`bench list backbones` shows them all.")
    return name


def _existing(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise UsageError(
            f"--encoders {path}: no such file. Give an encoders.pt that `bench run` left, "
            "or one from elsewhere."
        )
    return path
