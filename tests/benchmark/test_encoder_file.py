"""encoders.pt: encoders and, where there is one, the alignment, through a file."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.encoder_file import load_encoder, read_alignment, read_encoders, save_encoders
from registries import synthetic  # noqa: F401 - registers the synthetic backbones
from registries.alignment import Projection
from registries.registry import BACKBONES


def encoders():
    torch.manual_seed(0)
    return {name: BACKBONES.build({"type": f"synthetic_{name}"}) for name in ("video", "audio")}


def alignment(nets, *, size=4):
    found = {}
    for name, net in nets.items():
        layer = nn.Linear(net.channels[0], size)
        found[name] = Projection(
            weight=layer.weight.detach(),
            bias=layer.bias.detach(),
            pathway=net.pathways[0],
            segments=1,
            unit=True,
        )
    return found


def test_an_alignment_is_read_back(tmp_path):
    nets = encoders()
    want, path = alignment(nets), tmp_path / "encoders.pt"
    save_encoders(nets, path, meta={"seed": 1}, alignment=want)
    found = read_alignment(path)
    for name in ("video", "audio"):
        torch.testing.assert_close(found[name]["weight"], want[name]["weight"])
        torch.testing.assert_close(found[name]["bias"], want[name]["bias"])
        assert (found[name]["pathway"], found[name]["unit"]) == (nets[name].pathways[0], True)
        again = load_encoder(path, name)
        torch.testing.assert_close(dict(again.state_dict()), dict(nets[name].state_dict()))


def test_a_file_without_one_is_as_valid_as_before(tmp_path):
    path = tmp_path / "encoders.pt"
    save_encoders(encoders(), path, meta={})
    content = read_encoders(path)
    assert content.pop("alignment", "absent") is None and read_alignment(path) is None
    torch.save(content, path)  # as files were before
    assert set(read_encoders(path)) == {"format", "encoders", "meta"}
    assert read_alignment(path) is None and load_encoder(path, "video").modality == "video"


def test_an_alignment_that_does_not_fit_is_not_written(tmp_path):
    nets = encoders()
    wrong = alignment(nets)
    wrong["audio"]["pathway"] = "slow"
    with pytest.raises(ValueError, match="names pathway 'slow'"):
        save_encoders(nets, tmp_path / "encoders.pt", meta={}, alignment=wrong)
    assert not (tmp_path / "encoders.pt").exists()
