"""Every check passes a sound objective, and catches one that breaks its rule and says how."""

from __future__ import annotations

import copy
from dataclasses import replace

import broken
import pytest
import torch

from registries import plugins
from registries.check_base import Subject, select, step, values
from registries.checks import CHECKS, run_checks
from registries.checks_training import mismatched
from registries.objective import NO_PRETEXT, Objective
from registries.registry import BACKBONES
from registries.sampling import ClipSampling, View
from registries.synthetic import SyntheticClips

NAN = float("nan")
CATCHES = [
    ("check_build", broken.Seeds, "seeds torch"),
    ("check_build", broken.Differs, r"\['number'\] differ"),
    ("check_sampling", broken.Crowded, "no room for the anchors"),
    ("check_sampling", broken.Blind, "declares no views"),
    ("check_sampling", broken.OtherDefault, "'step'.*same default"),
    ("check_reads", broken.Deaf, r"never reads the views \['audio'\]"),
    ("check_reads", broken.Undeclared, "reads 'picture'"),
    ("check_reads", broken.Cheats, r"reads \['target'\]"),
    ("check_losses", broken.NoTerm, r"no loss among \['pair'\]"),
    ("check_losses", broken.adding(loss=lambda _: torch.zeros(())), "call 'loss' loss_<term>"),
    ("check_losses", broken.adding(my_loss=lambda _: torch.zeros(())), "call 'my_loss'"),
    ("check_losses", broken.adding(loss_b=lambda _: torch.zeros(())), "loss_b has no gradient"),
    ("check_losses", broken.adding(b=lambda _: torch.zeros(2)), "'b' is.*scalar"),
    ("check_losses", broken.adding(b=lambda _: torch.tensor(NAN)), "b is nan"),
    ("check_losses", broken.adding(b=lambda m: m.video.stages.stem[0].weight.sum()), "no_grad"),
    ("check_losses", broken.adding(b_accuracy=lambda _: torch.ones(())), "log b_chance"),
    ("check_losses", broken.adding(pair_chance=lambda _: torch.tensor(4.0)), "not a share"),
    ("check_losses", broken.WrongRows, r"embeddings\['video'\] has shape \(2, 16\)"),
    ("check_gradients", broken.Idle, "no gradient reaches spare.weight, spare.bias"),
    ("check_gradients", broken.Exploding, "is not finite"),
    ("check_permutation", broken.Positional, "in another order"),
    ("check_learning", broken.Stuck, "60 steps on the same four clips"),
    ("check_learning", broken.Unpaired, "not what belongs together"),
    ("check_state", broken.Forgetful, "after saving and loading"),
    ("check_encoders", broken.OwnEncoder, "not built by BACKBONES"),
    ("check_encoders", broken.OtherBackbone, "is built of.*resnet1d_18"),
    ("check_encoders", broken.Foreign, "no parameters of the objective"),
    ("check_encoders", broken.Swapped, "is a SyntheticVideo"),
    ("check_encoders", broken.Nothing, "hands nothing down"),
    ("check_encoders", broken.WrongStrides, "makes maps of shape"),
    ("check_encoders", broken.WrongCount, "declare one of each"),
    ("check_batch_sizes", broken.PairsOnly, "with a batch of 1"),
    ("check_batch_sizes", broken.AllAlone, "a batch of 1 teaches nothing"),
    ("check_runner", broken.Still, "change no weight"),
    ("check_runner", broken.Half, "torch.bfloat16 under autocast"),
    ("check_runner", broken.FarOff, "under bfloat16 autocast"),
    ("check_docstring", broken.Silent, "lacks a source.*formula.*Differs.*shapes"),
    ("check_docstring", broken.Uncited, "set `paper`"),
]


@pytest.mark.parametrize("name", CHECKS)
def test_a_sound_objective_passes(name):
    if name in broken.Sound.expected_failures:
        with pytest.raises(AssertionError):
            CHECKS[name](broken.Sound)
    else:
        CHECKS[name](broken.Sound)


def test_layers_may_start_at_zero():
    CHECKS["check_gradients"](broken.ZeroStart)


