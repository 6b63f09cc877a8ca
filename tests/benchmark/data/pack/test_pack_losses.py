"""Training on a lossless pack is training on the files; on JPEG, nearly so."""

from __future__ import annotations

import pytest
import torch

from benchmark.data import adapters
from benchmark.data.miniature.build import ensure
from benchmark.pretrain import pretrain
from benchmark.settings import Pack, load_recipe

OVERRIDES = (
    "clip.clip_len=8",
    "clip.size=32",
    "video.base_channels=4",
    "audio.width=4",
    "pretrain.epochs=1",
    "pretrain.batch_size=8",
)


@pytest.mark.parametrize("name", ["glcm", "moco"])
def test_losses_and_weights(mini_cache, packed, tmp_path, name):
    recipe = load_recipe("demo", objectives=(name,), overrides=OVERRIDES)
    root = ensure("mini-kav", tier="ci", cache=mini_cache)
    manifest = adapters.read("kav", root).take(16)

    def trained(kind, store):
        done = pretrain(
            name,
            recipe.objectives.get(name, {}),
            recipe=recipe,
            manifest=manifest,
            store=store,
            seed=3,
            out=tmp_path / kind,
            report=lambda event: None,
        )
        return done.final, torch.load(done.encoders, weights_only=True)["encoders"]

    files = trained("files", None)
    lossless = trained("raw", packed(manifest, Pack(codec="raw"), size=32))
    assert lossless[0] == files[0]
    for modality, encoder in files[1].items():
        for key, value in encoder["weights"].items():
            assert torch.equal(value, lossless[1][modality]["weights"][key]), key
    jpeg = trained("jpeg", packed(manifest, Pack(), size=32))
    losses = {key: value for key, value in files[0].items() if "loss" in key}
    assert losses
    for key, value in losses.items():
        assert jpeg[0][key] == pytest.approx(value, rel=0.02), key
        assert jpeg[0][key] != value
