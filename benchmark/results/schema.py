"""One record per cell of the comparison: written once, never edited, no unknown field, no NaN.

A record holds every fact that is needed to judge its number: what was trained, on what, how it
was measured, what it cost. Scores keep full precision; rounding happens when a table is rendered.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

SCHEMA_VERSION = 1

Kind = Literal["eval", "pretrain"]
Status = Literal["done", "failed", "blocked", "not_applicable"]
DataKind = Literal["full", "subset", "miniature"]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RunId = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,79}$")]


def _inside(path: str) -> str:
    """Refuse a path that could lead out of the folder it is taken below, on any platform."""
    if PureWindowsPath(path).anchor or "\\" in path or ".." in PurePosixPath(path).parts:
        raise ValueError(f"path {path!r} leaves the folder of the records; write it below the root")
    return path


Inside = Annotated[str, AfterValidator(_inside)]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def new_run_id() -> str:
    """A name for one attempt at a cell: UTC time to the second and 32 random bits."""
    return f"{now():%Y%m%dT%H%M%S}.{secrets.token_hex(4)}"


class Part(BaseModel):
    """Base of all parts: immutable, closed, finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ObjectiveInfo(Part):
    """source: whose code it is: "builtin", "plug-in dist==version" or "file NAME sha256:...".

    Names beside the objectives': "scratch" (no pretraining), "imported" (encoder from elsewhere).
    """

    name: str
    version: int = 1
    params: dict[str, JsonValue] = {}
    source: str = "builtin"
    paper: str = ""


class BackboneInfo(Part):
    """flops: multiply-adds of one clip at the evaluated input size.

    sources: architecture of each encoder -> whose code it is, as the objective's; empty in records
    from before it was noted.
    """

    name: str
    sources: dict[str, str] = {}
    params_total: Count | None = None
    params_trainable: Count | None = None
    flops: float | None = None


class PretrainInfo(Part):
    """Where the encoder came from. For a record of kind "pretrain", this run itself.

    final: the losses and accuracies of its last step; diagnostics: of the last epoch's embeddings.
    """

    run_id: RunId | None = None
    checkpoint_sha256: Sha256 | None = None
    dataset: str = ""
    manifest_sha256: Sha256 | None = None
    clips: Count | None = None
    hours: float | None = None
    steps: Count | None = None
    effective_batch: Count | None = None
    epochs: float | None = None
    seed: int | None = None
    final: dict[str, float] = {}
    diagnostics: dict[str, float] = {}


class TaskInfo(Part):
    """chance: score of a guess, in the unit of `primary_metric`.

    source: whose code it is, as the objective's; empty in records from before it was noted.
    """

    name: str
    version: int = 1
    source: str = ""
    protocol: str
    split: str = "test"
    fold: int = 0
    modality: Literal["v", "a", "av"] = "v"
    primary_metric: str
    higher_is_better: bool = True
    chance: float | None = None


class RecipeInfo(Part):
    """config: the resolved recipe. tuning: the rule by which its free numbers were found."""

    config: dict[str, JsonValue] = {}
    sha256: Sha256 | None = None
    tuning: str = ""


class DataInfo(Part):
    """expected, used: items of the evaluated split.

    audio_coverage: share of them with sound. overlap_with_pretraining: how many pretraining saw.
    """

    dataset: str
    version: int = 1
    kind: DataKind
    manifest_sha256: Sha256 | None = None
    expected: Count | None = None
    used: Count | None = None
    missing: list[str] = []
    audio_coverage: Share | None = None
    licence: str = ""
    overlap_with_pretraining: Count | None = None


class SeedInfo(Part):
    """Seeds of the weights, of the data order and of the loader's workers."""

    init: int = 0
    data: int = 0
    loader: int = 0


class Score(Part):
    """One metric over `n` items, in `unit`; version: of the metric's definition."""

    value: float
    unit: str = "%"
    n: Count
    version: int = 1


class Selection(Part):
    """How the reported state was chosen; value: on the validation split, never the test split."""

    rule: str = "last"
    step: int | None = None
    value: float | None = None


class Predictions(Part):
    """File of per-sample predictions. path: below the store's root, with forward slashes."""

    path: Inside
    sha256: Sha256
    columns: list[str] = ["sample_id", "group_id", "target", "score"]


class Cost(Part):
    """phases: seconds of each phase. data_wait_share: share of wall time spent waiting for data."""

    gpu_hours: float | None = None
    wall_s: float | None = None
    phases: dict[str, float] = {}
    peak_mem_gb: float | None = None
    clips_per_s: float | None = None
    data_wait_share: Share | None = None


class Checks(Part):
    """above_chance: better than `chance` in the direction of the primary metric.

    duplicates: samples that a padded sampler met twice and the harness dropped.
    """

    chance: float | None = None
    above_chance: bool | None = None
    duplicates: Count = 0
    finite: bool = True


class Env(Part):
    """Software and machine; `host_hash` tells machines apart without naming them."""

    versions: dict[str, str] = {}
    git_sha: str | None = None
    dirty: bool | None = None
    device: str = ""
    driver: str = ""
    host_hash: str = ""


class Failure(Part):
    """Why a cell has no score; attempt counts from 1."""

    exception: str
    message: str = ""
    traceback: str = ""
    step: int | None = None
    attempt: int = 1


class Record(Part):
    """One attempt at one cell. key_fields: the mapping whose hash is `cell_key` (see keys.py).

    `pretrain` is None for scratch and imported encoders; `task` is None for kind "pretrain".
    """

    schema_version: Literal[1] = 1  # SCHEMA_VERSION
    run_id: RunId = Field(default_factory=new_run_id)
    cell_key: Key
    key_fields: dict[str, JsonValue] = {}
    kind: Kind
    status: Status
    created: AwareDatetime = Field(default_factory=now)
    started: AwareDatetime | None = None
    ended: AwareDatetime | None = None
    objective: ObjectiveInfo
    backbone: BackboneInfo
    pretrain: PretrainInfo | None = None
    task: TaskInfo | None = None
    recipe: RecipeInfo = RecipeInfo()
    data: DataInfo
    seed: SeedInfo = SeedInfo()
    precision: str = "fp32"
    compile: bool = False
    world_size: int = 1
    eval_batch: int | None = None
    scores: dict[str, Score] = {}
    selection: Selection | None = None
    predictions: Predictions | None = None
    cost: Cost = Cost()
    checks: Checks = Checks()
    env: Env = Env()
    failure: Failure | None = None
    supersedes: RunId | None = None
    warnings: list[str] = []

    @model_validator(mode="after")
    def _consistent(self) -> Record:
        if self.kind == "eval" and self.task is None:
            raise ValueError("a record of kind 'eval' needs `task`")
        if self.status == "failed" and self.failure is None:
            raise ValueError("a failed record needs `failure` (exception, message, traceback)")
        if self.status == "done" and self.failure is not None:
            raise ValueError("a done record cannot carry `failure`")
        if self.status == "done" and self.task and self.task.primary_metric not in self.scores:
            raise ValueError(
                f"scores {sorted(self.scores)} lack the primary metric {self.task.primary_metric!r}"
            )
        return self

    def to_json(self) -> str:
        """The text of the record's file: sorted keys, floats that read back exactly."""
        return json.dumps(self.model_dump(mode="json"), allow_nan=False, indent=1, sort_keys=True)

    @property
    def finished(self) -> datetime:
        """End of the attempt, or its creation where the end is unknown; orders attempts."""
        return self.ended or self.created

    @property
    def primary(self) -> Score | None:
        """Score of the task's primary metric."""
        return self.scores.get(self.task.primary_metric) if self.task else None
