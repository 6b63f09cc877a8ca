"""Inner stages: their declared channels, and what `inject` changes and leaves alone."""

from __future__ import annotations

import pytest
import torch

from registries.errors import UsageError
from registries.registry import BACKBONES

SMALL = {"type": "r2plus1d_18_avid", "width": 2, "grid_stride": 16}
PAIR = [
    {"name": "global", "every": 2, "encoder": SMALL},
    {"name": "local", "every": 1, "encoder": {**SMALL, "temporal_stride": 1}},
]
ENCODERS = {
    "r3d_18": {"type": "r3d_18"},
    "mc3_18": {"type": "mc3_18"},
    "r2plus1d_18": {"type": "r2plus1d_18"},
    "avid": SMALL,
    "resnet3d": {"type": "resnet3d", "base_channels": 2},
    "resnet3d, bottlenecks": {"type": "resnet3d", "depth": 50, "base_channels": 2},
    "resnet1d_18": {"type": "resnet1d_18", "in_channels": 10, "width": 2},
    "pathways": {"type": "pathways", "pathways": PAIR},
}


def clip_for(encoder) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(1, 10, 12) if encoder.modality == "audio" else torch.randn(1, 3, 8, 32, 32)


@pytest.mark.parametrize("name", ENCODERS)
def test_stages_have_the_channels_they_declare(name):
    with torch.device("meta"):
        encoder = BACKBONES.build(ENCODERS[name]).eval()
    stages = tuple(encoder.stage_channels)
    maps = encoder.intermediates(clip_for(encoder).to("meta"), stages)
    assert [found.shape[1] for found in maps] == list(encoder.stage_channels.values())
    assert len(maps) >= 5


@pytest.mark.parametrize("name", ["avid", "resnet1d_18", "pathways"])
def test_inject_changes_later_stages_only(name):
    encoder = BACKBONES.build(ENCODERS[name]).eval()
    clip, stages = clip_for(encoder), tuple(encoder.stage_channels)
    last = [s for s in stages if s.endswith(("layer4", "conv5x"))]
    plain, outputs, asked = encoder.intermediates(clip, stages), encoder(clip), []

    def inject(stage, found):
        asked.append(stage)
        return found + 1 if stage.endswith(("layer2", "conv3x")) else found

    changed = encoder.intermediates(clip, stages, inject=inject)
    assert asked == list(stages)
    late = [s for s in stages if s.endswith(("layer3", "layer4", "conv4x", "conv5x"))]
    differ = {s for s, a, b in zip(stages, plain, changed, strict=True) if not torch.equal(a, b)}
    assert differ == set(late)
    finals = [plain[stages.index(s)] for s in last]
    assert all(torch.equal(a, b) for a, b in zip(outputs, finals, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(encoder(clip), outputs, strict=True))


def test_a_pathway_that_nobody_asks_for_rests():
    encoder = BACKBONES.build(ENCODERS["pathways"])
    encoder.branches["local"].forward = encoder.branches["local"].intermediates = None
    (found,) = encoder.intermediates(torch.randn(1, 3, 8, 32, 32), ("global.conv5x",))
    assert found.shape == (1, 16, 1, 2, 2)  # every 2nd of 8 frames, temporal stride 8


def test_unknown_stages_say_so():
    encoder = BACKBONES.build(ENCODERS["pathways"])
    with pytest.raises(UsageError, match=r"layer9.*global\.conv1"):
        encoder.intermediates(torch.randn(1, 3, 8, 32, 32), ("global.layer9",))


def test_encoders_without_stages_declare_none():
    config = {"type": "registered", "model": {"type": "mmaction.ResNet3dSlowOnly", "depth": 18,
        "pretrained": None, "base_channels": 2, "with_pool2": False}}  # fmt: skip
    encoder = BACKBONES.build(config)
    assert encoder.stage_channels == {}
    with pytest.raises(NotImplementedError, match="no named stages"):
        encoder.intermediates(torch.zeros(1, 3, 8, 32, 32), ("layer1",))
