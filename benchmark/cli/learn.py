"""`bench learn`: does each pretext beat guessing, and does it need to know when a sound comes?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli import names
from benchmark.cli.output import show_json, show_paragraph, show_table
from registries import plugins
from registries.errors import unknown

if TYPE_CHECKING:
    from benchmark.examine import Score
    from benchmark.learn import Answer, Learnt, Setting

SOURCES = ("miniature", "synthetic")
EVERY = 30.0  # seconds between lines that say how far training is; chosen


def learn(
    *,
    objective: Annotated[
        list[str] | None, typer.Option(help="Objectives, by comma or repeated; all.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Budget; `bench list presets`.")] = "demo",
    steps: Annotated[
        int | None, typer.Option(min=1, help="At least so many steps; the preset's if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and draws.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option("-o", help="key=value over the recipe. Repeatable.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes that generate or decode data.")
    ] = None,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="Python file that registers more names; executed.")
    ] = None,
    data: Annotated[
        str, typer.Option(help="miniature: the generated set; synthetic: drawn, in a minute.")
    ] = "miniature",
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Train each pretext on the generated set, then ask it about clips it never saw.

    Twice: with their sound as it is, and with it shifted in time. Exit code 1 where one could not
    be trained or asked; how well it scores does not matter.
    """
    for path in plugin or ():
        plugins.add_file(path)
    if data not in SOURCES:
        raise unknown("kind of clips (--data)", data, SOURCES)
    chosen = names.resolve("objectives", objective or ("all",))
    overrides = names.assignments(option or ())
    from benchmark import learn as harness  # torch, mmengine: only once every name is right
    from benchmark.pretexts import pretexts

    asked = pretexts(chosen)
    setting = harness.prepare(
        asked,
        preset=preset,
        overrides=overrides,
        steps=steps,
        seed=seed,
        jobs=jobs,
        synthetic=data == "synthetic",
    )
    return _show([_one(name, setting) for name in asked], setting, preset, json=json)


def _one(name: str, setting: Setting) -> Learnt:
    """Train and ask one objective, and say that it is done."""
    from benchmark import learn as harness

    found = harness.learn(name, setting, _Lines(name))
    typer.echo(_done(found), err=True)
    return found


def _show(found: list[Learnt], setting: Setting, preset: str, *, json: bool) -> int:
    """The table, or one object; the exit code."""
    code = 1 if any(one.failure for one in found) else 0
    if json:
        show_json(_facts(found, setting) | {"preset": preset, "exit": code})
    else:
        show_table([_row(answer) for one in found for answer in one.answers])
        typer.echo("")
        show_paragraph(_legend(found, setting, preset))
    return code


class _Lines:
    """A line on stderr every half minute of training."""

    def __init__(self, name: str) -> None:
        self.name, self.last = name, time.monotonic()

    def __call__(self, event: dict[str, Any]) -> None:
        if "step" in event and time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            typer.echo(f"{self.name}: step {event['step']} of {event['steps']}", err=True)


def _done(found: Learnt) -> str:
    if found.failure:
        return f"FAILED {found.objective}: {' '.join(found.failure.split())}"
    return f"{found.objective}: {found.steps} steps, {found.seconds:.0f} s"


def _facts(found: list[Learnt], setting: Setting) -> dict[str, Any]:
    return {
        "data": setting.data,
        "seed": setting.seed,
        "objectives": [one.facts() for one in found],
    }


def _row(answer: Answer) -> dict[str, str]:
    plain, shifted = answer.plain, answer.shifted
    verdict = _verdict(plain)
    if shifted is not None:
        verdict += f"; shifted {_verdict(shifted)}"
    return {
        "objective": answer.objective,
        "term": answer.term,
        "chance": f"{plain.chance:.3f}",
        "accuracy": f"{plain.value:.3f}",
        "shifted": "no sound" if shifted is None else f"{shifted.value:.3f}",
        "n": str(answer.clips),
        "se": f"{plain.error:.3f}",
        "verdict": verdict,
    }


def _verdict(score: Score) -> str:
    return f"{'beats chance' if score.beats else 'does not'} (z = {score.z:.1f})"


def _legend(found: list[Learnt], setting: Setting, preset: str) -> str:
    clips = max(one.clips for one in found)
    return (
        f"accuracy: on n clips held out of {setting.data['name']} ({setting.data['kind']}); "
        f"{clips} others were trained on, preset {preset}, seed {setting.seed}. shifted: with the "
        "sound of each clip rolled in time by a quarter of it to three quarters. se: standard "
        "error of guessing over n clips; of `cosine`, which stands for own against other clips, "
        "that of the difference. z: accuracy - chance in such errors; 3 and more beats chance."
    )
