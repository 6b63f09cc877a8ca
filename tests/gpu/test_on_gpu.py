"""What a GPU changes: devices, bfloat16, draws, workers. `pytest -m gpu` on a machine with one."""

from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook

import benchmark.run
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.mock import MockClips
from benchmark.plan_request import RunRequest
from benchmark.pretrain import build, objective_class, sampling_for, trainer
from benchmark.results.store import RecordStore
from benchmark.settings import load_recipe
from benchmark.training import train_loader
from registries import plugins
from registries.check_base import Subject, step, total, values

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"),
]
PRETRAINED = [
    name
    for name in plugins.available("objectives")
    if objective_class(name).pretrains and name != "supervised"  # needs latents of real clips
]
FP32, BF16 = 2e-3, 8e-2  # relative; chosen: order of sums, and 8 bits of mantissa


def to_gpu(value):
    """A batch, nested as it is, on the GPU."""
    if isinstance(value, torch.Tensor):
        return value.cuda()
    if isinstance(value, tuple):
        return type(value)(*map(to_gpu, value))
    if isinstance(value, dict):
        return {key: to_gpu(inner) for key, inner in value.items()}
    return value


@pytest.fixture
def exact():
    """No TF32: float32 means float32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_loss_is_the_same_number_there(name, exact):
    subject = Subject.of(name)
    batch = subject.batch()
    wanted = values(step(subject.build(), batch))
    model = subject.build().cuda()
    losses = step(model, to_gpu(batch))
    got = values(losses)
    for key, value in wanted.items():
        if "loss" in key:
            assert got[key] == pytest.approx(value, rel=FP32, abs=FP32), key
    total(losses).backward()
    idle = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not idle
    with torch.autocast("cuda", dtype=torch.bfloat16):
        losses = step(subject.build().cuda(), to_gpu(batch))
    for key, value in values(losses).items():
        if "loss" in key:
            assert losses[key].dtype == torch.float32, key
            assert value == pytest.approx(wanted[key], rel=BF16, abs=BF16), key


class NoWaiting(Hook):
    """Makes torch raise where the host waits for the device in one step."""

    priority = "LOWEST"

    def __init__(self, step):
        self.step = step

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        torch.cuda.set_sync_debug_mode("error" if runner.iter == self.step else "default")

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["glcm", "moco"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("optimizer", ["AdamW", "SGD"])
def test_a_step_does_not_wait_for_the_device(tmp_path, name, precision, optimizer):
    """All of the fourth step of five, hooks included: none looks at a loss yet."""
    changed = [f"pretrain.{text}" for text in ("epochs=1", "batch_size=4", "clip_grad=1.0")]
    recipe = load_recipe(
        "demo",
        objectives=(name,),
        overrides=(*changed, f"pretrain.optimizer={optimizer}", f"precision={precision}"),
    )
    options = recipe.objectives.get(name, {})
    sampling = sampling_for(name, options, recipe)
    preprocessor = ClipPreprocessor(
        sampling.views, size=recipe.clip.size, augment=recipe.pretrain.augment
    )
    objective = build(name, options, recipe=recipe, preprocessor=preprocessor)
    clips = MockClips(sampling, size=recipe.clip.size, count=20)
    runner, _, _ = trainer(
        name,
        objective,
        train_loader(clips, recipe.pretrain, seed=0, workers=0),
        recipe=recipe,
        seed=0,
        out=tmp_path,
        report=lambda event: None,
        hooks=[NoWaiting(step=3)],
    )
    try:
        runner.train()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def run(out, objectives, tasks, *overrides, protocol=None, jobs=None, seeds=(0,)):
    """A demo run; its records by objective and task."""
    request = RunRequest(
        objectives=objectives,
        tasks=tasks,
        protocol=protocol,
        out=out,
        jobs=jobs,
        seeds=seeds,
        overrides=("precision=auto", *overrides),
    )
    assert benchmark.run.execute(request) == 0
    return {
        (r.objective.name, r.task.name, r.task.modality): r
        for r in RecordStore(out).current()
        if r.task
    }


def test_every_task_and_protocol_runs_there(tmp_path):
    tasks = [name for name in plugins.available("tasks") if name not in ("k400", "grid_words")]
    tasks.remove("localise_flickr")  # these have no miniature
    found = run(tmp_path, ("glcm",), tuple(tasks), "workers=2")
    assert {task for _, task, _ in found} == set(tasks)
    assert {record.precision for record in found.values()} == {"bf16"}
    assert all(record.cost.gpu_hours and record.cost.peak_mem_gb for record in found.values())


@pytest.mark.parametrize("protocol", ["linear", "knn:5", "frozen_weighted", "retrieval"])
def test_frozen_protocols_run_there(tmp_path, protocol):
    assert run(tmp_path, ("avts",), ("ucf101",), protocol=protocol)


def test_every_objective_trains_there_side_by_side(tmp_path):
    names = (*PRETRAINED, "supervised", "scratch", "random")
    found = run(tmp_path, names, ("ucf101",), "workers=1", jobs=4)
    assert {objective for objective, _, _ in found} == set(names)


def test_workers_change_nothing(tmp_path):
    """Without bfloat16 and with deterministic kernels, 0 and 2 workers end in the same encoders."""
    finals = []
    for workers in (0, 2):
        out = tmp_path / str(workers)
        run(out, ("moco",), ("ucf101",), f"workers={workers}", "precision=fp32")
        (record,) = [r for r in RecordStore(out).current() if r.kind == "pretrain"]
        finals.append(record.pretrain.final)
    for key, value in finals[0].items():
        assert finals[1][key] == pytest.approx(value, rel=5e-2, abs=5e-2), key
