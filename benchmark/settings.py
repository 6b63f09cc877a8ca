"""The schema of a resolved recipe. mmengine's own Config accepts misspelt keys; this does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from benchmark import config
from registries.errors import UsageError, unknown
from registries.task import Inputs

HARNESS_KEYS = (
    "finetune",
    "folds",
    "size",
    "inputs",
    "probe",
)  # of a task's config; the rest are the task's own keywords
# fields of a training that came after the first records
LATER = ("warmup_lr", "final_lr", "lr_scale", "constant_lr", "larc", "crop", "pooling")

T = TypeVar("T", bound=BaseModel)


class Strict(BaseModel):
    """No unknown fields, nothing changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Clip(Strict):
    """The harness's standard clip: frames, the seconds they cover, and pixels a side."""

    clip_len: int = Field(32, ge=1)
    seconds: float = Field(3.2, gt=0)
    size: int = Field(112, ge=16)


class Training(Strict):
    """One training run: the same fields for pretraining and finetuning.

    encoder_lr_scale multiplies the rate of the encoders (finetuning only). clips_per_video: how
    often a video is seen in one epoch, each time at another place. warmup_lr: rate of the first
    step, None for a thousandth of `lr`. final_lr: where the cosine ends. lr_scale, constant_lr:
    parameters whose rate is multiplied, or left out of warm-up and schedule, by the beginning of
    their names ("predictors"). larc: trust coefficient of layer-wise rates (optimisers.larc).
    """

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    optimizer: Literal["Adam", "AdamW", "SGD"] = "AdamW"
    lr: float = Field(gt=0)
    encoder_lr_scale: float = Field(1.0, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    warmup_steps: int = Field(0, ge=0)
    warmup_epochs: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    clip_grad: float | None = None
    clips_per_video: int = Field(1, ge=1)
    augment: dict[str, Any] = {}
    warmup_lr: float | None = Field(None, ge=0)
    final_lr: float = Field(0.0, ge=0)
    lr_scale: dict[str, float] = {}
    constant_lr: tuple[str, ...] = ()
    larc: float | None = Field(None, gt=0)

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out fields of LATER at their defaults: keys of earlier records stay as they are."""
        fields = type(self).model_fields
        dumped: dict[str, Any] = handler(self)
        known = [name for name in LATER if name in fields]
        unused = {name for name in known if getattr(self, name) == fields[name].default}
        return _without(dumped, unused)


class Pretrain(Training):
    """Pretraining: adds which part of the frame is seen, by every objective alike.

    crop: "full" frame, or "speaker": the face where a clip names one (as AVSpeech does), else the
    frame.
    """

    crop: Literal["full", "speaker"] = "full"


class Finetune(Training):
    """Finetuning: adds how a test video is read and how the epoch is chosen, never on test.

    pooling: over the grid, of clip features average or (CrissCross's evaluation) maximum; of any
    features attention, the weights that pretraining gives cells by the clip's sound.
    """

    test_clips: int = Field(1, ge=1)
    selection: Literal["best_val", "last"] = "best_val"
    val_interval: int = Field(1, ge=1)
    features: Literal["all", "global", "local"] = "all"
    pooling: Literal["average", "max", "attention"] = "average"


class Probe(Strict):
    """Protocols on frozen features.

    clips: spans of a sample whose features are averaged. center: retrieval takes away the mean of
    queries and of gallery first. segments: stretches of time kept apart; None is the task's.
    """

    clips: int = Field(1, ge=1)
    center: bool = False
    segments: int | None = Field(None, ge=1)


class Recipe(Strict):
    """Everything a run needs besides names and seeds. tuning: how its numbers were chosen."""

    tuning: str = "none: the preset's numbers"
    tier: Literal["ci", "small", "base"] = "base"  # of the generated stand-ins
    pretrain_tier: Literal["ci", "small", "base"] | None = None  # None: as `tier`
    pretrain_data: str = "mini-kav"
    pretrain_clips: int | None = None
    video: dict[str, Any]
    audio: dict[str, Any]
    clip: Clip = Clip()
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    channels_last: bool = False  # of 3-D convolutions
    workers: int = Field(0, ge=0)
    checkpoint_every: float = Field(300.0, ge=0, exclude=True)  # seconds a kill may cost; chosen
    frame_cache: bool = False
    pretrain: Pretrain
    finetune: Finetune
    probe: Probe = Probe()
    objectives: dict[str, dict[str, Any]] = {}
    tasks: dict[str, dict[str, Any]] = {}

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `channels_last` unless it is used: recipes of earlier records lack it."""
        dumped: dict[str, Any] = handler(self)
        return dumped if self.channels_last else _without(dumped, {"channels_last"})

    def finetune_for(self, task: str) -> Finetune:
        """The finetuning recipe of one task.

        The preset's, with `tasks.<task>.finetune` laid over it.
        """
        extra = self.tasks.get(task, {}).get("finetune", {})
        return validate(
            Finetune, {**self.finetune.model_dump(), **extra}, where=f"tasks.{task}.finetune"
        )

    def probe_for(self, task: str) -> Probe:
        """The preset's probe, with `tasks.<task>.probe` laid over it."""
        extra = self.tasks.get(task, {}).get("probe", {})
        return validate(Probe, {**self.probe.model_dump(), **extra}, where=f"tasks.{task}.probe")

    def task_options(self, task: str) -> dict[str, Any]:
        """Keywords of the task itself."""
        extra = self.tasks.get(task, {})
        return {key: value for key, value in extra.items() if key not in HARNESS_KEYS}

    def size_for(self, task: str) -> int:
        """Pixels a side in one task: the standard clip's, or `tasks.<task>.size`."""
        return int(self.tasks.get(task, {}).get("size", self.clip.size))

    def folds_for(self, task: str, official: tuple[int, ...]) -> tuple[int, ...]:
        """Folds to run: all official ones, or those that `tasks.<task>.folds` names."""
        wanted = tuple(self.tasks.get(task, {}).get("folds", official))
        for fold in wanted:
            if fold not in official:
                raise UsageError(f"tasks.{task}.folds: {fold} is not one of the folds {official}.")
        return wanted

    def inputs_for(self, task: str, allowed: tuple[Inputs, ...]) -> tuple[Inputs, ...]:
        """What encoders are given, one cell each: the first allowed, or `tasks.<task>.inputs`."""
        wanted = self.tasks.get(task, {}).get("inputs", allowed[:1])
        wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        for name in wanted:
            if name not in allowed:
                raise unknown(f"input of {task} (tasks.{task}.inputs)", str(name), allowed)
        return wanted


def _without(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def load_recipe(
    preset: str | Path,
    *,
    objectives: tuple[str, ...] = (),
    tasks: tuple[str, ...] = (),
    overrides: tuple[str, ...] = (),
) -> Recipe:
    """Resolve a preset with the configs of the named objectives and tasks and the `-o` overrides.

    preset: a packaged one by name, or the path of a file like one.
    Order, later wins: configs/objectives and configs/tasks, the preset, the overrides.
    """
    known = {folder: config.names(folder) for folder in ("objectives", "tasks")}
    base: config.Config = {"objectives": {}, "tasks": {}}
    for folder, wanted in (("objectives", objectives), ("tasks", tasks)):
        for name in wanted:
            if name in known[folder]:
                base[folder][name] = config.load_packaged(folder, name)
    found = (
        config.load(preset) if isinstance(preset, Path) else config.load_packaged("presets", preset)
    )
    merged = config.merge(base, found)
    merged = config.override(merged, overrides)
    return validate(Recipe, merged, where=f"preset {preset}")


def validate(schema: type[T], values: dict[str, Any], *, where: str) -> T:
    """Check values against a schema.

    The error names the key, what was found and the nearest key.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise unknown(
                "option", place, _fields(schema, first["loc"][:-1]), hint=f"({where})"
            ) from error
        raise UsageError(
            f"{where}: option {place!r} is {first.get('input')!r}; "
            f"{first['msg'][0].lower()}{first['msg'][1:]}."
        ) from error


def _fields(schema: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Dotted names of the fields allowed at a place of the schema."""
    prefix = ""
    for part in path:
        inner = schema.model_fields[str(part)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        schema, prefix = inner, f"{prefix}{part}."
    return [prefix + name for name in schema.model_fields]
