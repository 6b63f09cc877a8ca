"""Numbers from the papers as typed rows, each with source, conditions and damage notes."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.paths import packaged
from benchmark.report.layout import PAPERS
from benchmark.report.model import Cell, Flag, Mark
from registries.errors import NotReadyError

FLAG_WORDS = {
    "SUSPECT": Flag.SUSPECT,
    "RECONSTRUCTED": Flag.RECONSTRUCTED,
    "RESTORED": Flag.RESTORED,
}


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One number of one table. value None: not reported there. pretrain_size: clips.

    raw: what was printed; protocol: how it was evaluated, "" where the source does not say.
    """

    paper: str
    table: str
    method: str
    pretext: str
    backbone: str
    pretrain_dataset: str
    pretrain_size: int | None
    modality: str
    task: str
    metric: str
    value: float | None
    higher_is_better: bool
    raw: str
    protocol: str
    note: str

    @property
    def name(self) -> str:
        """The method without its citation: "MoCo (He et al. 2020)" -> "MoCo"."""
        return self.method.split(" (")[0]

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Damage flags of the note: SUSPECT, RECONSTRUCTED, RESTORED."""
        return tuple(
            flag for word, flag in FLAG_WORDS.items() if re.search(rf"\b{word}\b", self.note)
        )

    @property
    def source(self) -> str:
        """Paper and table."""
        return f"{self.paper} {self.table}" if self.table.startswith("Tab") else self.table

    @property
    def pretraining(self) -> str:
        """Pretraining data and its size."""
        size = "" if self.pretrain_size is None else f"{self.pretrain_size:,}"
        return f"{self.pretrain_dataset} {size}".strip()

    @property
    def frames(self) -> str:
        """Frames per evaluated clip, where one table holds several settings (CrissCross Tab. 3)."""
        found = re.search(r"\bframes=(\d+)(?:;|$)", self.note)
        return f"{found[1]} frames" if found else ""


def published_cell(row: PublishedRow) -> Cell:
    """The number of a published row as a cell."""
    return Cell(
        origin="published",
        value=row.value,
        mark=Mark.NOT_APPLICABLE if row.value is None else None,
        flags=row.flags if row.value is not None else (),
        note="; ".join(part for part in (row.protocol, _printed(row), row.note) if part),
        source=row.source,
    )


def _printed(row: PublishedRow) -> str:
    """What stands in the source, where that is not simply the number."""
    try:
        plain = float(row.raw) == row.value
    except ValueError:
        plain = not row.raw
    return "" if plain else f'printed "{row.raw}"'


def load_published(folder: Path | None = None) -> list[PublishedRow]:
    """All published numbers, in the order of the papers; default folder: the packaged one.

    Reads the file of each table; `all_seeds.csv` repeats them and is skipped.
    """
    folder = folder or packaged("results/published")
    paths = [*sorted(folder.glob("seed*.csv")), *sorted(folder.glob("peers_*.csv"))]
    if not paths:
        raise NotReadyError(f"no published numbers (seed*.csv) in {folder}; reinstall the package")
    rows = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            for line, entry in enumerate(csv.DictReader(file), start=2):
                try:
                    rows.append(_row(entry))
                except (KeyError, ValueError, TypeError) as error:
                    raise NotReadyError(
                        f"{path.name} line {line} is damaged ({error}); reinstall the package"
                    ) from error
    return rows


def _row(entry: dict[str, str]) -> PublishedRow:
    return PublishedRow(
        paper=PAPERS[entry["source_seed"]],
        table=entry["table"],
        method=entry["method"],
        pretext=entry["pretext"],
        backbone=entry["backbone"],
        pretrain_dataset=entry["pretrain_dataset"],
        pretrain_size=int(entry["pretrain_size"]) if entry["pretrain_size"] else None,
        modality=entry["modality"],
        task=entry["task"],
        metric=entry["metric"],
        value=float(entry["value"]) if entry["value"] else None,
        higher_is_better={"0": False, "1": True}[entry["higher_is_better"]],
        raw=entry["raw"],
        protocol=entry["protocol"],
        note=entry["note"],
    )
