"""Rows of the papers' tables: of a published number, and of a record that belongs beside it.

What shares a row's key stands in one row. Methods are matched by name and pretraining, ablations by
what was switched off.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmark.report.keys import row_key
from benchmark.report.layout import MODALITIES, TABLE_4_ROWS, objective_title
from benchmark.report.published import PublishedRow
from benchmark.results.schema import Record

FEATURES = {"global": "Glob.", "local": "Loc.", "all": "Glob.+Loc."}
MODALITY_OF = {"V": "v", "A": "a", "V+A": "av", "A+V": "av"}
MEASURED = "Measured here"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row before it has cells. key: what joins published and measured numbers."""

    key: tuple[str, ...]
    label: str
    details: tuple[str, ...] = ()
    section: str = ""


def task_and_modality(row: PublishedRow) -> str:
    """Label of a published column, in the words of the measured ones: "ESC50 audio"."""
    modality = MODALITY_OF[row.modality]
    return row.task if modality == "v" else f"{row.task} {MODALITIES[modality]}"


def _section(row: PublishedRow) -> str:
    found = re.search(r"(?:\bgroup=|inside the )(supervised|SSL|ours)\b", row.note)
    return {"supervised": "Supervised", "SSL": "SSL", "ours": "Ours"}[found[1]] if found else ""


def method(*details: Callable[[PublishedRow], str]) -> Callable[[PublishedRow], Line]:
    """Rows of methods: known by name, pretraining and whatever else is in their details."""

    def line(row: PublishedRow) -> Line:
        texts = tuple(detail(row) for detail in details)
        key = (row.name, row.pretraining, row.modality if row.task == "DFDC" else "", row.frames)
        # two rows of one paper may share name and pretraining: the whole method tells them apart
        plain = row.name in ("GLCM", "CrissCross", *map(objective_title, TABLE_4_ROWS))
        return Line(
            key=key if plain else (*key, row.method, row.backbone),
            label=row.method,
            details=texts,
            section=_section(row),
        )

    return line


def measured_method(*details: Callable[[Record], str]) -> Callable[[Record], Line | None]:
    """Rows of measured methods, with the same facts as `method`'s; they stand below the paper's."""

    def line(record: Record) -> Line | None:
        task = record.task
        assert task is not None  # `belongs` was asked before
        modality = {"v": "V", "a": "A", "av": "V+A"}[task.modality] if task.name == "dfdc" else ""
        label = objective_title(record.objective.name)
        return Line(
            key=(label, pretraining_of(record), modality, ""),
            label=label,
            details=tuple(detail(record) for detail in details),
            section=MEASURED,
        )

    return line


def pretraining_of(record: Record) -> str:
    """Pretraining data and clips of a record; "none" without."""
    return row_key(record).conditions.pretraining or "none"


def setting(record: Record, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """A setting of the evaluation as it was resolved for this cell ("features", "pooling")."""
    recipe = record.key_fields.get("recipe")
    return recipe.get(name) if isinstance(recipe, dict) else None


def option(record: Record, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """An option of the task ("crop")."""
    options = record.key_fields.get("options")
    return options.get(name) if isinstance(options, dict) else None


def variant(*key: str, label: str = "") -> Line:
    """A row of an ablation."""
    return Line(key=key, label=label or key[0], details=key[1:])


def frames(row: PublishedRow) -> str:
    """Frames per clip: "32"."""
    return row.frames.removesuffix(" frames")


def compute(row: PublishedRow) -> str:
    """What the paper says pretraining took: "64 GPUs"."""
    found = re.search(r"pretraining compute=([^;]+)", row.note)
    return "" if not found or found[1] == "-" else found[1]


def seen(row: PublishedRow) -> str:
    """What a published model is given: "video", "audio+video"."""
    return {"V": "video", "A": "audio", "V+A": "audio+video"}[row.modality]


def modality(record: Record) -> str:
    """What a measured model is given."""
    return MODALITIES[record.task.modality] if record.task else ""


def backbone(record: Record) -> str:
    """Name of the architecture."""
    return record.backbone.name


def objective_of_table_4(record: Record) -> Line | None:
    """Table 4: the seven objectives, however they were pretrained here."""
    name = record.objective.name
    return variant(objective_title(name), "") if name in TABLE_4_ROWS else None


def features(record: Record) -> Line | None:
    """Table 5: which features, with and without the local contrast."""
    if record.objective.name != "glcm":
        return None
    local = record.objective.params.get("local_contrast", True)
    features = FEATURES.get(str(setting(record, "features")), "")
    return variant("Ours" if local else "w/o loc.", features) if features else None


def published_features(row: PublishedRow) -> Line:
    """Table 5: "GLCM w/o local contrast, global feature" is row "w/o loc.", "Glob."."""
    _, _, feature = row.method.rpartition(", ")
    word = {
        "global feature": "Glob.",
        "local feature": "Loc.",
        "global+local feature": "Glob.+Loc.",
    }
    return variant("w/o loc." if "w/o" in row.method else "Ours", word[feature])


def mil(record: Record) -> Line | None:
    """Table 6: with and without multiple instances in the local contrast."""
    params = record.objective.params
    if record.objective.name != "glcm" or not params.get("local_contrast", True):
        return None
    return variant("Ours" if params.get("local_mil", True) else "w/o MIL")


def attention(record: Record) -> Line | None:
    """Table 7: lip or face crops, whole frames, whole frames pooled by attention."""
    if record.objective.name != "glcm":
        return None
    if option(record, "crop") != "full":
        return variant("Our best")
    attended = setting(record, "pooling") == "attention"
    return variant("Ours, attention" if attended else "Ours, full frame")


def published_attention(row: PublishedRow) -> Line:
    """Table 7: GLCM's three settings; every other method is the state of the art."""
    words = {"best": "Our best", "full": "Ours, full frame", "attention": "Ours, attention"}
    found = re.match(r"GLCM (best|full|attention)", row.method)
    return variant(words[found[1]] if found else "SOTA")


def asynchronous(record: Record) -> Line | None:
    """CrissCross Tab. 1: with and without the asynchronous loss."""
    if record.objective.name != "crisscross":
        return None
    families = record.objective.params.get("families")
    without = isinstance(families, list) and "async" not in families
    return variant("w/o L_async" if without else "w/ L_async")


def size(record: Record) -> Line | None:
    """CrissCross Tab. 2: by pretraining set."""
    return variant(pretraining_of(record)) if record.objective.name == "crisscross" else None
