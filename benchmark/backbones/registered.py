"""Any video backbone registered with mmengine or mmaction2; a dry run finds its facts."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Mapping
from typing import Any, Literal

import torch
from mmengine.registry import MODELS, WEIGHT_INITIALIZERS, DefaultScope, Registry
from torch import Tensor, nn

from benchmark.backbones import compat, strides
from registries.encoder import Encoder
from registries.errors import UsageError
from registries.registry import BACKBONES


@BACKBONES.register_module(name="registered")
class Registered(Encoder):
    """Video backbone of mmaction2 or mmengine, by `model=dict(type="mmaction.ResNet2Plus1d", ...)`.

    model: the config; `pretrained` is not filled in. frames: "clip" passes (B, 3, T, H, W); "each"
    passes frames as a batch of images (2-D backbones) and puts time back. probe: (T, H, W) of the
    dry run in which channels and strides are read off; it must be divisible by the strides. A
    backbone that returns several maps (SlowFast) becomes as many pathways, named "0", "1", ...
    """

    modality = "video"

    def __init__(
        self,
        *,
        model: dict[str, Any],
        frames: Literal["clip", "each"] = "clip",
        probe: tuple[int, int, int] = (16, 64, 64),
        temporal_stride: int | None = None,
        grid_stride: int | None = None,
    ) -> None:
        super().__init__()
        self.frames = frames
        if str(model["type"]).startswith("mmaction."):
            compat.mmaction_models()
        self.net = _build(model)
        compat.initialise(self.net)
        stages = tuple(self.net.children())
        strides.lower(stages, axes=strides.TIME, wanted=temporal_stride, option="temporal_stride")
        strides.lower(stages, axes=strides.GRID, wanted=grid_stride, option="grid_stride")
        maps = self._dry_run(probe)
        self.pathways = tuple(map(str, range(len(maps)))) if len(maps) > 1 else ("clip",)
        self.channels = tuple(found.shape[1] for found in maps)
        self.strides = tuple(_strides(probe, tuple(found.shape[2:])) for found in maps)
        self._check(temporal_stride, grid_stride)

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, T, H, W) -> (B, C, t, h, w) per pathway."""
        if self.frames == "clip":
            return _maps(self.net(clip))
        batch, _, time, *_ = clip.shape
        maps = _maps(self.net(clip.transpose(1, 2).flatten(0, 1)))
        return tuple(found.unflatten(0, (batch, time)).transpose(1, 2) for found in maps)

    @torch.no_grad()
    def _dry_run(self, probe: tuple[int, int, int]) -> tuple[Tensor, ...]:
        """The maps of one black clip, in evaluation mode so that no running statistic moves."""
        self.eval()
        try:
            maps = self(torch.zeros(1, 3, *probe))
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                f"{type(self.net).__name__} fails on a clip (1, 3, {', '.join(map(str, probe))}): "
                f"{error} "
                "Set `probe` to a size it takes, or correct `model`."
            ) from error
        self.train()
        for found in maps:
            if found.dim() != 5:
                raise UsageError(
                    f"{type(self.net).__name__} returned a tensor of shape {tuple(found.shape)} "
                    "for a clip of "
                    f"{probe}; a backbone must return maps (B, C, t, h, w). Switch off its "
                    "pooling or classifier, "
                    'or set frames="each" for a backbone of images.'
                )
        return maps

    def _check(self, temporal_stride: int | None, grid_stride: int | None) -> None:
        for time, height, _ in self.strides:
            if temporal_stride not in (None, time) or grid_stride not in (None, height):
                raise UsageError(
                    f"{type(self.net).__name__} has stride {(time, height)} (time, grid) after "
                    "lowering, asked for "
                    f"{(temporal_stride, grid_stride)}. Set the strides in `model` itself."
                )


def _build(model: dict[str, Any]) -> nn.Module:
    known = _names(MODELS) | _names(WEIGHT_INITIALIZERS)
    _check_names(model, known)
    if model["type"] not in known:
        raise _unknown(model["type"])
    scope = model["type"].split(".")[0] if "." in model["type"] else "mmengine"
    # layers that a config names without a scope ("Conv2plus1d") are those of the backbone's package
    with DefaultScope.overwrite_default_scope(scope):
        return MODELS.build(copy.deepcopy(model))  # builders write into their config


def _check_names(config: object, known: set[str]) -> None:
    """Raise UsageError for a `type`, at any depth, that mmengine would import to find it.

    A config, of an encoder file for one, could name any function ("os.system") and have it called.
    Names without a dot that are no module are left to the backbone, which may have its own.
    """
    if isinstance(config, Mapping):
        name = str(config.get("type", ""))
        if name and name not in known and ("." in name or importlib.util.find_spec(name)):
            raise _unknown(name)
        for value in config.values():
            _check_names(value, known)
    elif isinstance(config, list | tuple):
        for value in config:
            _check_names(value, known)


def _unknown(name: str) -> UsageError:
    return UsageError(
        f"no backbone is registered with mmengine, and no layer, as {name!r}; write scope and "
        'class, as in "mmaction.ResNet3dSlowOnly", and import the package that registers it.'
    )


def _names(registry: Registry) -> set[str]:
    """What is registered, in every scope, with and without the scope's name."""
    own = set(registry.module_dict)
    found = own | {f"{registry.scope}.{name}" for name in own}
    return found.union(*map(_names, registry.children.values()))


def _maps(output: Tensor | tuple[Tensor, ...] | list[Tensor]) -> tuple[Tensor, ...]:
    return (output,) if isinstance(output, Tensor) else tuple(output)


def _strides(probe: tuple[int, ...], found: tuple[int, ...]) -> tuple[int, ...]:
    """Input steps per output step; raises UsageError where the probe does not divide."""
    if any(size % steps for size, steps in zip(probe, found, strict=True)):
        raise UsageError(
            f"a probe of {probe} gives a map of {found}, which does not divide it; set `probe` to "
            "a multiple "
            "of the backbone's strides."
        )
    return tuple(size // steps for size, steps in zip(probe, found, strict=True))
