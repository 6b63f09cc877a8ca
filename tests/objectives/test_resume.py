"""Every objective that pretrains: interrupted and resumed, it ends bit for bit where it would have.

Through mmengine's Runner as the harness builds it, with its hooks and its checkpoint, on synthetic
clips and encoders: queues, twins, banks, drawn labels, schedules and curricula all take part.
"""

from __future__ import annotations

import json

import pytest
import torch

from benchmark.checkpoint import Checkpoint
from benchmark.hooks import FractionDone, standard_hooks
from benchmark.pretrain import objective_class, sampling_for
from benchmark.settings import load_recipe
from benchmark.training import build_runner, train_loader
from objectives.glcm import GLCM
from registries import plugins
from registries.registry import OBJECTIVES
from registries.synthetic import SyntheticClips

EPOCHS, BATCH, CLIPS, SEED = 4, 4, 8, 5  # two steps an epoch
PRETRAINED = [name for name in plugins.available("objectives") if objective_class(name).pretrains]


class InterruptedTrainingError(Exception):
    """What a kill looks like from inside."""


def truth(path) -> str:
    """Latents of the synthetic clips, for the objective that learns from them: 3.2 s at 20 fps."""
    lines = []
    for number in range(CLIPS):
        line = {"path": f"clips/synthetic{number}.mp4", "unrelated": False}
        if number % 2:
            line |= {"kind": "activity", "objects": [{"shape": "disc", "motion": "hop"}]}
        else:
            line |= {"kind": "talk", "fps": 20, "faces": [{"silent": False}]}
            line |= {
                "visemes": ["", "A", "B", "A"] * 16,
                "mouth_track": [[0.5, 0.2, 0.0, 1.0]] * 64,
            }
        lines.append(json.dumps(line))
    path.write_text("\n".join(lines))
    return str(path)


def train(name: str, out, *, stop: int | None = None) -> tuple[dict, list[dict]]:
    """State and logged values after training; `stop`: the step that is never finished."""
    recipe = load_recipe("demo", objectives=(name,))
    options = {**recipe.objectives.get(name, {}), **objective_class(name).small}
    views = sampling_for(name, options, recipe)
    if name == "supervised":
        options |= {"latents": truth(out.with_suffix(".jsonl")), "seconds": recipe.clip.seconds}
    logs: list[dict] = []

    def report(event):
        if event.get("step") == stop:
            raise InterruptedTrainingError
        logs.append({key: float(value.detach()) for key, value in event["logs"].items()})

    torch.manual_seed(99)  # what the process drew before must not matter, and a resumed one differs
    video, audio = {"type": "synthetic_video"}, {"type": "synthetic_audio"}
    model = OBJECTIVES.build({"type": name, "video": video, "audio": audio, **options})
    short = recipe.pretrain.model_copy(update={"epochs": EPOCHS, "batch_size": BATCH})
    clips = SyntheticClips(views, count=CLIPS)
    runner = build_runner(
        model,
        train_loader(clips, short, seed=SEED, workers=0),
        short,
        work_dir=out,
        name=f"resume-{name}-{out.name}-{stop}",
        seed=SEED,
        precision="fp32",
        hooks=[*standard_hooks(SEED, report)[1], FractionDone(), Checkpoint(report, every=0.0)],
    )
    try:
        runner.train()
    except InterruptedTrainingError:
        assert (out / "checkpoint.pth").is_file()
    return model.state_dict(), logs


def resumed(name: str, folder) -> tuple[list[str], list[dict], list[dict]]:
    """(entries of the state that differ, logs undisturbed, logs after resuming)."""
    whole, want = train(name, folder / "whole")
    train(name, folder / "cut", stop=6)  # in the middle of the third epoch
    cut, got = train(name, folder / "cut")
    assert whole.keys() == cut.keys()
    return [key for key in whole if not torch.equal(whole[key], cut[key])], want, got


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_resumed_run_equals_an_undisturbed_one(name, tmp_path):
    different, want, got = resumed(name, tmp_path)
    assert not different
    assert len(want) == 8 and len(got) == 3  # the first five steps were not repeated
    assert str(got) == str(want[5:])  # NaN diagnostics are equal as text


def test_state_outside_the_checkpoint_is_noticed(tmp_path, monkeypatch):
    whole = GLCM.loss

    def loss(self, inputs, data_samples):
        losses = whole(self, inputs, data_samples)
        self.seen = getattr(self, "seen", 0) + 1
        return losses | {"loss_global": losses["loss_global"] * self.seen}

    monkeypatch.setattr(GLCM, "loss", loss)
    different, _, _ = resumed("glcm", tmp_path)
    assert different
