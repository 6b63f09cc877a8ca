"""Who is compared: an objective, or those of its variants that have certain options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.compare.setup import differing, disagreements
from benchmark.config import override
from benchmark.results.keys import canonical, flat
from benchmark.results.schema import Record
from registries.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Side:
    """Records of an objective; options: those that they must have, with their values."""

    objective: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Side:
        """`NAME[:OPTION=VALUE[:OPTION=VALUE...]]`. Raises UsageError for an option without both."""
        name, *options = text.split(":")
        for option in options:
            key, _, value = option.partition("=")
            if not key or not value:
                raise UsageError(
                    f"{text!r}: write a variant as NAME:OPTION=VALUE, e.g. glcm:local_mil=False."
                )
        return cls(objective=name, options=override({}, tuple(options)))

    def takes(self, record: Record) -> bool:
        """Whether a record is of this objective and has these options."""
        params = record.objective.params
        return record.objective.name == self.objective and all(
            option in params and canonical(params[option]) == canonical(value)
            for option, value in self.options.items()
        )


Sides = tuple[Side, Side]


def side_of(record: Record, sides: Sides) -> int | None:
    """0 or 1; of two that take it, the one that names more options; None where none does."""
    found = [place for place, side in enumerate(sides) if side.takes(record)]
    if len(found) == 2 and len(sides[0].options) != len(sides[1].options):
        return max(found, key=lambda place: len(sides[place].options))
    return found[0] if len(found) == 1 else None


def apart(a: Record, b: Record, sides: Sides, may_differ: Collection[str]) -> list[str]:
    """What forbids a comparison; of one objective's options, those that neither side names too."""
    found = disagreements(a, b, may_differ)
    if a.objective.name != b.objective.name:
        return found
    named = {option for side in sides for option in side.options}
    ours, theirs = (
        dict(flat({k: v for k, v in record.objective.params.items() if k not in named}))
        for record in (a, b)
    )
    return found + differing(ours, theirs)
