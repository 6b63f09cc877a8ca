"""Cells and sound in one space: what is handed down computes what the losses compute."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from toys import toy_batch

from objectives.parts.alignment import aligned, project_cells
from objectives.parts.losses import attention_over_cells
from registries import plugins
from registries.alignment import check_alignment
from registries.registry import OBJECTIVES


def build(name, **options):
    plugins.load("objectives", name)
    torch.manual_seed(0)
    video, audio = {"type": "toy_video"}, {"type": "toy_audio"}
    return OBJECTIVES.build({"type": name, "video": video, "audio": audio, **options}).eval()


def mapped(found, rows):
    """(B, C * S, ...) -> (B, D, ...) by a projection, cell by cell."""
    bias = found["bias"].view(1, -1, *[1] * (rows.dim() - 2))
    out = torch.einsum("dc,bc...->bd...", found["weight"], rows) + bias
    return nn.functional.normalize(out, dim=1) if found["unit"] else out


@pytest.mark.parametrize("normalize", [False, True])
def test_glcm_hands_down_the_attention_of_its_global_loss(normalize):
    model, inputs, seen = build("glcm", normalize=normalize), toy_batch(), {}
    inner = model._attention
    model._attention = lambda audio, cells: seen.setdefault("attention", inner(audio, cells))
    model.loss(inputs, {})
    encoders, found = model.encoders(), model.alignment()
    check_alignment(found, encoders)
    assert (found["video"]["pathway"], found["video"]["unit"]) == ("global", normalize)
    cells = mapped(found["video"], encoders["video"](inputs["video"])[0].mean(dim=2)).flatten(2)
    sound = mapped(found["audio"], encoders["audio"](inputs["audio"])[0].mean(dim=2))
    weights = attention_over_cells(sound, cells.transpose(1, 2), temperature=1.0)
    torch.testing.assert_close(weights, seen["attention"])


def test_glcm_that_hands_down_its_local_trunk_alone_aligns_that_one():
    model = build("glcm", features="loc")
    found = model.alignment()
    check_alignment(found, model.encoders())
    assert found["video"]["pathway"] == "local"
    torch.testing.assert_close(found["video"]["weight"], model.project_steps.weight[..., 0])
    torch.testing.assert_close(found["audio"]["weight"], model.project_slices.weight[..., 0])


def test_the_mean_over_cells_of_avts_is_what_it_compares():
    model, inputs = build("avts", segments=2, normalize=False), toy_batch()
    encoders, found = model.encoders(), model.alignment()
    check_alignment(found, encoders)
    parts = nn.functional.adaptive_avg_pool3d  # two stretches of time, the grid kept
    maps = encoders["video"](inputs["video"])[0]
    cells = mapped(found["video"], parts(maps, (2, *maps.shape[3:])).flatten(1, 2))
    torch.testing.assert_close(
        cells.mean(dim=(2, 3)), model.head.see(encoders["video"](inputs["video"]))
    )
    heard = encoders["audio"](inputs["audio"])
    rows = nn.functional.adaptive_avg_pool1d(heard[0], 2).flatten(1)
    torch.testing.assert_close(mapped(found["audio"], rows), model.head.hear(heard))


@pytest.mark.parametrize("name", ["moco", "crisscross", "temporal_order", "dpc", "scratch"])
def test_objectives_without_a_linear_space_hand_none_down(name):
    assert build(name).alignment() is None


def test_cells_are_projected_one_by_one():
    torch.manual_seed(0)
    layer, maps = nn.Conv1d(3, 5, 1), torch.randn(2, 3, 4, 2, 3)
    cells = project_cells(layer, maps)
    assert cells.shape == (2, 4, 6, 5)
    one = layer.weight[..., 0] @ maps[1, :, 2, 1, 2] + layer.bias
    torch.testing.assert_close(cells[1, 2, 5], one)


def test_layers_without_bias_and_what_does_not_fit():
    encoders = build("glcm").encoders()
    wide = [encoders[name].channels[0] for name in ("video", "audio")]
    found = aligned(nn.Linear(wide[0], 4, bias=False), nn.Linear(wide[1], 4), encoders)
    check_alignment(found, encoders)
    assert found["video"]["bias"].tolist() == [0.0] * 4
    video = found["video"]
    for wrong, message in (
        ({"audio": found["audio"]}, "an alignment is of video and audio"),
        ({**found, "video": {**video, "pathway": "slow"}}, "names pathway 'slow'"),
        ({**found, "video": {**video, "segments": 2}}, r"\* 2\) and bias"),
        ({**found, "video": {**video, "bias": torch.zeros(3)}}, r"bias \(3,\)"),
        (aligned(nn.Linear(wide[0], 3), nn.Linear(wide[1], 4), encoders), "different sizes"),
    ):
        with pytest.raises(ValueError, match=message):
            check_alignment(wrong, encoders)
