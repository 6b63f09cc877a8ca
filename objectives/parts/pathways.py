"""The pair of video pathways that GLCM hands down and that the anchors share with it."""

from __future__ import annotations

from typing import Any

from registries.encoder import Encoder, Modality
from registries.registry import BACKBONES


def global_local(
    video: dict[str, Any], *, every: int = 4, local_video: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Configs for the `pathways` encoder: [global, local], in this order.

    global: the harness's video config on every n-th frame (Ma et al. 2021: 8 of 32). local: the
    same on all frames and without temporal strides, so that every frame has its step; `local_video`
    replaces options (a narrower trunk). Grid strides are the config's in both, since the global
    map's attention is laid over the local map.
    """
    local = {**_as_options(video), "temporal_stride": 1, **(local_video or {})}
    return [
        {"name": "global", "every": every, "encoder": dict(video)},
        {"name": "local", "every": 1, "encoder": local},
    ]


def anchor_encoders(
    video: dict[str, Any] | None, audio: dict[str, Any] | None, *, pathways: bool
) -> dict[Modality, Encoder]:
    """Freshly drawn encoders for an anchor, by modality.

    pathways: True builds the video encoder that GLCM hands down by default (global and local), so
    that an anchor and the objective it is compared with differ in their weights only; False builds
    the plain video config. Raises ValueError where neither modality has a config.
    """
    built: dict[Modality, Encoder] = {}
    if video is not None:
        composite = {"type": "pathways", "pathways": global_local(video)}
        built["video"] = BACKBONES.build(composite if pathways else video)
    if audio is not None:
        built["audio"] = BACKBONES.build(audio)
    if not built:
        raise ValueError("an anchor needs a `video` or an `audio` config to build an encoder from")
    return built


def _as_options(video: dict[str, Any]) -> dict[str, Any]:
    """A config that takes `temporal_stride`; dotted types are wrapped as BACKBONES does it."""
    return {"type": "registered", "model": dict(video)} if "." in video["type"] else dict(video)
