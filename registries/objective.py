"""Contract of a pretext objective.

The views it asks for, a loss, and the encoders it leaves behind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mmengine.model import BaseModel
from torch import Tensor, nn

from registries.alignment import Alignment
from registries.encoder import Encoder, Modality
from registries.sampling import ClipSampling

# what an objective with `pretrains = False` declares as `expected_failures`
NO_PRETEXT: Mapping[str, str] = dict.fromkeys(
    (
        "check_reads",
        "check_losses",
        "check_gradients",
        "check_permutation",
        "check_learning",
        "check_state",
        "check_batch_sizes",
        "check_runner",
    ),
    "nothing is pretrained",
)


class Objective(BaseModel, ABC):
    """A pretext objective, trained by mmengine's stock Runner.

    Subclasses set `version` (bumped when a number would change) and `paper` (a citation), take
    their own options as keywords, and build their encoders only from the `video` / `audio` configs
    passed in. Never override `train_step`: the distributed wrapper does not call it. State
    (queues, momentum twins) lives in persistent buffers and is updated inside `loss`; schedules
    read `progress`.

    expected_failures: checks of `registries.checks` that this objective fails, with the reasons.
    small: options the checks build it with, where four clips and tiny encoders need other ones than
    training does (a short queue, a fast twin, narrow layers, no dropout).
    embeddings: set by `loss`, the last batch's embeddings by name, (B, D) each and detached; row i
    of one belongs to the same sample as row i of the others. The harness measures alignment,
    uniformity, spread and rank on them, outside the step. Accuracies of the pretext are logged as
    `<term>_accuracy`, with what guessing would reach beside them as `<term>_chance`.
    """

    version: int = 1
    paper: str = ""
    pretrains: bool = True  # False: nothing to train, the encoders are handed down as initialised
    frozen: bool = False  # True: downstream the encoders stay as handed down; only the head trains
    progress: float = 0.0  # fraction of pretraining done; a hook sets it
    expected_failures: ClassVar[Mapping[str, str]] = {}
    small: ClassVar[Mapping[str, Any]] = {}
    embeddings: Mapping[str, Tensor] = {}

    def __init__(
        self,
        *,
        video: dict[str, Any] | None = None,
        audio: dict[str, Any] | None = None,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.video_config = video
        self.audio_config = audio

    @classmethod
    @abstractmethod
    def sampling(cls, *, clip_len: int = 32, seconds: float = 3.2) -> ClipSampling:
        """The views of one sample.

        clip_len frames and seconds are those of the harness's standard clip. Options that change
        the views (speeds, relaxation, blocks) are further keywords with defaults, named as in the
        constructor; the harness passes them to both.
        """

    @abstractmethod
    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Losses and diagnostics of one batch.

        inputs[view]: video (B[, N], 3, T, H, W), audio (B[, N], F, T), normalised floats.
        data_samples: {"index": (B,), "times": {view: ClipTimes}}.
        Returns `loss_<term>` scalars, summed and minimised; any other key is only logged.
        """

    @abstractmethod
    def encoders(self) -> dict[Modality, Encoder]:
        """What is handed downstream, by modality."""

    def alignment(self) -> Alignment | None:
        """Linear maps into the space in which cells of sight are compared with pooled sound.

        None, as here, where the objective has no such space; handed downstream beside the encoders.
        """
        return None

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: dict[str, Any] | None = None,
        mode: str = "loss",
    ) -> dict[str, Tensor]:
        """Mmengine's entry point.

        Only mode "loss" exists: encoders are evaluated by the harness.
        """
        if mode != "loss":
            raise ValueError(
                f"an objective runs in mode 'loss' only, got {mode!r}; evaluate its encoders"
            )
        return self.loss(inputs, data_samples or {})
