"""The anchors: what is handed down, and what the supervised one learns from which clip."""

from __future__ import annotations

import json
import math

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn
from toys import toy_batch

from objectives.parts.latents import clip_name, read_latents
from registries.errors import NotReadyError
from registries.registry import OBJECTIVES
from registries.sampling import ClipTimes

BACKBONES = {"video": {"type": "toy_video"}, "audio": {"type": "toy_audio"}}
IDS = [f"clips/k{number}.mp4@0.0" for number in range(4)]


def face(*, silent=False) -> dict:
    return {"silent": silent}


def talk(number: int, faces: list[dict], *, unrelated: bool = False) -> dict:
    # 16 native frames at 20 fps: A, A, B, B, silence, ...
    visemes = (["A"] * 2 + ["B"] * 2 + [""] * 2 + ["A"] * 2) * 2
    return {
        "path": f"clips/k{number}.mp4", "kind": "talk", "fps": 20, "unrelated": unrelated,
        "visemes": visemes, "mouth_track": [[0.5, 0.5, 0.0, 0.1]] * 16, "faces": faces,
    }  # fmt: skip


def act(number: int, *things: tuple[str, str]) -> dict:
    objects = [{"shape": shape, "motion": motion} for shape, motion in things]
    return {
        "path": f"clips/k{number}.mp4", "kind": "activity", "unrelated": False, "objects": objects
    }  # fmt: skip


@pytest.fixture
def truth(tmp_path):
    lines = [
        talk(0, [face()]),
        act(1, ("disc", "hop"), ("ring", "hop")),
        talk(2, [face(), face()]),
        act(3, ("disc", "spin")),
    ]
    path = tmp_path / "gt.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def supervised(truth, **options):
    torch.manual_seed(0)
    config = {"type": "supervised", "latents": str(truth), "seconds": 0.8, **BACKBONES}
    return OBJECTIVES.build({**config, **options})


def samples(ids=IDS, start=0.0) -> dict:
    times = ClipTimes(
        start=torch.full((len(ids), 1), start, dtype=torch.float64),
        speed=torch.ones(len(ids), 1),
        reversed=torch.zeros(len(ids), 1, dtype=torch.bool),
    )
    return {"id": ids, "times": {"video": times, "audio": times}}


@pytest.mark.parametrize(("name", "frozen"), [("scratch", False), ("random", True)])
def test_untrained_anchors_hand_down_what_glcm_does(name, frozen):
    anchor = OBJECTIVES.build({"type": name, **BACKBONES})
    glcm = OBJECTIVES.build({"type": "glcm", **BACKBONES})
    assert (anchor.pretrains, anchor.frozen) == (False, frozen)
    for modality in ("video", "audio"):
        ours, theirs = anchor.encoders()[modality], glcm.encoders()[modality]
        assert ours.config == theirs.config
        assert ours.state_dict().keys() == theirs.state_dict().keys()
    with pytest.raises(NotImplementedError, match=name):
        anchor.loss({}, {})


@pytest.mark.parametrize("name", ["scratch", "random"])
def test_plain_encoder_is_an_option(name):
    anchor = OBJECTIVES.build({"type": name, "pathways": False, "video": BACKBONES["video"]})
    assert list(anchor.encoders()) == ["video"]
    assert anchor.encoders()["video"].config == BACKBONES["video"]


def test_anchor_without_a_backbone_raises():
    with pytest.raises(ValueError, match="config"):
        OBJECTIVES.build({"type": "scratch"})


def test_latents_are_read(truth):
    found = read_latents(truth)
    assert found.viseme_names == ("", "A", "B")
    assert (found.shape_names, found.motion_names) == (("disc", "ring"), ("hop", "spin"))
    assert found.visemes[0, :5].tolist() == [1, 1, 2, 2, 0]
    assert found.visemes[1].tolist() == [-1] * 16
    assert found.shapes.tolist() == [[0, 0], [1, 1], [0, 0], [1, 0]]
    assert found.alone.tolist() == [True, False, False, False]  # two speak in the third
    assert found.acts.tolist() == [False, True, False, True]


@pytest.mark.parametrize("text", ["{}\n", "[", ""])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "gt.jsonl"
    path.write_text(text)
    with pytest.raises(NotReadyError, match="not the ground truth"):
        read_latents(path)
    with pytest.raises(NotReadyError, match="no such file"):
        read_latents(tmp_path / "none.jsonl")


