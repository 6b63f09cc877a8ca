"""`bench viz`: pictures of what encoders do, for papers and for finding out what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli import names
from benchmark.cli.run import DATA_HELP, FollowLinks, read_data
from benchmark.paths import cache_dir
from registries.errors import UsageError

if TYPE_CHECKING:
    from benchmark.viz.prepare import Ready

app = typer.Typer(help="Pictures of what encoders do.", no_args_is_help=True, add_completion=False)

Encoders = Annotated[Path | None, typer.Option(help="An encoders.pt; or --run-dir.")]
RunDir = Annotated[
    Path | None, typer.Option(help="Folder of records (--out of a run); or --encoders.")
]
Objective = Annotated[str | None, typer.Option(help="Whose encoders of --run-dir.")]
Data = Annotated[list[str] | None, typer.Option(help=DATA_HELP)]
Preset = Annotated[str, typer.Option(help="How clips are read; `bench list presets`.")]
Option = Annotated[
    list[str] | None, typer.Option("-o", help="key=value over the recipe. Repeatable.")
]
Count = Annotated[int, typer.Option("-n", min=1, help="Clips, spread over the test part.")]
Out = Annotated[Path, typer.Option(help="Folder of the pictures.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes that generate data.")]


@app.command()
def attention(
    *,
    encoders: Encoders = None,
    run_dir: RunDir = None,
    objective: Objective = None,
    task: Annotated[str, typer.Option(help="A task with sight and sound.")] = "localise",
    data: Data = None,
    follow_links: FollowLinks = False,
    preset: Preset = "demo",
    option: Option = None,
    n: Count = 12,
    out: Out = Path("viz"),
    jobs: Jobs = None,
) -> None:
    """Draw where a sound is seen over frames, and write the maps, as in GLCM's figure 3."""
    path = _encoders(encoders, run_dir, objective)
    ready = _ready(
        path,
        task,
        preset=preset,
        option=option,
        data=data,
        follow_links=follow_links,
        both=True,
        jobs=jobs,
    )
    from benchmark.viz.attention import draw_attention

    picture, *maps = draw_attention(ready, count=n, out=out, report=_quiet)
    typer.echo(f"{picture} and {len(maps)} maps in {out / 'maps'}")


@app.command()
def retrieval(
    *,
    encoders: Encoders = None,
    run_dir: RunDir = None,
    objective: Objective = None,
    task: Annotated[str, typer.Option(help="A task with classes.")] = "ucf101",
    data: Data = None,
    follow_links: FollowLinks = False,
    preset: Preset = "demo",
    option: Option = None,
    n: Count = 6,
    out: Out = Path("viz"),
    jobs: Jobs = None,
) -> None:
    """Draw test clips beside the training clips most like them, as in CrissCross's figure 5."""
    path = _encoders(encoders, run_dir, objective)
    ready = _ready(
        path,
        task,
        preset=preset,
        option=option,
        data=data,
        follow_links=follow_links,
        both=False,
        jobs=jobs,
    )
    from benchmark.viz.retrieval import draw_retrieval

    (picture,) = draw_retrieval(ready, count=n, out=out, cache=cache_dir(), report=_quiet)
    typer.echo(f"{picture}")


def _encoders(encoders: Path | None, run_dir: Path | None, objective: str | None) -> Path:
    """The one file that both options come to."""
    if (encoders is None) == (run_dir is None):
        raise UsageError("give either --encoders FILE or --run-dir FOLDER, one of them.")
    if run_dir is None:
        assert encoders is not None
        if objective is not None:
            raise UsageError("--objective chooses among the encoders of --run-dir; leave it out.")
        return encoders
    from benchmark.viz.prepare import find_encoders

    return find_encoders(run_dir, objective)


def _ready(
    encoders: Path,
    task: str,
    *,
    preset: str,
    option: list[str] | None,
    data: list[str] | None,
    follow_links: bool,
    both: bool,
    jobs: int | None,
) -> Ready:
    (name,) = names.resolve("tasks", (task,))
    roots, _ = read_data(data or ())
    overrides = names.assignments(option or ())
    from benchmark.viz.prepare import prepare  # torch, mmengine: once every name is right

    return prepare(
        encoders,
        name,
        preset=preset,
        overrides=overrides,
        data=roots,
        follow_links=follow_links,
        both=both,
        jobs=jobs,
    )


def _quiet(event: dict[str, Any]) -> None:
    """Some clips take seconds; nothing is reported."""
