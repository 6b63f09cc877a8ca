"""A batch in parts: the same step where samples are on their own, else another one."""

from __future__ import annotations

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from benchmark.memory import HALVED, note, parts
from benchmark.parted import split
from benchmark.settings import Training, load_recipe
from benchmark.training import build_runner, train_loader
from benchmark.validation import validate
from registries.errors import UsageError

ROWS = torch.randn(16, 5, generator=torch.Generator().manual_seed(0))


class Rows(Dataset):
    """Sixteen rows of five numbers."""

    def __len__(self):
        return len(ROWS)

    def __getitem__(self, index):
        return {"inputs": ROWS[index % len(ROWS)]}

    def set_epoch(self, epoch):
        pass


class Model(BaseModel):
    """Each row on its own, or (`across`) against the other rows of the batch."""

    def __init__(self, *, across=False):
        super().__init__()
        torch.manual_seed(0)
        self.net, self.across = nn.Linear(5, 3), across
        self.sizes = []

    def forward(self, inputs, mode="loss"):
        self.sizes.append(len(inputs))
        out = self.net(inputs).tanh()
        loss = torch.logsumexp(out @ out.T, dim=1) if self.across else out.square().sum(dim=1)
        return {"loss_rows": loss.mean()}


def train(folder, *, across=False, **options):
    """Weights after two epochs of two batches, sizes of the passes, and what hooks heard."""
    recipe = Training(
        epochs=2, batch_size=8, optimizer="SGD", lr=0.1, schedule="constant", **options
    )
    model, heard = Model(across=across), []
    runner = build_runner(
        model,
        train_loader(Rows(), recipe, seed=0, workers=0),
        recipe,
        work_dir=folder,
        name=folder.name,
        seed=0,
        precision="fp32",
        hooks=[],
    )
    plain = runner.call_hook

    def call_hook(name, **given):
        if name == "after_train_iter":
            heard.append((runner.iter, float(given["outputs"]["loss_rows"].detach())))
        plain(name, **given)

    runner.call_hook = call_hook
    runner.train()
    runner.visualizer.close()
    return model.net.weight.detach(), model.sizes, heard


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_samples_on_their_own_train_the_same(tmp_path, count, clip):
    """Weights and logged losses, to rounding; where gradients are clipped too."""
    whole, sizes, heard = train(tmp_path / "whole", clip_grad=clip)
    parted, parted_sizes, parted_heard = train(tmp_path / "p", accumulate=count, clip_grad=clip)
    assert sizes == [8] * 4 and parted_sizes == [8 // count] * 4 * count
    torch.testing.assert_close(parted, whole, rtol=1e-5, atol=1e-7)
    assert [step for step, _ in parted_heard] == [0, 1, 2, 3]
    assert [v for _, v in parted_heard] == pytest.approx([v for _, v in heard], rel=1e-5)


def test_what_relates_samples_sees_a_part(tmp_path):
    whole, _, _ = train(tmp_path / "whole", across=True)
    parted, _, _ = train(tmp_path / "parted", across=True, accumulate=4)
    assert not torch.allclose(parted, whole, rtol=1e-2)


def test_out_of_memory_doubles_the_parts(tmp_path):
    (tmp_path / "work").mkdir()
    assert parts(tmp_path / "work", 4) == 4
    (tmp_path / "work" / HALVED).touch()
    assert parts(tmp_path / "work", 4) == 8 and parts(tmp_path / "work", 1) == 2
    _, sizes, _ = train(tmp_path / "work", accumulate=2)
    assert sizes == [2] * 16


def test_the_record_says_what_was_parted(tmp_path):
    assert note(tmp_path, 32, accumulate=1, across=True) == ()
    (told,) = note(tmp_path, 32, accumulate=4, across=True)
    assert told.startswith("trained as 4 x 8, gradients accumulated; batch statistics are of 8")
    assert told.endswith("not the objective of batch 32")
    (told,) = note(tmp_path, 32, accumulate=4, across=False)
    assert "negatives" not in told
    (tmp_path / HALVED).touch()
    (told,) = note(tmp_path, 32, accumulate=2, across=False)
    assert told.startswith("out of memory at batch 16: trained as 4 x 8")


@pytest.mark.parametrize(("length", "count", "sizes"), [(8, 4, [2] * 4), (7, 3, [3, 2, 2])])
def test_parts_are_nearly_equal(length, count, sizes):
    pieces = split({"rows": torch.arange(length)}, count)
    assert [len(piece["rows"]) for piece in pieces] == sizes
    assert torch.cat([piece["rows"] for piece in pieces]).tolist() == list(range(length))


@pytest.mark.parametrize("count", [3, 5, 8, 16])
def test_parts_of_one_sample_or_unequal_ones_are_refused(count):
    with pytest.raises(UsageError, match="must divide batch_size=8"):
        validate(Training, {"epochs": 1, "batch_size": 8, "lr": 1, "accumulate": count}, where="x")


def test_part_of_the_key_only_where_it_is_used():
    recipe = load_recipe("demo").pretrain
    assert "accumulate" not in recipe.model_dump()
    used = load_recipe("demo", overrides=("pretrain.accumulate=2",)).pretrain
    assert used.model_dump() == {**recipe.model_dump(), "accumulate": 2}
