"""Shims for mmaction2 and mmcv: each test of a shim fails on the day it is no longer needed."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from benchmark.backbones import compat
from registries.errors import NotReadyError, UsageError
from registries.registry import BACKBONES

ROOT = Path(__file__).resolve().parents[3]
SLOW_ONLY = {
    "type": "mmaction.ResNet3dSlowOnly",
    "depth": 18,
    "pretrained": None,
    "base_channels": 2,
}
BUILD = """
from registries.registry import BACKBONES
encoder = BACKBONES.build({config})
print(sum(p.numel() for p in encoder.parameters()))
"""


def run(code: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_shim_1_mmcv_lite_still_warns():
    done = run("import warnings; warnings.simplefilter('always'); import mmaction.models")
    assert "MultiScaleDeformableAttention" in done.stderr, "drop LITE_WARNING from compat.py"


def test_nothing_is_printed_on_the_way_to_a_backbone():
    config = {"type": "registered", "frames": "each"}
    config["model"] = {"type": "mmaction.ResNet", "depth": 18, "norm_cfg": {"type": "BN"}}
    done = run(BUILD.format(config=config))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "11176512\n"  # He et al. 2016: ResNet-18 without its classifier
    # torch's own deprecations are not ours to hide
    ours = [line for line in done.stderr.splitlines() if "mm" in line and "torch" not in line]
    assert ours == []


def test_shim_2_mmaction2_still_leaves_weights_undrawn():
    backbones = compat.mmaction_models().backbones
    torch.manual_seed(0)
    net = backbones.ResNet3d(depth=18, pretrained=None, base_channels=2)
    last = net.layer4[1].conv2.bn.weight
    assert bool((last == 1).all()), "drop compat.initialise: drawn at construction"
    compat.initialise(net)
    assert bool((last == 0).all())  # zero-initialised residual, mmaction2's default
    assert net.is_init


def test_pool2_would_lose_frames():
    backbone = {**SLOW_ONLY, "with_pool2": True}
    encoder = BACKBONES.build({"type": "registered", "model": backbone})
    assert encoder.strides == ((2, 32, 32),)
    with pytest.raises(UsageError, match="does not divide"):
        BACKBONES.build({"type": "registered", "model": backbone, "temporal_stride": 1})


def test_without_mmaction2_the_error_says_how_to_install_it(monkeypatch):
    for name in [*sys.modules]:
        if name.split(".")[0] in ("mmaction", "mmcv"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mmaction", None)
    for config in ({"type": "resnet3d"}, SLOW_ONLY):
        with pytest.raises(NotReadyError, match=r"pip install mmaction2==1\.1\.0 mmcv-lite"):
            BACKBONES.build(config)


def test_without_mmaction2_the_other_backbones_work():
    block = "import sys; sys.modules['mmaction'] = None; sys.modules['mmcv'] = None\n"
    names = ["r2plus1d_18_avid", "r3d_18", "mc3_18", "r2plus1d_18", "resnet1d_18"]
    build = "".join(f"BACKBONES.build({{'type': {name!r}}})\n" for name in names)
    meta = "from registries.registry import BACKBONES\nimport torch\nwith torch.device('meta'):\n"
    body = "".join(f"    {line}\n" for line in build.splitlines())
    done = run(block + meta + body)
    assert done.returncode == 0, done.stderr


def test_layers_of_a_backbone_are_found_in_its_own_package():
    model = {
        "type": "mmaction.ResNet2Plus1d", "depth": 18, "pretrained": None, "pretrained2d": False,
        "conv_cfg": {"type": "Conv2plus1d"}, "conv1_kernel": (3, 7, 7), "conv1_stride_t": 1,
        "pool1_stride_t": 1, "spatial_strides": (1, 2, 2, 2), "temporal_strides": (1, 2, 2, 2),
        "zero_init_residual": False, "base_channels": 4,
    }  # fmt: skip
    encoder = BACKBONES.build({"type": "registered", "model": model, "temporal_stride": 1})
    assert (encoder.channels, encoder.strides) == ((32,), ((1, 32, 32),))


def test_several_maps_become_several_pathways():
    pathway = {
        "type": "resnet3d", "depth": 18, "pretrained": None, "conv1_kernel": (1, 5, 5),
        "conv1_stride_t": 1, "pool1_stride_t": 1,
    }  # fmt: skip
    config = {
        "type": "mmaction.ResNet3dSlowFast",
        "resample_rate": 4,
        "speed_ratio": 4,
        "channel_ratio": 4,
        "slow_pathway": {**pathway, "lateral": True, "base_channels": 8, "dilations": (1, 1, 1, 1)},
        "fast_pathway": {**pathway, "lateral": False, "base_channels": 2},
    }
    encoder = BACKBONES.build(config)
    assert (encoder.pathways, encoder.channels) == (("0", "1"), (64, 16))
    assert encoder.strides == ((4, 32, 32), (1, 32, 32))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"type": "mmaction.C3D"}, "fails on a clip"),
        ({"type": "mmaction.ResNet4d"}, "no backbone is registered"),
        ({**SLOW_ONLY, "num_stages": 3, "spatial_strides": (1, 3, 2), "temporal_strides": (1, 1, 1),
          "dilations": (1, 1, 1), "out_indices": (2,), "inflate": (0, 0, 1)}, "does not divide"),
    ],
)  # fmt: skip
def test_what_cannot_be_described_is_refused(model, said):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UsageError, match=said):
            BACKBONES.build({"type": "registered", "model": model})