@pytest.mark.parametrize(
    ("name", "objective", "message"), CATCHES, ids=[f"{n}-{o.__name__}" for n, o, _ in CATCHES]
)
def test_it_catches(name, objective, message):
    with pytest.raises(AssertionError, match=f"(?s){message}"):
        CHECKS[name](objective)


def test_every_check_catches_something():
    assert {name for name, _, _ in CATCHES} == set(CHECKS)


def test_what_an_objective_raises_becomes_a_message():
    with pytest.raises(AssertionError, match=r"Sound raised TypeError.*no_such.*check_build"):
        CHECKS["check_build"](broken.Sound, no_such=1)
    with pytest.raises(AssertionError, match="no subclass of registries"):
        CHECKS["check_build"](dict)


def test_outcomes_follow_what_is_declared():
    states = {found.check: (found.state, found.good) for found in run_checks(broken.Sound)}
    assert list(states) == list(CHECKS)
    assert states.pop("check_batch_sizes") == ("expected", True)
    assert set(states.values()) == {("ok", True)}


def test_a_declaration_that_is_no_longer_needed_fails(monkeypatch):
    monkeypatch.setattr(
        broken.Sound, "expected_failures", {"check_docstring": "why", "check_doc": "misspelt"}
    )
    monkeypatch.setattr("registries.checks.CHECKS", {"check_docstring": CHECKS["check_docstring"]})
    misspelt, stale = run_checks(broken.Sound)
    assert (misspelt.state, stale.state) == ("failed", "stale")
    assert not misspelt.good and not stale.good
    assert "names no check" in misspelt.message and "remove it" in stale.message


def test_checks_leave_the_random_state_alone():
    torch.manual_seed(3)
    CHECKS["check_losses"](broken.Sound)
    assert torch.initial_seed() == 3


def test_small_options_and_given_ones(monkeypatch):
    monkeypatch.setattr(broken.Sound, "small", {"step": 2})
    assert Subject.of(broken.Sound).sampling().views["audio"].clip_len == 32
    assert Subject.of(broken.Sound, step=4).sampling().views["audio"].clip_len == 64


def test_no_pretext_names_checks():
    assert set(NO_PRETEXT) <= set(CHECKS)


# --- every registered objective ---------------------------------------------------------------


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("objective", plugins.available("objectives"))
def test_registered_objectives_keep_the_contract(objective, name):
    from benchmark.settings import load_recipe

    subject = Subject.of(objective)
    recipe = load_recipe("demo", objectives=(objective,))
    options = {**recipe.objectives.get(objective, {}), **subject.options}
    for found in run_checks(Subject(subject.cls, options), only=(name,)):
        assert found.good, found.message


# --- the material -----------------------------------------------------------------------------

VIEWS = ClipSampling(
    {
        "video": View(modality="video", clip_len=8, seconds=0.8),
        "twice": View(modality="video", clip_len=4, seconds=0.8, augment="b", speeds=(2,)),
        "clips": View(modality="video", clip_len=4, seconds=0.4, num_clips=3, anchor="later"),
        "audio": View(modality="audio", clip_len=24, seconds=0.8, reverse=1.0),
    }
)


def test_clips_have_the_shapes_of_their_views_and_know_their_times():
    batch = SyntheticClips(VIEWS, count=2).batch([0, 1])
    shapes = {name: tuple(value.shape) for name, value in batch["inputs"].items()}
    assert shapes == {
        "video": (2, 3, 8, 32, 32),
        "twice": (2, 3, 4, 32, 32),
        "clips": (2, 3, 3, 4, 32, 32),
        "audio": (2, 80, 24),
    }
    times = batch["data_samples"]["times"]
    assert times["clips"].start.shape == (2, 3) and times["twice"].speed.tolist() == [[2], [2]]
    assert times["audio"].reversed.all() and not times["video"].reversed.any()
    assert torch.equal(times["video"].start, times["audio"].start)