def test_clip_names():
    assert clip_name("clips/kav000012.mp4@0.0") == "clips/kav000012" == clip_name("clips/kav000012")


def test_zero_heads_give_the_uniform_values(truth):
    model = supervised(truth)
    for part in model.heads.parameters():
        nn.init.zeros_(part)
    got = {key: float(value) for key, value in model.loss(toy_batch(), samples()).items()}
    assert got["loss_viseme"] == pytest.approx(math.log(3), rel=1e-6)
    assert got["loss_audio_viseme"] == pytest.approx(math.log(3), rel=1e-6)
    for key in ("loss_shape", "loss_motion", "loss_audio_shape"):
        assert got[key] == pytest.approx(math.log(2), rel=1e-6)
    # smooth L1 of (.5, .5, 0, .1) against zero: (.125 + .125 + 0 + .005) / 4
    assert got["loss_mouth"] == pytest.approx(0.06375, rel=1e-5)
    # all scores equal: silence, the first class, is named in 2 of 8 frames
    assert got["viseme_accuracy"] == pytest.approx(0.25)
    assert {k for k in got if "loss" not in k} == {"viseme_accuracy", "audio_viseme_accuracy"}


@pytest.mark.parametrize(
    ("start", "seconds", "want"),
    [
        (0.0, 0.8, [1, 2, 0, 1, 1, 2, 0, 1]),  # every other frame
        (0.1, 0.4, [2, 2, 0, 0, 1, 1, 1, 1]),  # frames 2 to 9
        (0.0, 1.6, [2, 1, 2, 1]),  # frames 2, 6, 10, 14; the other steps lie outside
    ],
)
def test_frames_are_those_at_the_middles_of_steps(truth, start, seconds, want):
    model = supervised(truth, seconds=seconds)
    frames, inside = model._frames(torch.tensor([start], dtype=torch.float64), 8)
    assert model.visemes[0, frames[0][inside[0]]].tolist() == want


def test_wrong_seconds_are_noticed(truth):
    model = supervised(truth, seconds=0.8)
    with pytest.raises(ValueError, match="seconds"):
        model.loss(toy_batch(), samples(start=0.4))


@pytest.mark.parametrize(
    ("ids", "silent_terms"),
    [
        (IDS[1::2], {"loss_viseme", "loss_mouth", "loss_audio_viseme"}),
        (IDS[::2], {"loss_shape", "loss_motion", "loss_audio_shape"}),
    ],
)
def test_a_kind_of_clip_that_is_absent_adds_nothing(truth, ids, silent_terms):
    losses = supervised(truth).loss(toy_batch(2), samples(ids))
    zero = {key for key, value in losses.items() if "loss" in key and float(value.detach()) == 0}
    assert zero == silent_terms
    sum(value for key, value in losses.items() if "loss" in key).backward()


def test_unrelated_sound_teaches_the_audio_trunk_nothing(truth):
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    truth.write_text("".join(json.dumps({**line, "unrelated": True}) + "\n" for line in lines))
    losses = supervised(truth).loss(toy_batch(), samples())
    assert float(losses["loss_audio_viseme"]) == float(losses["loss_audio_shape"]) == 0
    assert float(losses["loss_viseme"].detach()) > 0.1


def test_a_clip_that_the_truth_does_not_know(truth):
    with pytest.raises(NotReadyError, match="clips/other"):
        supervised(truth).loss(toy_batch(1), samples(["clips/other.mp4@0.0"]))


def test_it_learns_and_keeps_the_truth_out_of_its_state(truth):
    model = supervised(truth)
    assert not any("viseme" in key and "heads" not in key for key in model.state_dict())
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=2e-2))
    data = {"inputs": toy_batch(), "data_samples": samples()}
    logs = [model.train_step(data, wrapper) for _ in range(40)]
    assert float(logs[-1]["loss"]) < 0.5 * float(logs[0]["loss"])


def test_every_parameter_gets_a_gradient(truth):
    model = supervised(truth)
    losses = model.loss(toy_batch(), samples())
    sum(value for key, value in losses.items() if "loss" in key).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []
