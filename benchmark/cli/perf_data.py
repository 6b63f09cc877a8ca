"""`bench perf data`: how quickly clips are read, beside mmaction2's pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.output import show_json, show_paragraph, show_table

if TYPE_CHECKING:
    from benchmark.perf.data import Way


def data(
    *,
    clips: Annotated[int, typer.Option(min=1, help="Clips of 10 s that are drawn.")] = 6,
    span: Annotated[
        float, typer.Option(min=0.1, max=10.0, help="Seconds that 32 frames cover.")
    ] = 3.2,
    repeats: Annotated[int, typer.Option(min=1, help="Turns that are timed.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Time reading a clip from files and packs against mmaction2's pipelines on the same files."""
    from benchmark.perf.data import measure_drawn

    ways = measure_drawn(clips=clips, span=span, repeats=repeats)
    if json:
        show_json({"clips": clips, "span": span, "ways": [way.facts() for way in ways]})
        return
    show_table([_row(way) for way in ways])
    typer.echo("")
    show_paragraph(_legend(clips, span, repeats))


def _row(way: Way) -> dict[str, str]:
    low, high = way.quartiles
    return {
        "way": way.name,
        "sound": "yes" if way.sound else "",
        "ms": f"{way.ms:.2f}",
        "x same": _ratio(way.alike),
        "quartiles": f"{_ratio(low)}-{_ratio(high)}",
        "x pictures": _ratio(way.pictures),
        "at least": "-" if way.limit is None else f"{way.limit:g}",
        "": "BELOW" if way.below else "",
    }


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _legend(clips: int, span: float, repeats: int) -> str:
    return (
        f"ms: one core, a clip of 32 frames over {span:g} s, 112 pixels, of {clips} drawn files of "
        f"10 s, 256 x 256, H.264 at 25 frames/s; with its sound as log-mel where it says so. "
        "x same: clips read while mmaction2 reads one with the same output, by Decord and, for "
        f"sound, librosa: median and quartiles of {repeats} turns; it must be `at least` so much. "
        "x pictures: while mmaction2 reads the pictures of one, whatever this way hands out."
    )
