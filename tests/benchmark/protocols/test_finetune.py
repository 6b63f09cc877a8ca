"""Pooling of pathways, and what finetuning trains."""

import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from torch import nn

from benchmark.heads.linear import LinearHead
from benchmark.heads.recurrent import RecurrentHead
from benchmark.protocols.finetune import FinetuneModel
from benchmark.protocols.pooling import chosen_pathways, feature_channels, pool_maps
from registries.encoder import Encoder
from registries.errors import UsageError


class Two(Encoder):
    """Two pathways: every frame, and every second one; channels are copies of the input's mean."""

    modality, pathways, channels = "video", ("global", "local"), (3, 6)
    strides = ((2, 4, 4), (1, 4, 4))

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.norm = nn.BatchNorm3d(3)

    def forward(self, clip):
        small = self.norm(self.scale * nn.functional.avg_pool3d(clip, (1, 4, 4)))
        return small[:, :, ::2], torch.cat([small, small], dim=1)


def test_clip_pooling_is_the_mean_of_each_pathway_side_by_side():
    one, two = torch.randn(2, 3, 4, 2, 2), torch.randn(2, 5, 8, 2, 2)
    pooled = pool_maps((one, two), "clip")
    assert torch.allclose(pooled[1, :3], one[1].mean(dim=(1, 2, 3)))
    assert torch.allclose(pooled[1, 3:], two[1].mean(dim=(1, 2, 3)))


def test_maximum_over_the_grid_is_averaged_over_time():
    maps = torch.zeros(1, 2, 3, 2, 2)
    maps[0, 0, :, 1, 0] = torch.tensor([3.0, 6.0, 9.0])
    pooled = pool_maps((maps,), "clip", over_grid="max")
    torch.testing.assert_close(pooled, torch.tensor([[6.0, 0.0]]))


def test_step_pooling_repeats_the_slower_pathway():
    slow, fast = torch.randn(1, 2, 2, 3, 3), torch.randn(1, 4, 6, 3, 3)
    steps = pool_maps((slow, fast), "step")
    assert steps.shape == (1, 6, 6)
    assert torch.allclose(steps[0, :, 0], slow[0, 0].mean(dim=(1, 2)).repeat_interleave(3))
    assert torch.allclose(steps[0, 4, 2:], fast[0, :, 4].mean(dim=(1, 2)))


def test_step_grid_pooling_averages_nothing():
    slow, fast = torch.randn(1, 2, 2, 3, 3), torch.randn(1, 4, 6, 3, 3)
    steps = pool_maps((slow, fast), "step_grid")
    assert steps.shape == (1, 6, 6, 3, 3)
    assert torch.equal(steps[0, 4, 2:], fast[0, :, 4])
    assert torch.equal(steps[0, 5, :2], slow[0, :, 1])


def test_grid_pooling_keeps_the_first_grid():
    maps = (torch.randn(2, 3, 4, 5, 5), torch.randn(2, 2, 4, 10, 10))
    grid = pool_maps(maps, "grid")
    assert grid.shape == (2, 5, 5, 5)
    assert torch.allclose(grid[:, :3], maps[0].mean(dim=2))


def test_features_choose_pathways_by_name():
    encoder = Two()
    assert chosen_pathways(encoder, "all") == (0, 1)
    assert chosen_pathways(encoder, "local") == (1,)
    assert feature_channels(encoder, "global") == 3 and feature_channels(encoder, "all") == 9
    with pytest.raises(UsageError, match="use one of them"):
        chosen_pathways(encoder, "third")


def model(**options):
    torch.manual_seed(0)
    head = LinearHead(9, 2, dropout=0.0)
    return FinetuneModel(
        {"video": Two()}, head, data_preprocessor=BaseDataPreprocessor(), **options
    )


def batch(*shape):
    samples = {"target": torch.tensor([0, 1]), "id": ["a", "b"], "group": ["g", "g"]}
    return torch.randn(*shape), samples


def test_scores_of_several_clips_are_averaged():
    tested = model().eval()
    video, samples = batch(2, 3, 3, 4, 8, 8)
    rows = tested({"video": video}, samples, mode="predict")
    alone = [tested({"video": video[:, n]}, samples, mode="predict") for n in range(3)]
    expected = torch.stack([clip[1]["score"] for clip in alone]).mean(dim=0)
    assert torch.allclose(rows[1]["score"], expected, atol=1e-6)
    assert rows[1]["id"] == "b" and rows[1]["target"] == 1
    assert float(rows[0]["score"].sum()) == pytest.approx(1.0, abs=1e-5)


def test_a_frozen_encoder_gets_no_gradient_and_keeps_its_statistics():
    tested = model(frozen=True).train()
    before = tested.encoders["video"].norm.running_mean.clone()
    video, samples = batch(2, 3, 4, 8, 8)
    sum(tested({"video": video}, samples, mode="loss").values()).backward()
    assert tested.encoders["video"].scale.grad is None
    assert tested.head.output.weight.grad.abs().sum() > 0
    assert torch.equal(tested.encoders["video"].norm.running_mean, before)


def test_finetuning_reaches_the_encoder():
    tested = model().train()
    video, samples = batch(2, 3, 4, 8, 8)
    sum(tested({"video": video}, samples, mode="loss").values()).backward()
    assert tested.encoders["video"].scale.grad.abs() > 0


def test_a_recurrent_head_reads_order():
    torch.manual_seed(0)
    head = RecurrentHead(4, 3, hidden=8, layers=1).eval()
    steps = torch.randn(2, 6, 4, 3, 3)
    assert head.predict(steps).shape == (2, 3)
    assert not torch.allclose(head.predict(steps), head.predict(steps[:, torch.randperm(6)]))
