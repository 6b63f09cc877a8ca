"""What two records must have in common before their difference is one of objectives."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from benchmark.results.keys import flat
from benchmark.results.schema import Record

NAMED = 3  # chosen: differences that are named in full; the records have the rest


def disagreements(a: Record, b: Record, may_differ: Collection[str] = ()) -> list[str]:
    """Facts in which the two differ beside their objective, each as "fact: a's / b's".

    Backbone, precision, version of the data, the recipe without what concerns other tasks, options
    of objectives and its words on tuning. How the encoders were pretrained counts where both were:
    from scratch, the recipe's pretraining changes nothing. may_differ: facts that are let pass.
    """
    both = all(record.pretrain and record.pretrain.dataset for record in (a, b))
    ours, theirs = (_facts(record, pretrained=both) for record in (a, b))
    return differing(ours, theirs, but=may_differ)


def differing(
    ours: Mapping[str, str], theirs: Mapping[str, str], *, but: Collection[str] = ()
) -> list[str]:
    """The facts of which the two have other values, each as "fact: ours / theirs"."""
    return [
        f"{name}: {ours.get(name, 'unset')} / {theirs.get(name, 'unset')}"
        for name in dict.fromkeys([*ours, *theirs])
        if name not in but and ours.get(name) != theirs.get(name)
    ]


def settings(record: Record) -> set[str]:
    """The names of the facts by which `disagreements` tells setups apart."""
    return set(_facts(record, pretrained=record.pretrain is not None))


def told(differences: list[str]) -> str:
    """The first few, and how many more."""
    more = len(differences) - NAMED
    return "; ".join([*differences[:NAMED], *([f"and {more} more"] if more > 0 else [])])


def pretraining_text(record: Record) -> str:
    """Words for how the encoder was pretrained."""
    run = record.pretrain
    if run is None or not run.dataset:
        return "not pretrained"
    clips = "" if run.clips is None else f", {run.clips:,} clips"
    steps = "" if run.steps is None else f", {run.steps:,} steps"
    return f"{run.dataset}{clips}{steps}"


def _facts(record: Record, *, pretrained: bool) -> dict[str, str]:
    recipe = _recipe(record)
    facts = {
        "backbone": record.backbone.name,
        "precision": record.precision,
        "data": f"{record.data.dataset} version {record.data.version}",
    }
    if pretrained:
        return facts | _pretraining(record) | recipe
    return facts | {name: v for name, v in recipe.items() if not name.startswith("pretrain")}


def _pretraining(record: Record) -> dict[str, str]:
    run = record.pretrain
    assert run is not None  # asked for only where both have one
    return {
        "pretraining data": f"{run.dataset} {(run.manifest_sha256 or '')[:8]}".strip(),
        "pretraining clips": str(run.clips),
        "pretraining steps": str(run.steps),
        "pretraining batch": str(run.effective_batch),
    }


def _recipe(record: Record) -> dict[str, str]:
    """The recipe as flat entries; a record without one has its hash."""
    config = record.recipe.config
    if not config or record.task is None:
        return {"recipe": (record.recipe.sha256 or "")[:8]}
    kept = {name: value for name, value in config.items() if name not in ("objectives", "tuning")}
    tasks = kept.pop("tasks", None)
    own = tasks.get(record.task.name, {}) if isinstance(tasks, dict) else {}
    return {**dict(flat(kept)), **dict(flat({f"tasks.{record.task.name}": own}))}
