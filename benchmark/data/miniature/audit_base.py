"""What an audit is made of: a result, and a generated set read once."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.miniature.audit_features import Features, measure
from benchmark.data.miniature.store import CARD, INDEX, TRUTH
from registries.errors import NotReadyError


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """One check: what was measured, against what limit.

    passed: None where the check was not measured or only informs; `note` says which and why.
    """

    check: str
    value: float | None
    limit: str
    passed: bool | None
    note: str = ""

    def line(self) -> str:
        """One line for a terminal."""
        verdict = {True: "pass", False: "FAIL", None: "-"}[self.passed]
        value = "" if self.value is None else f"{self.value:.3f}"
        return f"{verdict:4}  {self.check:38} {value:>8}  {self.limit:24} {self.note}"


class Subject:
    """A generated set under audit: its ground truth, card and measured features."""

    def __init__(self, root: Path) -> None:
        if not (root / CARD).is_file():
            raise NotReadyError(f"{root} holds no {CARD}; generate the set before it is audited")
        self.root = root
        self.card: dict[str, Any] = json.loads((root / CARD).read_text(encoding="utf-8"))
        with (root / INDEX).open(newline="", encoding="utf-8") as file:
            self.index = list(csv.DictReader(file))
        lines = (root / TRUTH).read_text(encoding="utf-8").splitlines()
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.labels = np.array([row["label"] for row in self.rows])
        self.groups = np.array([row["group"] for row in self.rows])
        self.splits = np.array([row["split"] for row in self.rows])

    @property
    def measurable(self) -> bool:
        """Whether the tier has enough clips for statistics."""
        return self.card["tier"] != "ci"

    @cached_property
    def features(self) -> Features:
        """Measurements of every file; decodes the whole set once."""
        return measure(self.root, self.index)


def not_measured(check: str, limit: str) -> AuditResult:
    """The result of a statistical check on a tier of a few clips."""
    return AuditResult(
        check=check, value=None, limit=limit, passed=None, note="not measured at this tier"
    )
