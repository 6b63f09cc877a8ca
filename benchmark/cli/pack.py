"""`bench data pack`: a dataset's clips at training resolution, in a few large files."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import names
from benchmark.cli.output import show_table
from benchmark.cli.run import FollowLinks
from benchmark.paths import cache_dir
from benchmark.plan_request import RunRequest
from registries import plugins
from registries.errors import UsageError, VerificationError

if TYPE_CHECKING:
    from benchmark.data.pack.facts import PackFacts
    from benchmark.packing import ToPack

SHOWN = 20  # samples or files printed one by one


class CodecName(StrEnum):
    """How frames are kept."""

    JPEG = "jpeg"
    RAW = "raw"


Root = Annotated[
    Path | None, typer.Option(help="Its root, in the owners' layout; a miniature's is known.")
]
Preset = Annotated[str, typer.Option(help="Budget; `bench list presets`, or a file like one.")]
Options = Annotated[
    list[str] | None, typer.Option("-o", help="key=value over the recipe. Repeatable.")
]
Rate = Annotated[
    float | None,
    typer.Option(min=0.1, help="Frames kept a second; the preset's, all with -o pack.codec=..."),
]
Out = Annotated[
    Path | None, typer.Option(help="Folder of packs; runs look in BENCH_CACHE/packs alone.")
]
Plugins = Annotated[
    list[Path] | None, typer.Option(help="Python file that registers more names; executed.")
]


def pack(
    name: Annotated[str, typer.Argument(help="A dataset (with --root) or a miniature.")],
    *,
    root: Root = None,
    task: Annotated[str | None, typer.Option(help="Pack what this task reads.")] = None,
    preset: Preset = "demo",
    option: Options = None,
    codec: Annotated[CodecName | None, typer.Option(help="jpeg, or raw: lossless.")] = None,
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="Of jpeg; 95.")] = None,
    fps: Rate = None,
    size: Annotated[int | None, typer.Option(min=16, help="Pixels a side; the preset's.")] = None,
    crop: Annotated[str | None, typer.Option(help="full, lip, face, ...; the preset's.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; all cores.")] = None,
    out: Out = None,
    check: Annotated[bool, typer.Option("--check", help="Compare a pack with its hashes.")] = False,
    follow_links: FollowLinks = False,
    plugin: Plugins = None,
) -> None:
    """Write a dataset's clips, cropped and small, into a few large files that are read quickly.

    A run reads them with -o pack.codec=jpeg and whatever else is printed at the end. An interrupted
    pack goes on where it stopped. Exit 5 where clips could not be read, or files have changed.
    """
    for path in plugin or ():
        plugins.add_file(path)
    _check_root(name, root)
    request = RunRequest(
        objectives=(),
        tasks=names.resolve("tasks", (task,)) if task else (),
        data={name: root.expanduser()} if root else {},
        follow_links=follow_links,
        preset=Path(preset) if Path(preset).suffix else preset,
        overrides=names.assignments(option or ()),
        jobs=jobs,
    )
    from benchmark.data.pack.read import PACKS
    from benchmark.packing import to_pack

    chosen = {"codec": codec and codec.value, "quality": quality, "fps": fps}
    given = {key: value for key, value in chosen.items() if value is not None}
    for part in to_pack(name, request, size=size, crop=crop):
        part = replace(part, how=part.how.model_copy(update=given))
        folder = out or cache_dir() / PACKS
        if check:
            _check(part, folder)
        else:
            _pack(part, folder, jobs)


def _check_root(name: str, root: Path | None) -> None:
    generated = name.startswith("mini-")
    if generated and root is not None:
        raise UsageError(
            f"{name} is generated; leave out --root, or name the dataset that is there"
        )
    if not generated and root is None:
        raise UsageError(f"`bench data pack {name}` needs --root: the folder the dataset lies in.")


def _pack(part: ToPack, folder: Path, jobs: int | None) -> None:
    from benchmark.data.pack.write import pack as write

    with typer.progressbar(length=len(part.manifest), file=sys.stderr) as bar:
        place, facts = write(
            part.manifest,
            size=part.size,
            crop=part.crop,
            how=part.how,
            packs=folder,
            jobs=jobs,
            progress=lambda done, _: bar.update(done - bar.pos),
        )
    show_table([{"what": what, "found": found} for what, found in _told(place, facts).items()])
    for bad in facts.bad[:SHOWN]:
        typer.echo(f"{bad.id}: {bad.reason}")
    if facts.bad:
        raise VerificationError(
            f"{facts.dataset}: {len(facts.bad)} of {facts.samples} samples could not be read; the "
            "others are packed. Fetch their files again, or leave them out of the dataset."
        )


def _told(place: Path, facts: PackFacts) -> dict[str, str]:
    """What a pack is, for people."""
    each = facts.bytes / max(facts.clips, 1)
    source = f", {facts.bytes / facts.source_bytes:.2f} of the files" if facts.source_bytes else ""
    error = "none: lossless"
    if facts.psnr is not None:
        error = f"{facts.mean_error:.2f} of 255 on average, PSNR {facts.psnr:.1f} dB"
    how = facts.how
    options = [f"-o pack.codec={how.codec}"]
    options += [f"-o pack.quality={how.quality}"] if how.codec == "jpeg" else []
    options += [f"-o pack.fps={how.fps:g}"] if how.fps is not None else []
    return {
        "pack": str(place),
        "clips": f"{facts.clips} of {facts.samples}, {facts.frames} frames",
        "frames": facts.reading.text(),
        "size": f"{facts.bytes / 2**20:.1f} MB, {each / 1000:.0f} kB a clip{source}",
        "coding error": error,
        "use it": " ".join(options),
    }


def _check(part: ToPack, folder: Path) -> None:
    from benchmark.data.pack.check import problems
    from benchmark.data.pack.write import Packing

    place = Packing.of(part.manifest, part.size, part.crop, part.how, packs=folder).folder
    found = list(problems(place))
    for line in found[:SHOWN]:
        typer.echo(line)
    if found:
        raise VerificationError(
            f"{place}: {len(found)} of its files are not as they were written. Delete them, and "
            "give the same command without --check: it writes them anew."
        )
    typer.echo(f"{place}: sound")