def test_views_show_the_moments_they_claim(monkeypatch):
    """Frame i at twice the speed is frame 3 i + 1 of three times as many; reversed is flipped."""
    monkeypatch.setattr("registries.synthetic.NOISE", 0.0)
    fine = View(modality="video", clip_len=12, seconds=1.6)
    views = {
        "fine": fine,
        "fast": replace(fine, clip_len=4, seconds=0.8, speeds=(2,)),
        "back": replace(fine, reverse=1.0),
    }
    inputs = SyntheticClips(ClipSampling(views), count=1).batch([0])["inputs"]
    assert torch.equal(inputs["back"], inputs["fine"].flip(2))
    assert torch.allclose(inputs["fast"], inputs["fine"][:, :, 1::3], atol=1e-4)


def test_clips_are_the_same_every_time_and_differ_by_sample_seed_and_epoch():
    clips = SyntheticClips(VIEWS)
    first = clips[1]["inputs"]["video"]
    assert torch.equal(first, SyntheticClips(VIEWS)[1]["inputs"]["video"])
    assert not torch.equal(first, clips[2]["inputs"]["video"])
    assert not torch.equal(first, SyntheticClips(VIEWS, seed=1)[1]["inputs"]["video"])
    clips.set_epoch(1)
    assert not torch.equal(first, clips[1]["inputs"]["video"])


@pytest.mark.parametrize(("time", "grid"), [(None, None), (1, 4), (2, 8), (4, 16)])
def test_synthetic_encoders_declare_what_they_do(time, grid):
    video = BACKBONES.build(
        {"type": "synthetic_video", "temporal_stride": time, "grid_stride": grid}
    )
    (found,) = video(torch.randn(2, 3, 8, 32, 32))
    t, h, w = video.strides[0]
    assert found.shape == (2, video.channels[0], 8 // t, 32 // h, 32 // w)
    assert (t, h, w) == (time or 1, grid or 8, grid or 8)
    stem, last = video.intermediates(torch.randn(2, 3, 8, 32, 32), ("stem", "layer4"))
    assert stem.shape[1] == 8 and last.shape == found.shape


def test_mismatched_puts_parts_of_different_samples_together():
    batch = Subject.of(broken.Sound).batch(3)
    mixed = mismatched(batch)
    assert torch.equal(mixed["inputs"]["video"], batch["inputs"]["video"])
    assert torch.equal(mixed["inputs"]["audio"], batch["inputs"]["audio"].roll(-1, dims=0))
    times = mixed["data_samples"]["times"]
    assert torch.equal(
        times["audio"].start, batch["data_samples"]["times"]["audio"].start.roll(-1, dims=0)
    )


@pytest.mark.parametrize(("clips", "axis"), [(1, 2), (4, 1)])
def test_a_single_view_is_mismatched_in_its_second_half(clips, axis):
    view = View(modality="video", clip_len=4, seconds=0.4, num_clips=clips)
    batch = SyntheticClips(ClipSampling({"video": view}), count=3).batch(range(3))
    mixed = mismatched(batch)["inputs"]["video"]
    old, other = batch["inputs"]["video"], batch["inputs"]["video"].roll(-1, dims=0)
    assert torch.equal(mixed.narrow(axis, 0, 2), old.narrow(axis, 0, 2))
    assert torch.equal(mixed.narrow(axis, 2, 2), other.narrow(axis, 2, 2))


def test_a_varied_batch_shows_what_is_drawn():
    class Drawn(broken.Sound):
        @classmethod
        def sampling(cls, *, clip_len=32, seconds=3.2, step=3):
            view = View(modality="video", clip_len=4, seconds=0.4, speeds=(1, 2), reverse=0.2)
            return ClipSampling({"video": view})

    times = Subject.of(Drawn).varied()["data_samples"]["times"]["video"]
    assert len(times.reversed.unique()) == len(times.speed.unique()) == 2


def test_select_moves_everything():
    batch = Subject.of(broken.Sound).batch(3)
    moved = select(batch, [2, 0, 1])["data_samples"]
    assert moved["index"].tolist() == [2, 0, 1]
    assert moved["id"][0] == "clips/synthetic2.mp4@0.0"


def test_step_repeats_under_one_seed():
    model = Subject.of(broken.Sound).build()
    batch = Subject.of(broken.Sound).batch()
    twin = copy.deepcopy(model)
    assert isinstance(model, Objective)
    assert values(step(model, batch)) == values(step(twin, batch))
