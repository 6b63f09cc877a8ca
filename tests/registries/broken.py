"""A small sound objective, and copies of it that each break one rule of the contract."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from registries.objective import Objective
from registries.registry import BACKBONES
from registries.sampling import Anchor, ClipSampling, View
from registries.synthetic import SyntheticVideo

CALLS = iter(range(1_000_000))


class Sound(Objective):
    """Picture and sound of a clip name one another in the batch.

    L = -log softmax_j <v_i, a_j> / T, at j = i. No source: a toy of 2030. video (B, 3, T, H, W),
    audio (B, F, 3 T). Differs from the paper: there is none.
    """

    paper = "Nobody 2030"
    expected_failures: ClassVar = {"check_batch_sizes": "a batch of one has no negatives"}

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any],
        step: int = 3,
        data_preprocessor: nn.Module | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        self.video, self.audio = BACKBONES.build(video), BACKBONES.build(audio)
        self.register_buffer("mean", torch.zeros(16))

    @classmethod
    def sampling(cls, *, clip_len: int = 32, seconds: float = 3.2, step: int = 3) -> ClipSampling:
        return ClipSampling(
            {
                "video": View(modality="video", clip_len=clip_len, seconds=seconds),
                "audio": View(modality="audio", clip_len=step * clip_len, seconds=seconds),
            }
        )

    def encoders(self):
        return {"video": self.video, "audio": self.audio}

    def embed(self, inputs) -> tuple[Tensor, Tensor]:
        seen = self.video(inputs["video"])[0].mean(dim=(2, 3, 4))
        heard = self.audio(inputs["audio"])[0].mean(dim=2)
        self.mean.lerp_(heard.detach().float().mean(dim=0), 0.1)
        heard = heard - self.mean  # so that the state matters
        return F.normalize(seen.float(), dim=1), F.normalize(heard.float(), dim=1)

    def loss(self, inputs, data_samples):
        seen, heard = self.embed(inputs)
        self.embeddings = {"video": seen.detach(), "audio": heard.detach()}
        with torch.autocast("cpu", enabled=False):
            scores = seen @ heard.T / 0.1
        found = scores.argmax(dim=1) == torch.arange(len(scores))
        return {
            "loss_pair": self.contrast(scores),
            "pair_accuracy": found.float().mean(),
            "pair_chance": torch.tensor(1 / len(scores)),
        }

    def contrast(self, scores: Tensor) -> Tensor:
        return F.cross_entropy(scores, torch.arange(len(scores)))


class Seeds(Sound):
    def __init__(self, **options):
        torch.manual_seed(7)
        super().__init__(**options)


class Differs(Sound):
    def __init__(self, **options):
        super().__init__(**options)
        self.register_buffer("number", torch.tensor(next(CALLS)))


class Crowded(Sound):
    """Its second clip must follow the first, yet lie in the first tenth."""

    @classmethod
    def sampling(cls, *, clip_len=32, seconds=3.2, step=3):
        view = View(modality="video", clip_len=clip_len, seconds=seconds)
        late = View(modality="video", clip_len=clip_len, seconds=seconds, anchor="late")
        return ClipSampling(
            {"video": view, "late": late},
            {"late": Anchor(after="now", gap=(0.5, 0.5), within=(0.0, 0.1))},
        )


class Blind(Sound):
    @classmethod
    def sampling(cls, *, clip_len=32, seconds=3.2, step=3):
        return ClipSampling({})


class OtherDefault(Sound):
    @classmethod
    def sampling(cls, *, clip_len=32, seconds=3.2, step=4):
        return Sound.sampling(clip_len=clip_len, seconds=seconds, step=step)


class Deaf(Sound):
    def embed(self, inputs):
        seen = F.normalize(self.video(inputs["video"])[0].mean(dim=(2, 3, 4)), dim=1)
        return seen, seen


class Undeclared(Sound):
    def embed(self, inputs):
        return super().embed({"video": inputs["picture"], "audio": inputs["audio"]})


class Cheats(Sound):
    def loss(self, inputs, data_samples):
        losses = super().loss(inputs, data_samples)
        return losses | {"labels": data_samples["target"].float().mean()}


def adding(**entries):
    """Sound with further entries in its loss dict."""

    class Adding(Sound):
        def loss(self, inputs, data_samples):
            return super().loss(inputs, data_samples) | {
                k: make(self) for k, make in entries.items()
            }

    return Adding


class WrongRows(Sound):
    def loss(self, inputs, data_samples):
        losses = super().loss(inputs, data_samples)
        self.embeddings = {"video": self.embeddings["video"][:2]}
        return losses


class NoTerm(Sound):
    def loss(self, inputs, data_samples):
        return {"pair": super().loss(inputs, data_samples)["loss_pair"].detach()}


class Idle(Sound):
    def __init__(self, **options):
        super().__init__(**options)
        self.spare = nn.Linear(2, 2)


class ZeroStart(Sound):
    """Sound all the same: its first layer is reached once the second has left zero."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)
        nn.init.zeros_(self.second.weight)

    def embed(self, inputs):
        seen, heard = super().embed(inputs)
        return seen + self.second(torch.tanh(self.first(seen))), heard


