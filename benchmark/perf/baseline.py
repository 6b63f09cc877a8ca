"""Ratios as they were, in a file that is committed, and which of today's are worse.

A ratio compares two timings of one run, so that it says the same on a busy machine and on an idle
one; times themselves are not kept. Less is better for every ratio unless it says otherwise. What is
allowed is the baseline and its tolerance, in the ratio's own unit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.results.atomic import write_over
from registries.errors import NotReadyError

Better = Literal["lower", "higher"]
Verdict = Literal["ok", "worse", "new", "gone"]


@dataclass(frozen=True)
class Ratio:
    """One number of a measurement. name: "run.glcm.data_wait".

    tolerance: by how much it may be worse than the baseline before that counts.
    """

    name: str
    value: float
    tolerance: float
    better: Better = "lower"

    @property
    def allowed(self) -> float:
        """The worst value that still passes."""
        return self.value + (self.tolerance if self.better == "lower" else -self.tolerance)

    def passes(self, value: float) -> bool:
        """Whether `value` is no worse than allowed."""
        return value <= self.allowed if self.better == "lower" else value >= self.allowed


@dataclass(frozen=True)
class Baseline:
    """Ratios by name, and how they were measured (device, preset, versions)."""

    ratios: Mapping[str, Ratio]
    setting: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """From a file. Raises NotReadyError where it is missing or is none."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            ratios = [Ratio(name=name, **row) for name, row in found["ratios"].items()]
            return cls({ratio.name: ratio for ratio in ratios}, found["setting"])
        except FileNotFoundError as error:
            raise NotReadyError(
                f"no baseline at {path}. `bench perf check --update` measures and writes one."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotReadyError(
                f"{path} is no baseline ({error}): expected one JSON object with `setting` and "
                "`ratios`. `bench perf check --update` writes it anew."
            ) from error

    def write(self, path: Path) -> None:
        """To a file, sorted, so that a change reads as one."""
        rows = {}
        for name, ratio in sorted(self.ratios.items()):
            row = asdict(ratio) | {"value": round(ratio.value, 4)}
            del row["name"]
            rows[name] = row
        content = json.dumps({"setting": dict(self.setting), "ratios": rows}, indent=1) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_over(path, content.encode())

    def renewed(self, found: Iterable[Ratio], setting: Mapping[str, Any]) -> Baseline:
        """With the ratios that were found in the place of those of the same names."""
        return Baseline({**self.ratios, **{ratio.name: ratio for ratio in found}}, setting)


@dataclass(frozen=True)
class Compared:
    """A ratio now and then; None where it was not found, or was not there."""

    name: str
    now: float | None
    baseline: float | None
    allowed: float | None
    verdict: Verdict

    @property
    def fails(self) -> bool:
        """Worse than allowed, or no longer measured."""
        return self.verdict in ("worse", "gone")


def compare(found: Iterable[Ratio], baseline: Baseline, *, asked: Iterable[str]) -> list[Compared]:
    """Each ratio of the baseline that was asked for, and each that was found, by name.

    asked: beginnings of names ("run.glcm."): what this call was to measure. A ratio of the baseline
    that begins so and was not found is `gone`; one that is not in the baseline is `new`.
    """
    values = {ratio.name: ratio.value for ratio in found}
    begins = tuple(asked)
    names = {name for name in baseline.ratios if name.startswith(begins)} | values.keys()
    return [_compared(name, values.get(name), baseline.ratios.get(name)) for name in sorted(names)]


def _compared(name: str, now: float | None, then: Ratio | None) -> Compared:
    if then is None:
        return Compared(name, now, None, None, "new")
    verdict: Verdict = "gone" if now is None else "ok" if then.passes(now) else "worse"
    return Compared(name, now, then.value, then.allowed, verdict)
