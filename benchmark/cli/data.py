"""`bench data`: generate miniatures, check what lies on disk, find faces (landmarks.py)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import names
from benchmark.cli.calibrate import calibrate
from benchmark.cli.landmarks import landmarks
from benchmark.cli.output import show_table
from benchmark.cli.pack import pack
from benchmark.cli.run import FollowLinks
from benchmark.paths import cache_dir
from registries import plugins
from registries.errors import NotReadyError, UsageError, VerificationError, unknown
from registries.source_text import card

app = typer.Typer(
    help="Generate miniatures, prepare and check datasets.",
    no_args_is_help=True,
    add_completion=False,
)
app.command()(calibrate)
app.command()(landmarks)
app.command()(pack)
SHOWN = 20  # problems printed one by one
DECODED = 32  # samples decoded by default; chosen: seconds on one core


class TierName(StrEnum):
    """Sizes of a miniature: for tests, for a try, for numbers."""

    CI = "ci"
    SMALL = "small"
    BASE = "base"


Tier = Annotated[TierName, typer.Option(help="Size of the miniature.")]


@app.command()
def miniature(
    name: Annotated[list[str], typer.Argument(help="Miniatures (mini-lrw, ...) or all.")],
    *,
    tier: Tier = TierName.BASE,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; all cores if left out.")
    ] = None,
) -> None:
    """Generate miniatures into the cache (BENCH_CACHE); an interrupted one carries on."""
    from benchmark.data.miniature import build

    for each in _miniatures(name):
        typer.echo(build.ensure(each, tier=tier.value, cache=cache_dir(), jobs=jobs))


@app.command()
def audit(
    name: Annotated[str, typer.Argument(help="A miniature, for example mini-lrw.")],
    *,
    tier: Tier = TierName.BASE,
) -> None:
    """Measure whether a generated miniature can be solved by a shortcut. Exit 5 where it can."""
    root = _generated(name, tier)
    from benchmark.data.miniature.audit import audit as measure

    results = measure(name, root)
    for result in results:
        typer.echo(result.line().rstrip())
    failed = [result.check for result in results if result.passed is False]
    if failed:
        raise VerificationError(
            f"{name} ({tier.value}): {len(failed)} of {len(results)} checks failed: "
            f"{', '.join(failed)}. Scores on this set would not mean what they say."
        )


@app.command()
def verify(
    name: Annotated[str, typer.Argument(help="A dataset (with --root) or a miniature.")],
    *,
    root: Annotated[
        Path | None,
        typer.Option(
            help="Its root, in the owners' layout, or its manifest; a miniature's is known."
        ),
    ] = None,
    tier: Tier = TierName.BASE,
    decode: Annotated[int, typer.Option(min=0, help="Samples to decode; 0 means all.")] = DECODED,
    follow_links: FollowLinks = False,
) -> None:
    """Compare files with the manifest: counts, sizes, hashes, decoding. Exit 5 on a difference."""
    found = (
        _verify_dataset(name, root, decode=decode or None, follow_links=follow_links)
        if root is not None
        else _verify_miniature(name, tier)
    )
    _list_problems(
        name,
        found,
        "Fetch the named files again, or generate the miniature again after removing its folder.",
    )
    typer.echo(f"{name}: sound")


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="A dataset, for example vggsound.")],
    *,
    root: Annotated[Path, typer.Option(help="Its root, in the owners' layout, or its archives.")],
    override: Annotated[
        list[str] | None,
        typer.Option("-o", help="key=value: an option of the dataset. Repeatable."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Manifest, .arrow or .csv; both beside the data if not given."),
    ] = None,
    follow_links: FollowLinks = False,
) -> None:
    """Unpack a dataset, count it, open every file, look for doubles, write its manifest.

    Nothing is fetched: where something is not there, it says from whom to get it. Exit 5 where
    files do not open or are in two splits; the manifest is written without the former.
    """
    from benchmark import config
    from benchmark.data.prepare import prepare as make_ready

    options = config.override({}, tuple(override or ()))
    found = make_ready(name, root, options=options, out=out, follow_links=follow_links)
    show_table([{"what": key, "found": text} for key, text in found.facts.items()])
    _list_problems(
        name,
        list(found.problems),
        f"The manifest {found.written[0]} is written. Fetch files that do not open again; scores "
        "on data with the same file in two splits are too good.",
    )


def _list_problems(name: str, found: list[str], advice: str) -> None:
    """Print the first problems; raise VerificationError with `advice` where there are any."""
    for line in found[:SHOWN]:
        typer.echo(line)
    if found:
        rest = f" (the first {SHOWN} are shown)" if len(found) > SHOWN else ""
        raise VerificationError(f"{name}: {len(found)} problem(s){rest}. {advice}")


def _miniatures(values: list[str]) -> tuple[str, ...]:
    """Known miniatures, `all` spelt out."""
    from benchmark.data.miniature.build import SETS

    chosen: dict[str, None] = {}
    for value in names.split(values):
        if value != "all" and value not in SETS:
            raise unknown("miniature", value, [*SETS, "all"])
        chosen.update(dict.fromkeys(SETS if value == "all" else [value]))
    return tuple(chosen)


def _verify_miniature(name: str, tier: TierName) -> list[str]:
    from benchmark.data.miniature import build

    return build.verify(_generated(name, tier))


def _generated(name: str, tier: TierName) -> Path:
    """Folder of a miniature that has been generated before."""
    from benchmark.data.miniature import build

    _refuse_dataset(name)
    folder = build.folder(_miniatures([name])[0], tier=tier.value, cache=cache_dir())
    if not folder.is_dir():
        raise NotReadyError(
            f"{name} ({tier}) has not been generated: {folder} does not exist. "
            f"`bench data miniature {name} --tier {tier}` generates it."
        )
    return folder


def _refuse_dataset(name: str) -> None:
    """A dataset of the owners' cannot be checked without its root."""
    datasets = {card(task).get("dataset") for task in plugins.available("tasks").values()}
    if name in datasets:
        raise UsageError(
            f"`bench data verify {name}` needs --root: the folder the dataset lies in."
        )


def _verify_dataset(name: str, root: Path, *, decode: int | None, follow_links: bool) -> list[str]:
    from benchmark.data import adapters
    from benchmark.data.manifest import Manifest
    from benchmark.data.verify import counts, of_expected, problems

    if root.is_file():
        Manifest.read(root, anew=True)
    elif not root.is_dir():
        raise NotReadyError(
            f"--root {root} is no folder and no file. Give the folder the dataset lies in, or a "
            "manifest of it that `bench data prepare` has written."
        )
    manifest = adapters.read(name, root)
    show_table(
        [
            {"split": split, "samples": str(count), "of": of_expected(manifest)}
            for split, count in counts(manifest).items()
        ]
    )
    return list(problems(manifest, decode=decode, follow_links=follow_links))
