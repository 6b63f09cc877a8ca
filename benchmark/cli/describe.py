"""`bench describe NAME`: what a name stands for. Imports the one module that registers it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from benchmark import config
from benchmark.cli import names
from benchmark.cli.output import show_json, show_paragraph, show_table
from registries import plugins
from registries.errors import BenchError, unknown

Facts = dict[str, Any]


def describe(
    name: Annotated[
        str,
        typer.Argument(help="An objective, task, backbone, preset or protocol.", metavar="NAME"),
    ],
    *,
    preset: Annotated[
        str, typer.Option(help="Recipe whose backbones are counted for an objective.")
    ] = "demo",
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say what a name is: source, views, options with their defaults, parameters, licence."""
    kind = kind_of(name)
    facts = _objective(name, preset=preset) if kind == "objective" else DESCRIBE[kind](name)
    if json:
        show_json(facts)
    else:
        _show(facts)


def kind_of(name: str) -> str:
    """The kind of a name. Raises UsageError with the nearest name of any kind."""
    known: Mapping[str, Iterable[str]] = {
        "objective": plugins.available("objectives"),
        "task": plugins.available("tasks"),
        "backbone": plugins.available("backbones"),
        "preset": config.names("presets"),
        "suite": config.names("suites"),
        "protocol": names.protocols(),
    }
    for kind, entries in known.items():
        if name in entries:
            return kind
    raise unknown("name", name, {entry for entries in known.values() for entry in entries})


def _objective(name: str, *, preset: str) -> Facts:
    plugin = plugins.load("objectives", name)
    from benchmark.pretrain import HARNESS
    from registries.registry import OBJECTIVES

    cls = OBJECTIVES.module_dict[name]
    sampling = cls.sampling()
    return {
        "name": name,
        "kind": "objective",
        "version": cls.version,
        "paper": cls.paper,
        "source": plugin.source,
        "text": inspect.getdoc(cls) or "",
        "views": {view: asdict(cut) for view, cut in sampling.views.items()},
        "anchors": {anchor: asdict(place) for anchor, place in sampling.anchors.items()},
        "shortest_video_seconds": round(sampling.min_duration, 3),
        "options": _options(cls.__init__, HARNESS),
        **_terms(name),
        "parameters": _parameters(name, preset),
    }


def _terms(name: str) -> dict[str, dict[str, str]]:
    """Names of the losses and of what else is logged, as one synthetic batch shows them."""
    from registries.check_base import Subject, step

    try:
        subject = Subject.of(name)
        keys = list(step(subject.build(), subject.batch()))
    except Exception as error:  # nothing to learn, or it needs a file: not worth failing for
        return {"losses": {"not shown": str(error) or type(error).__name__}}
    minimised = [key for key in keys if "loss" in key]
    logged = [key for key in keys if "loss" not in key]
    return {"losses": {"minimised": ", ".join(minimised), "logged": ", ".join(logged)}}


def _options(function: Callable[..., Any], taken: Collection[str]) -> dict[str, str]:
    """Keywords that `-o` may set, with their defaults as written. taken: the harness sets those."""
    found = {}
    for word in inspect.signature(function).parameters.values():
        if word.name not in taken:
            required = word.default is inspect.Parameter.empty
            found[word.name] = "required" if required else repr(word.default)
    return found


def _parameters(name: str, preset: str) -> dict[str, Any]:
    """Learnable parameters under a preset's backbones: all of them, and those handed downstream."""
    try:
        from benchmark.settings import load_recipe
        from registries.registry import OBJECTIVES

        recipe = load_recipe(preset, objectives=(name,))
        options = recipe.objectives.get(name, {})
        built = OBJECTIVES.build(
            {"type": name, "video": recipe.video, "audio": recipe.audio, **options}
        )
    except (BenchError, TypeError, ValueError) as error:
        return {"preset": preset, "not_counted": str(error)}
    encoders = built.encoders()
    handed = {key: _count(encoder) for key, encoder in encoders.items()}
    inside = {id(weight) for encoder in encoders.values() for weight in encoder.parameters()}
    heads = {
        part: sum(w.numel() for w in child.parameters() if w.requires_grad and id(w) not in inside)
        for part, child in built.named_children()
    }
    heads = {part: count for part, count in heads.items() if count}
    return {"preset": preset, "trained": _count(built), "handed_down": handed, "heads": heads}


