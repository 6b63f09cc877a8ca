"""The schema of a resolved recipe. mmengine's own Config accepts misspelt keys; this does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from benchmark import config
from benchmark.validation import validate, without_defaults
from registries.errors import UsageError, unknown
from registries.task import Inputs

HARNESS_KEYS = (
    "finetune",
    "folds",
    "size",
    "inputs",
    "probe",
)  # of a task's config; the rest are the task's own keywords
# fields that came after the first records: of a training, and of a whole recipe
LATER = (
    "warmup_lr",
    "final_lr",
    "lr_scale",
    "constant_lr",
    "larc",
    "accumulate",
    "crop",
    "pooling",
)
LATER_OF_RECIPE = ("channels_last", "compile", "activation_checkpointing", "pack")


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

    accumulate: equal parts that a batch is trained in, one after the other, for one step; takes the
    memory of one part. `batch_size` is that of the step. Part of the key, as it changes numbers:
    in-batch negatives and batch statistics are of a part (parted.py), and the record says so.
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
    accumulate: int = Field(1, ge=1)

    @field_validator("accumulate")
    @classmethod
    def _parts_of_a_batch(cls, parts: int, known: ValidationInfo) -> int:
        """Parts are equal, of two samples at least: batch statistics need them."""
        batch = known.data.get("batch_size")  # missing: it was refused itself
        if batch and (batch % parts or batch < 2 * parts):
            raise ValueError(f"must divide batch_size={batch} into parts of two samples or more")
        return parts

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out fields of LATER at their defaults: keys of earlier records stay as they are."""
        return without_defaults(self, handler(self), LATER)


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


class Pack(Strict):
    """Clips come from packs, which `bench data pack` makes, and not from their files.

    codec: "jpeg" at `quality`, or "raw", lossless. fps: frames kept a second, at most those that a
    file has; None keeps every frame.
    """

    codec: Literal["jpeg", "raw"] = "jpeg"
    quality: int = Field(default=95, ge=1, le=100)
    fps: float | None = Field(default=None, gt=0)

    def change(self) -> dict[str, Any]:
        """What makes its frames others than those of the files; empty where they are the same."""
        found: dict[str, Any] = {} if self.fps is None else {"fps": self.fps}
        return found if self.codec == "raw" else found | {"jpeg": self.quality}


class Recipe(Strict):
    """Everything a run needs besides names and seeds. tuning: how its numbers were chosen.

    channels_last, of 3-D convolutions, and compile, torch.compile of the encoders (what objectives
    ask of inner stages is not compiled), change the order of sums and with it the last digits: both
    are part of the key. activation_checkpointing keeps only what goes into each stage of an encoder
    and computes the rest anew for the backward pass, a third more time for less memory: the same
    numbers, no part of the key. See layout.py.
    """

    tuning: str = "none: the preset's numbers"
    tier: Literal["ci", "small", "base"] = "base"  # of the generated stand-ins
    pretrain_tier: Literal["ci", "small", "base"] | None = None  # None: as `tier`
    pretrain_data: str = "mini-kav"
    pretrain_clips: int | None = None
    video: dict[str, Any]
    audio: dict[str, Any]
    clip: Clip = Clip()
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    channels_last: bool = False
    compile: bool = False
    activation_checkpointing: bool = False
    workers: int = Field(0, ge=0)
    checkpoint_every: float = Field(300.0, ge=0, exclude=True)  # seconds a kill may cost; chosen
    frame_cache: bool = False
    pack: Pack | None = None
    pretrain: Pretrain
    finetune: Finetune
    probe: Probe = Probe()
    objectives: dict[str, dict[str, Any]] = {}
    tasks: dict[str, dict[str, Any]] = {}

    @field_validator("activation_checkpointing")
    @classmethod
    def _one_of_the_two(cls, wanted: bool, known: ValidationInfo) -> bool:
        if wanted and known.data.get("compile"):
            raise ValueError("a compiled encoder chooses itself what it keeps; leave compile out")
        return wanted

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out fields of LATER_OF_RECIPE unless used: recipes of earlier records lack them."""
        return without_defaults(self, handler(self), LATER_OF_RECIPE)

    @property
    def changes(self) -> dict[str, Any]:
        """What changes numbers of every cell, as part of its key; only what is used.

        Packs that hold the same frames as the files are not.
        """
        order = {"channels_last": self.channels_last, "compile": self.compile}
        frames = self.pack.change() if self.pack is not None else {}
        used = {name: True for name, wanted in order.items() if wanted}
        return used | ({"pack": frames} if frames else {})

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
