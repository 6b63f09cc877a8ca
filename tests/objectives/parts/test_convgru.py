"""The convolutional GRU, predictions fed back, and clips cut into blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from objectives.parts.blocks import block_sampling, check_blocks, encode_blocks
from objectives.parts.convgru import ConvGRU, orthogonal, predict_ahead
from registries.encoder import Encoder


def test_a_step_equals_the_formulas():
    torch.manual_seed(0)
    net = ConvGRU(1, dropout=0.0).double()
    numbers = {"update_gate": (0.5, -1.0, 0.2), "reset_gate": (2.0, 0.3, -0.1)}
    numbers["out_gate"] = (1.5, -0.7, 0.4)
    for gate, (of_x, of_h, bias) in numbers.items():
        conv = getattr(net, gate)
        conv.weight.data = torch.tensor([of_x, of_h], dtype=torch.float64).view(1, 2, 1, 1)
        conv.bias.data = torch.tensor([bias], dtype=torch.float64)
    x, h = 0.8, -0.6

    def mixed(gate, state):
        of_x, of_h, bias = numbers[gate]
        return of_x * x + of_h * state + bias

    u, r = (1 / (1 + math.exp(-mixed(gate, h))) for gate in ("update_gate", "reset_gate"))
    want = (1 - u) * h + u * math.tanh(mixed("out_gate", r * h))
    got = net(*(torch.full((1, 1, 1, 1), value, dtype=torch.float64) for value in (x, h)))
    assert float(got.detach()) == pytest.approx(want, rel=1e-12)


def test_kernel_one_keeps_cells_apart_and_three_does_not():
    torch.manual_seed(0)
    x = torch.randn(1, 2, 3, 3)
    moved = x.clone()
    moved[..., 0, 0] += 1
    for kernel, touched in ((1, 1), (3, 4)):
        net = ConvGRU(2, kernel=kernel).eval()
        changed = (net(moved) - net(x)).abs().sum(dim=1) > 1e-7
        assert int(changed.sum()) == touched
    with pytest.raises(ValueError, match="odd"):
        ConvGRU(2, kernel=2)


def test_dropout_is_carried_on():
    torch.manual_seed(0)
    net = ConvGRU(64, dropout=0.5)
    state = net(torch.randn(4, 64, 2, 2))
    assert 0.4 < float((state == 0).float().mean()) < 0.6
    assert torch.equal(net.eval()(torch.zeros(1, 64, 1, 1)), torch.zeros(1, 64, 1, 1))


def test_orthogonal_weights_and_zero_biases():
    net = nn.Sequential(nn.Conv2d(4, 6, 1), nn.ReLU(), nn.Conv2d(6, 4, 1))
    orthogonal(net, gain=0.1)
    for conv in (net[0], net[2]):
        weight = conv.weight.detach()[..., 0, 0]
        short = weight @ weight.t() if len(weight) <= weight.shape[1] else weight.t() @ weight
        torch.testing.assert_close(short, 0.01 * torch.eye(len(short)), atol=1e-6, rtol=0)
        assert float(conv.bias.abs().sum()) == 0


def test_predictions_are_fed_back_rectified():
    """With h' = 2 h + x and p = -h or h + 1, every number can be followed by hand."""
    observed = torch.tensor([1.0, -5.0, 2.0]).view(1, 3, 1, 1, 1)

    def step(x, state):
        return x if state is None else 2 * state + x

    context, found = predict_ahead(step, lambda h: h + 1, observed, 3)
    assert float(context) == 6  # 1; 2 * 1 + relu(-5); 2 * 2 + 2
    assert found.flatten().tolist() == [7, 20, 59]  # 2 * 6 + 7 = 19; 2 * 19 + 20 = 58
    _, negative = predict_ahead(step, lambda h: -h, observed, 3)
    assert negative.flatten().tolist() == [-6, -12, -24]
    assert found.shape == (1, 3, 1, 1, 1)


def test_blocks_are_contiguous_and_span_the_clip():
    sampling = block_sampling(clip_len=40, seconds=4.0, blocks=8)
    view = sampling.views["video"]
    assert (view.clip_len, view.num_clips, view.seconds) == (5, 8, 0.5)
    assert sampling.min_duration == pytest.approx(4.0)
    start = sampling.draw(10.0, np.random.default_rng(0))["video"].start
    torch.testing.assert_close(start.diff(), torch.full((7,), 0.5, dtype=torch.float64))
    with pytest.raises(ValueError, match="between 1 and the clip's 4 frames, got 8"):
        block_sampling(clip_len=4, seconds=0.4, blocks=8)


@pytest.mark.parametrize("predict", [0, 4])
def test_options_that_leave_nothing_are_refused(predict):
    with pytest.raises(ValueError, match="between 1 and blocks - 1 = 3"):
        check_blocks(blocks=4, predict=predict, statistics="joint")
    with pytest.raises(ValueError, match=r"separate.*joint.*none"):
        check_blocks(blocks=4, predict=1, statistics="none")


class TwoPathways(Encoder):
    """Means over the grid's halves, of all frames and of every second one; counts its calls."""

    modality = "video"
    pathways = ("slow", "fast")
    channels = (3, 3)
    strides = ((2, 4, 4), (1, 4, 4))

    def __init__(self, *, side: int = 4) -> None:
        super().__init__()
        self.calls, self.side = [], side

    def forward(self, clip):
        self.calls.append(len(clip))
        fast = nn.functional.avg_pool3d(clip, (1, 4, 4))
        return nn.functional.avg_pool3d(clip, (1, self.side, self.side))[:, :, ::2], fast


def test_maps_of_blocks_are_means_over_time_side_by_side():
    video = torch.randn(2, 3, 3, 4, 8, 8)
    encoder = TwoPathways()
    found = encode_blocks(encoder, video, [2, 1])
    assert (found.shape, encoder.calls) == ((2, 3, 6, 2, 2), [4, 2])
    for b, n in ((0, 0), (1, 1), (1, 2)):
        block = video[b, n]
        torch.testing.assert_close(found[b, n, 3:, 0, 1], block[:, :, :4, 4:].mean((1, 2, 3)))
        torch.testing.assert_close(found[b, n, :3, 0, 0], block[:, ::2, :4, :4].mean((1, 2, 3)))


def test_wrong_blocks_and_grids_are_refused():
    with pytest.raises(ValueError, match="expected 4 blocks"):
        encode_blocks(TwoPathways(), torch.zeros(2, 3, 3, 4, 8, 8), [2, 2])
    with pytest.raises(ValueError, match="grid"):
        encode_blocks(TwoPathways(side=8), torch.zeros(2, 3, 3, 4, 8, 8), [3])
