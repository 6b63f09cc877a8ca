"""The pair of video pathways that GLCM hands down and that the anchors share with it."""

from __future__ import annotations

from typing import Any


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


def _as_options(video: dict[str, Any]) -> dict[str, Any]:
    """A config that takes `temporal_stride`: dotted types are wrapped as BACKBONES would wrap "
    "them."""
    return {"type": "registered", "model": dict(video)} if "." in video["type"] else dict(video)