def _count(module: Any) -> int:  # noqa: ANN401 - an nn.Module; torch is not imported here
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)


def _task(name: str) -> Facts:
    plugin = plugins.load("tasks", name)
    from registries.registry import TASKS

    cls = TASKS.module_dict[name]
    return {
        "name": name,
        "kind": "task",
        "source": plugin.source,
        "text": inspect.getdoc(cls) or "",
        "card": asdict(cls.card),
        "options": _options(cls.__init__, ("self", "source")),
    }


def _backbone(name: str) -> Facts:
    plugin = plugins.load("backbones", name)
    from registries.registry import BACKBONES

    cls = BACKBONES.module_dict[name]
    return {
        "name": name,
        "kind": "backbone",
        "source": plugin.source,
        "text": inspect.getdoc(cls) or "",
        "options": _options(cls.__init__, ("self",)),
    }


def _preset(name: str) -> Facts:
    """A preset, with the suite of the same name where there is one."""
    suite = _suite(name) if name in config.names("suites") else {}
    return {
        **suite,
        "name": name,
        "kind": "preset and suite" if suite else "preset",
        "text": "\n\n".join([config.header("presets", name), *([suite["text"]] if suite else [])]),
        "recipe": config.load_packaged("presets", name),
    }


def _suite(name: str) -> Facts:
    found = config.load_packaged("suites", name)
    return {
        "name": name,
        "kind": "suite",
        "text": config.header("suites", name),
        "asked": {
            key: value for key, value in found.items() if key not in ("blocks", "hypotheses")
        },
        "blocks": found["blocks"],
        "hypotheses": found.get("hypotheses", {}),
    }


def _protocol(name: str) -> Facts:
    return {"name": name, "kind": "protocol", "text": names.protocols()[name]}


DESCRIBE: Mapping[str, Callable[[str], Facts]] = {
    "task": _task,
    "backbone": _backbone,
    "preset": _preset,
    "suite": _suite,
    "protocol": _protocol,
}


TABLES = ("options", "losses", "parameters", "card", "asked", "blocks", "hypotheses", "recipe")


def _show(facts: Facts) -> None:
    """Facts as text: the heading, the docstring, then every table that is not empty."""
    typer.echo(f"{facts['name']} ({facts['kind']})")
    for key in ("paper", "version", "source", "shortest_video_seconds"):
        if facts.get(key):
            typer.echo(f"{key.replace('_', ' ')}: {facts[key]}")
    typer.echo("")
    show_paragraph(facts["text"])
    for key in ("views", "anchors"):
        if facts.get(key):
            show_table([{key: name} | _words(values) for name, values in facts[key].items()])
            typer.echo("")
    for key in TABLES:
        if facts.get(key):
            show_table(_lines(key, facts[key]))
            if key == "options" and facts["kind"] != "backbone":
                typer.echo(f"set with -o {facts['kind']}s.{facts['name']}.OPTION=VALUE")
            typer.echo("")


def _words(values: Mapping[str, Any]) -> dict[str, str]:
    return {"": ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)}


def _lines(title: str, values: Mapping[str, Any], prefix: str = "") -> list[dict[str, str]]:
    """A nested mapping as rows, keys joined by dots as `-o` spells them."""
    rows = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += _lines(title, value, f"{prefix}{key}.")
        else:
            rows.append({title: f"{prefix}{key}", "": str(value)})
    return rows