class Exploding(Sound):
    """The root has no gradient at zero."""

    def contrast(self, scores):
        return super().contrast(scores) + (scores - scores).sum().sqrt()


class Positional(Sound):
    def contrast(self, scores):
        weight = torch.arange(len(scores)).float()
        return (F.cross_entropy(scores, torch.arange(len(scores)), reduction="none") * weight).sum()


class Stuck(Sound):
    """Its gradient is zero everywhere."""

    def contrast(self, scores):
        return super().contrast(scores).detach() + 0 * scores.sum()


class Unpaired(Sound):
    """Falls whatever is shown."""

    def contrast(self, scores):
        return scores.mean()


class Forgetful(Sound):
    def __init__(self, **options):
        super().__init__(**options)
        self.last = torch.zeros(16)

    def contrast(self, scores):
        self.last = self.last + scores.detach().mean()
        return super().contrast(scores) * (1 + self.last.mean())


class OwnEncoder(Sound):
    def __init__(self, **options):
        super().__init__(**options)
        self.video = SyntheticVideo()


class OtherBackbone(Sound):
    def __init__(self, **options):
        super().__init__(**options)
        self.audio = BACKBONES.build({"type": "resnet1d_18", "width": 2})


class Foreign(Sound):
    def encoders(self):
        return {"video": BACKBONES.build(self.video_config)}


class Swapped(Sound):
    def encoders(self):
        return {"audio": self.video}


class Nothing(Sound):
    def encoders(self):
        return {}


class WrongStrides(Sound):
    def encoders(self):
        self.video.strides = ((2, 8, 8),)
        return {"video": self.video}


class WrongCount(Sound):
    def encoders(self):
        self.video.pathways = ("slow", "fast")
        return {"video": self.video}


class PairsOnly(Sound):
    expected_failures: ClassVar = {}

    def contrast(self, scores):
        return super().contrast(scores) / (len(scores) > 1)


class AllAlone(Sound):
    expected_failures: ClassVar = {}


class Still(Sound):
    def train_step(self, data, optim_wrapper):
        return {"loss": torch.zeros(())}


class Half(Sound):
    def contrast(self, scores):
        half = torch.is_autocast_enabled("cpu")
        return super().contrast(scores).to(torch.bfloat16 if half else torch.float32)


class FarOff(Sound):
    def contrast(self, scores):
        return super().contrast(scores) * (2 if torch.is_autocast_enabled("cpu") else 1)


class Silent(Sound):
    """Does something."""


class Uncited(Sound):
    __doc__ = Sound.__doc__
    paper = ""
