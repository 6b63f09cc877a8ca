"""Features pooled where pretraining says the sound comes from."""

from __future__ import annotations

import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from torch import nn

from benchmark.heads.linear import LinearHead
from benchmark.protocols.attention import Listener, attended
from benchmark.protocols.finetune import FinetuneModel
from registries.encoder import Encoder
from registries.errors import UsageError


class Cells(Encoder):
    """Video (B, 3, T, H, W) as it is, or sound (B, F, S) as it is."""

    pathways, channels = ("clip",), (3,)

    def __init__(self, modality):
        super().__init__()
        self.modality, self.strides = modality, ((1, 1, 1),) if modality == "video" else ((1,),)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, clip):
        return (clip,)


def alignment(*, unit=False):
    row = {"weight": torch.eye(3), "bias": torch.zeros(3), "pathway": "clip", "segments": 1}
    return {name: {**row, "unit": unit} for name in ("video", "audio")}


def listener(**options):
    return Listener({name: Cells(name) for name in ("video", "audio")}, alignment(**options))


def scene(batch=2, *, sounding=(1, 0)):
    """One cell of the picture shows what is heard."""
    video, audio = torch.zeros(batch, 3, 4, 2, 2), torch.zeros(batch, 3, 6)
    audio[:, 1] = 3.0
    video[:, 1, :, sounding[0], sounding[1]] = 3.0
    return {"video": video, "audio": audio}


@pytest.mark.parametrize("unit", [False, True])
def test_weights_lie_on_the_cell_that_sounds(unit):
    weights = listener(unit=unit)(scene())
    assert weights.shape == (2, 2, 2)
    torch.testing.assert_close(weights.sum(dim=(1, 2)), torch.ones(2))
    assert (weights[:, 1, 0] > 0.99).all()


def test_without_sound_all_cells_count_alike():
    inputs = scene()
    inputs["audio"].zero_()
    torch.testing.assert_close(listener()(inputs), torch.full((2, 2, 2), 0.25))


def test_pooling_equals_a_loop():
    maps, weights = torch.randn(2, 5, 4, 2, 3), torch.rand(2, 2, 3)
    found = attended(maps, weights)
    assert found.shape == (2, 5, 4, 1, 1)
    want = sum(maps[1, 2, 3, h, w] * weights[1, h, w] for h in range(2) for w in range(3))
    torch.testing.assert_close(found[1, 2, 3, 0, 0], want)


def test_finetuning_sees_what_sounds_and_trains_no_listener():
    model = FinetuneModel(
        {"video": Cells("video")},
        LinearHead(3, 2, dropout=0.0),
        data_preprocessor=BaseDataPreprocessor(),
        listener=listener(),
    ).train()
    features = model._features(scene())
    torch.testing.assert_close(
        features[0].detach(), torch.tensor([0.0, 3.0, 0.0]), atol=0.01, rtol=0
    )
    assert not model.listener.encoders["video"].norm.training
    assert not any(p.requires_grad for p in model.listener.parameters())
    samples = {"target": torch.tensor([0, 1]), "id": ["a", "b"], "group": ["", ""]}
    twice = {name: torch.stack([clip, clip], dim=1) for name, clip in scene().items()}
    rows = model.eval()(twice, samples, mode="predict")
    assert len(rows) == 2 and float(rows[0]["score"].detach().sum()) == pytest.approx(1.0, abs=1e-5)


def test_encoders_without_a_common_space_are_refused():
    with pytest.raises(UsageError, match="glcm"):
        Listener({name: Cells(name) for name in ("video", "audio")}, None)
