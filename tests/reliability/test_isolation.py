"""A NaN, a batch too large for memory, a dead loader worker: one cell's matter, and recorded."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from tiny_run import arguments, left_by

import benchmark.cells
from benchmark import memory
from benchmark.cli import main as cli
from benchmark.data.dataset import ClipDataset
from benchmark.parted import split
from benchmark.protocols.finetune import FinetuneModel
from benchmark.results.store import RecordStore
from objectives.glcm import GLCM
from registries.sampling import ClipTimes


def records(out, status=None):
    return [r for r in RecordStore(out).read_all() if status in (None, r.status)]


def test_a_loss_that_is_not_finite_is_named_with_its_term_and_step(tmp_path, monkeypatch, capsys):
    """Found at the last of eight steps, named with the step it began at; no such checkpoint."""
    whole, calls = GLCM.loss, []

    def loss(self, inputs, data_samples):
        calls.append(None)
        terms = whole(self, inputs, data_samples)
        broken = torch.nan if len(calls) >= 5 else 1.0
        return terms | {"loss_local": broken * terms["loss_local"]}

    rarely = arguments(tmp_path, changes={"checkpoint_every": 3600})
    with monkeypatch.context() as patch:
        patch.setattr(GLCM, "loss", loss)
        assert cli.execute(rarely) == 1
    [failed] = records(tmp_path)
    assert failed.failure.message.startswith("loss_local is nan at step 5. Lower the learning rate")
    assert len(calls) == 8 and not list(tmp_path.rglob("checkpoint.pth"))
    assert cli.execute(rarely) == 0


def test_a_dead_loader_worker_costs_its_cell_alone(tmp_path, mini_cache, monkeypatch, capsys):
    """Killed while it reads for one task; the printed command then runs that task only."""
    whole = ClipDataset.__getitem__

    def dies(self, index):
        if self.manifest.name == "mini-dfdc" and torch.utils.data.get_worker_info():
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(self, index)

    words = arguments(tmp_path, objective="random", tasks="dfdc,ucf101", changes={"workers": 1})
    with monkeypatch.context() as patch:
        patch.setattr(ClipDataset, "__getitem__", dies)
        assert cli.execute(words) == 1
    done = {r.task.name: r.status for r in records(tmp_path) if r.task}
    assert done == {"dfdc": "failed", "ucf101": "done"}
    [failed] = records(tmp_path, "failed")
    assert "DataLoader worker" in failed.failure.message
    command = next(
        line for line in capsys.readouterr().err.splitlines() if line.startswith("  bench run")
    )
    tried = []
    real = benchmark.cells.evaluate

    def watched(encoders, task, **options):
        tried.append(task.card.name)
        return real(encoders, task, **options)

    monkeypatch.setattr(benchmark.cells, "evaluate", watched)
    assert cli.execute(command.split()[1:]) == 0
    assert tried == ["dfdc"]


@pytest.fixture
def small_memory(monkeypatch):
    """small_memory(owner, method, batch): no larger batch can be trained, from the nth call on."""

    def arm(owner, method, batch, *, from_call=1):
        whole, sizes = getattr(owner, method), []

        def called(self, inputs, data_samples, *rest, **options):
            if torch.is_grad_enabled():
                sizes.append(len(data_samples["index"]))
                if sizes[-1] > batch and len(sizes) >= from_call:
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
            return whole(self, inputs, data_samples, *rest, **options)

        monkeypatch.setattr(owner, method, called)
        return sizes

    return arm


def test_a_batch_that_does_not_fit_is_halved_once_and_recorded(tmp_path, small_memory):
    """From the last checkpoint: four whole steps, one that did not fit, four of two halves."""
    sizes = small_memory(GLCM, "loss", 3, from_call=5)
    assert cli.execute(arguments(tmp_path)) == 0
    assert sizes == [4] * 5 + [2] * 8
    pretrained, cell = records(tmp_path)
    assert pretrained.pretrain.effective_batch == 4 and pretrained.pretrain.steps == 8
    [warning] = pretrained.warnings
    assert warning.startswith("out of memory at batch 4: trained as 2 x 2, gradients")
    assert "in-batch negatives): not the objective of batch 4" in warning
    assert not any("out of memory" in text for text in cell.warnings)
    assert not list(tmp_path.rglob(memory.HALVED))


def test_a_halved_training_that_is_stopped_goes_on_in_halves(tmp_path, small_memory, monkeypatch):
    small_memory(GLCM, "loss", 3)
    assert cli.execute(arguments(tmp_path / "whole")) == 0
    with monkeypatch.context() as patch:
        whole, calls = GLCM.loss, []

        def loss(self, inputs, data_samples):
            calls.append(None)
            if len(calls) == 6:  # the first did not fit; the third step's first half
                os.kill(os.getpid(), signal.SIGTERM)
            return whole(self, inputs, data_samples)

        patch.setattr(GLCM, "loss", loss)
        assert cli.execute(arguments(tmp_path / "cut")) == 75
        assert len(calls) == 7  # the step is both halves
    assert cli.execute(arguments(tmp_path / "cut")) == 0
    assert left_by(tmp_path / "cut") == left_by(tmp_path / "whole")


def test_halves_that_do_not_fit_either_are_a_failure(tmp_path, small_memory):
    sizes = small_memory(GLCM, "loss", 1)
    assert cli.execute(arguments(tmp_path)) == 1
    assert sizes == [4, 2]
    [failed] = records(tmp_path)
    assert failed.failure.exception == "OutOfMemoryError"


def test_finetuning_in_halves(tmp_path, small_memory):
    sizes = small_memory(FinetuneModel, "forward", 4)
    assert cli.execute(arguments(tmp_path, objective="scratch")) == 0
    assert sizes == [8] + [4] * 18  # nine steps
    [cell] = [record for record in records(tmp_path) if record.task]
    assert any("out of memory at batch 8: trained as 2 x 4" in text for text in cell.warnings)


def test_gradients_of_halves_are_those_of_the_whole_batch():
    """Of a mean over samples, in float64: what accumulation keeps."""
    rows, weight = torch.randn(6, 3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)

    def gradient(parts):
        variable = weight.clone().requires_grad_()
        for part in parts:
            (part @ variable).square().mean().div(len(parts)).backward()
        return variable.grad

    halves = [part["inputs"]["video"] for part in split({"inputs": {"video": rows}}, 2)]
    assert torch.allclose(gradient(halves), gradient([rows]), rtol=1e-12)


def test_a_batch_is_cut_at_every_depth():
    times = ClipTimes(torch.arange(5.0)[:, None], torch.ones(5, 1), torch.zeros(5, 1))
    batch = {"inputs": {"video": torch.arange(5)}, "data_samples": {"id": list("abcde")}}
    batch["data_samples"]["times"] = {"video": times}
    first, second = split(batch, 2)
    assert first["inputs"]["video"].tolist() == [0, 1, 2]
    assert second["data_samples"]["id"] == ["d", "e"]
    assert isinstance(second["data_samples"]["times"]["video"], ClipTimes)
    assert second["data_samples"]["times"]["video"].start.tolist() == [[3.0], [4.0]]
