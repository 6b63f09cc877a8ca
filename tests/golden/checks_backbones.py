"""Parameter counts and feature shapes of the backbones that the suite has adapters for."""

from __future__ import annotations

import re
from typing import Any

import torch

from registries.encoder import Encoder
from registries.registry import BACKBONES, OBJECTIVES

# name in backbones.json -> config of the adapter, and stages that go by another name there
ADAPTERS: dict[str, dict[str, Any]] = {
    "r3d_18": {"type": "r3d_18"},
    "mc3_18": {"type": "mc3_18"},
    "r2plus1d_18": {"type": "r2plus1d_18"},
    "avid_r2plus1d_18": {"type": "r2plus1d_18_avid"},
    "hara_r3d18_default": {
        "type": "resnet3d",
        "conv1_kernel": (7, 7, 7),
        "pool1_stride": (2, 2),
        "temporal_strides": (1, 2, 2, 2),
    },
}
RENAMED = {"avid_r2plus1d_18": {"conv1": "pool1"}}  # there the stem's pooling belongs to conv1
POOLED = ("avgpool", "pool")
PARTS = ("dpc_convgru_256_k1", "dpc_predictor_256")  # modules of the objective dpc itself
NO_ADAPTER = {
    "s3d": "no adapter: MIL-NCE's trunk, of no objective of this suite",
    **dict.fromkeys(
        ("dpc_resnet18_2d3d_full", "dpc_resnet34_2d3d_full"),
        "no adapter: DPC's own trunk; objectives here are built from the common backbones",
    ),
    **dict.fromkeys(
        ("vcop_c3d", "vcop_r3d", "vcop_r21d"),
        "no adapter: trunks of VCOP, which the suite does not have",
    ),
}


def check_part(name: str, facts: dict[str, Any]) -> None:
    """Parameter counts of DPC's aggregator and predictor, in the width that the name says."""
    built = OBJECTIVES.build({"type": "dpc", "video": {"type": "r3d_18"}, "dim": 256, "blocks": 8})
    part = built.phi if "predictor" in name else built.summaries["prediction"]
    assert set(facts) == {"params"}
    assert sum(p.numel() for p in part.parameters()) == facts["params"], name


def check_backbone(name: str, facts: dict[str, Any]) -> None:
    """Every fact of one entry. Shapes are computed on the meta device: exact, and free."""
    with torch.device("meta"):
        encoder = BACKBONES.build(ADAPTERS[name]).eval()
    count = sum(p.numel() for p in encoder.parameters())
    for key, fact in facts.items():
        if key in ("params_backbone", "params"):
            assert count == fact, key
        elif key == "params_with_fc400":
            assert count + 400 * (encoder.channels[0] + 1) == fact, key
        elif key == "n_buffers":
            assert sum(b.numel() for b in encoder.buffers()) == fact, key
        elif key == "conv1":
            assert str(encoder.stages["conv1"].conv) == fact, key
        elif key == "shapes":
            for size, shapes in fact.items():
                _check_shapes(encoder, size, shapes, renamed=RENAMED.get(name, {}))
        elif found := re.fullmatch(r"shapes_(\d+x\d+)", key):
            _check_shapes(encoder, found[1], fact, renamed=RENAMED.get(name, {}))
        else:
            raise AssertionError(f"{name}: nobody checks the fact {key!r}")


def _check_shapes(
    encoder: Encoder, size: str, shapes: dict[str, list[int]], *, renamed: dict[str, str]
) -> None:
    """size "16x112": frames x pixels; shapes by stage (C, t, h, w)."""
    frames, pixels = map(int, size.split("x"))
    clip = torch.empty(1, 3, frames, pixels, pixels, device="meta")
    wanted = {renamed.get(stage, stage): shape for stage, shape in shapes.items()}
    pooled = [wanted.pop(stage) for stage in POOLED if stage in wanted]
    maps = encoder.intermediates(clip, tuple(wanted))
    got = {stage: list(found.shape[1:]) for stage, found in zip(wanted, maps, strict=True)}
    assert got == wanted, size
    (last,) = encoder(clip)
    assert all([last.shape[1], 1, 1, 1] == shape for shape in pooled), size
    exact = [
        -(-steps // stride)
        for steps, stride in zip(clip.shape[2:], encoder.strides[0], strict=True)
    ]
    assert list(last.shape[2:]) == exact, f"{size}: declared strides {encoder.strides}"
