"""The papers' own tables: which numbers stand where, and which records belong beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmark.report import paper_lines as lines
from benchmark.report.paper_lines import Line, variant
from benchmark.report.published import PublishedRow
from benchmark.results.schema import Record

LINEAR = ("linear", "svm")
SOUND = ("esc50", "dcase", "kinetics_sound")


@dataclass(frozen=True, kw_only=True)
class PaperTable:
    """The layout of one published table.

    published, measured: the row of a number, of a record (None: not in this table). column: label
    of a published number's column, and its group below paper and table. against: row -> the row
    whose difference the paper prints behind its numbers. sideways: tasks are rows. least: measured
    rows below which the table says nothing by itself.
    """

    paper: str
    table: str
    title: str
    tasks: tuple[str, ...]
    heads: tuple[str, ...]
    published: Callable[[PublishedRow], Line]
    measured: Callable[[Record], Line | None]
    protocols: tuple[str, ...] = ("finetune",)
    column: Callable[[PublishedRow], tuple[str, str]] = field(
        default=lambda row: ("", lines.task_and_modality(row))
    )
    against: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    sideways: bool = False
    least: int = 1

    @property
    def name(self) -> str:
        """For files and options: "glcm-t4"."""
        return f"{self.paper}-t{re.sub(r'[^0-9]', '', self.table)}".lower()

    def belongs(self, record: Record) -> bool:
        """Whether the record's task and protocol are this table's; sound is never finetuned."""
        task = record.task
        if task is None or task.name not in self.tasks:
            return False
        return task.protocol in (LINEAR if task.name in SOUND else self.protocols)


GLCM_TABLES = (
    PaperTable(
        paper="GLCM",
        table="Table 1",
        title="lip reading",
        tasks=("lrs2", "lrw"),
        heads=("model", "backbone", "dataset"),
        published=lines.method(lambda row: row.backbone, lambda row: row.pretraining),
        measured=lines.measured_method(lines.backbone, lines.pretraining_of),
    ),
    PaperTable(
        paper="GLCM",
        table="Table 2",
        title="deepfake detection",
        tasks=("dfdc",),
        heads=("model", "input", "backbone", "dataset"),
        published=lines.method(lines.seen, lambda row: row.backbone, lambda row: row.pretraining),
        measured=lines.measured_method(lines.modality, lines.backbone, lines.pretraining_of),
        column=lambda row: ("", row.task),
    ),
    PaperTable(
        paper="GLCM",
        table="Table 3",
        title="action recognition and sound classification",
        tasks=("ucf101", "hmdb51", "esc50"),
        heads=("method", "dataset"),
        published=lines.method(lambda row: row.pretraining),
        measured=lines.measured_method(lines.pretraining_of),
    ),
    PaperTable(
        paper="GLCM",
        table="Table 4",
        title="self-supervised objectives, K-AV 15,000",
        tasks=("lrs2", "lrw", "dfdc"),
        heads=("model", "pretext task"),
        published=lambda row: Line(key=(row.name, ""), label=row.method, details=(row.pretext,)),
        measured=lines.objective_of_table_4,
    ),
    PaperTable(
        paper="GLCM",
        table="Table 5",
        title="global, local and both features",
        tasks=("lrs2", "lrw", "dfdc", "ucf101", "hmdb51"),
        heads=("model", "feature"),
        published=lines.published_features,
        measured=lines.features,
        least=2,
        against={("Ours", "Glob."): ("w/o loc.", "Glob.")},
    ),
    PaperTable(
        paper="GLCM",
        table="Table 6",
        title="multiple-instance learning on and off, K-AV 15,000",
        tasks=("lrs2", "lrw", "dfdc", "ucf101", "hmdb51"),
        heads=("local contrast",),
        published=lambda row: variant("w/o MIL" if "w/o" in row.method else "Ours"),
        measured=lines.mil,
        least=2,
        against={("Ours",): ("w/o MIL",)},
    ),
    PaperTable(
        paper="GLCM",
        table="Table 7",
        title="attention instead of crops",
        tasks=("lrs2", "lrw", "dfdc"),
        heads=("benchmark",),
        published=lines.published_attention,
        measured=lines.attention,
        least=2,
        sideways=True,
    ),
)
CRISSCROSS_TABLES = (
    PaperTable(
        paper="CrissCross",
        table="Tab. 1",
        title="asynchronous loss on and off, Kinetics-400",
        tasks=("ucf101", "esc50", "kinetics_sound"),
        protocols=LINEAR,
        heads=("downstream",),
        published=lambda row: variant(row.method.removeprefix("CrissCross ")),
        measured=lines.asynchronous,
        least=2,
        against={("w/o L_async",): ("w/ L_async",)},
        sideways=True,
    ),
    PaperTable(
        paper="CrissCross",
        table="Tab. 2",
        title="size of the pretraining set, linear evaluation",
        tasks=("hmdb51", "ucf101", "k400", "esc50", "dcase"),
        protocols=LINEAR,
        heads=("downstream",),
        published=lambda row: variant(row.pretraining),
        measured=lines.size,
        least=2,
        sideways=True,
    ),
    PaperTable(
        paper="CrissCross",
        table="Tab. 3",
        title="action recognition",
        tasks=("ucf101", "hmdb51"),
        heads=("method", "compute", "pretrained on", "backbone", "frames"),
        published=lines.method(
            lines.compute, lambda row: row.pretraining, lambda row: row.backbone, lines.frames
        ),
        measured=lines.measured_method(
            lambda _: "", lines.pretraining_of, lines.backbone, lambda _: ""
        ),
    ),
    PaperTable(
        paper="CrissCross",
        table="Tab. 4",
        title="sound classification, linear evaluation",
        tasks=("esc50", "dcase"),
        protocols=LINEAR,
        heads=("method", "pretrained on"),
        published=lambda row: Line(key=(row.name, ""), label=row.name, details=("",)),
        measured=lines.measured_method(lines.pretraining_of),
        column=lambda row: (row.task, row.pretraining),
    ),
)
PAPER_TABLES = (*GLCM_TABLES, *CRISSCROSS_TABLES)
READMES = PaperTable(
    paper="READMEs",
    table="",
    title="Authors' READMEs",
    tasks=(),
    heads=("method", "pretraining", "backbone"),
    published=lines.method(lambda row: row.pretraining, lambda row: row.backbone),
    measured=lambda _: None,
)
