"""What a pretext has learnt: how it is asked, and what the answers mean."""

from __future__ import annotations

import json
import math

import pytest
import torch
import torch.nn.functional as F

from benchmark import learn
from benchmark.cli import main as cli
from benchmark.examine import LEAST_Z, Score, Shift, examine
from benchmark.settings import load_recipe
from registries.errors import BenchError
from registries.objective import Objective
from registries.sampling import ClipSampling, View

STEPS, QUEUE = 8, 6


class Hears(Objective):
    """Knows when (the step of the peak) and what (the height of the peak); keeps a queue."""

    def __init__(self, *, logs=("when", "what"), embed=False):
        super().__init__()
        self.logs, self.embed = logs, embed
        self.register_buffer("queue", torch.full((QUEUE, 1), -1.0))
        self.register_buffer("cursor", torch.zeros((), dtype=torch.int64))
        self.met = []

    @classmethod
    def sampling(cls, *, clip_len=STEPS, seconds=1.6):
        return ClipSampling({"audio": View(modality="audio", clip_len=clip_len, seconds=seconds)})

    def loss(self, inputs, data_samples):
        seen, heard = inputs["video"][:, 0], inputs["audio"][:, 0]
        when = seen.argmax(dim=1) == heard.argmax(dim=1)
        what = seen.amax(dim=1) == heard.amax(dim=1)
        self.met.append((data_samples["index"].tolist(), self.queue.flatten().tolist()))
        slot = (self.cursor + torch.arange(len(seen))) % QUEUE
        self.queue[slot] = heard.amax(dim=1, keepdim=True)
        self.cursor.copy_((self.cursor + len(seen)) % QUEUE)
        self.embeddings = {}
        if self.embed:
            rows = F.one_hot(data_samples["index"] % 4, 4).float()
            self.embeddings = {"video": rows, "audio": rows + 1e-3 * heard[:, :4]}
        found = {"when": (when, 1 / STEPS), "what": (what, 0.5)}
        return {"loss_none": heard.sum()} | {
            f"{name}_{kind}": value
            for name in self.logs
            for kind, value in (
                ("accuracy", found[name][0].float().mean()),
                ("chance", torch.tensor(found[name][1])),
            )
        }

    def encoders(self):
        return {}


def batch(*indices):
    """Clip i has a peak of height i + 1 at step i % STEPS, seen and heard."""
    clips = torch.zeros(len(indices), 1, STEPS)
    for row, index in enumerate(indices):
        clips[row, 0, index % STEPS] = index + 1.0
    return {
        "inputs": {"video": clips, "audio": clips.clone()},
        "data_samples": {"index": torch.tensor(indices)},
    }


KNOWN = [batch(0, 1, 2, 3), batch(4, 5, 6, 7)]
ASKED = [batch(8, 9, 10), batch(11, 12)]


def test_timing_is_lost_in_the_shift_and_the_rest_is_not():
    model = Hears()
    plain = examine(model, KNOWN, ASKED)
    shifted = examine(model, KNOWN, ASKED, change=Shift(("audio",), 0))
    assert [plain[term].value for term in ("when", "what")] == [1, 1]
    assert [shifted[term].value for term in ("when", "what")] == [0, 1]
    when = plain["when"]
    assert when.chance == pytest.approx(1 / 8)
    assert when.error == pytest.approx(math.sqrt(7 / 64 / 5))
    assert when.z == pytest.approx(7 / 8 / when.error) and when.beats
    assert not shifted["when"].beats


def test_batches_count_by_their_clips():
    asked = [batch(8, 9, 10), batch(11)]
    asked[1]["inputs"]["audio"] = asked[1]["inputs"]["audio"].roll(1, dims=2)
    assert examine(Hears(), KNOWN, asked)["when"].value == pytest.approx(0.75)


def test_the_queue_is_filled_anew_and_left_as_it_was():
    model = Hears()
    model.loss(**batch(20, 21))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.met.clear()
    examine(model, KNOWN, ASKED)
    # six slots, two taken by training: two known batches overwrite all, then all are asked alike
    assert [index for index, _ in model.met] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10], [11, 12]]
    assert model.met[2][1] == model.met[3][1] == [5, 6, 7, 8, 3, 4]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not model.training


def test_who_remembers_nothing_is_shown_one_batch():
    model = Hears()
    model.loss = lambda inputs, data_samples: (
        model.met.append(0)
        or {
            "a_accuracy": torch.tensor(0.5),
            "a_chance": torch.tensor(0.5),
        }
    )
    assert examine(model, KNOWN, ASKED)["a"].z == 0
    assert len(model.met) == 1 + len(ASKED)


def test_every_clip_is_rolled_by_its_own_share_at_least_a_quarter():
    shift = Shift(("near", "far"), 3)
    clip = torch.arange(48.0).expand(40, 2, 48)
    inputs = {"video": clip, "near": clip, "far": clip[:, None]}
    moved = shift(inputs, torch.arange(40))
    assert torch.equal(moved["video"], clip)
    assert torch.equal(moved["far"][:, 0], moved["near"])
    by = [int((row[0] == 0).nonzero()) for row in moved["near"]]
    assert min(by) >= 12 and max(by) <= 36 and len(set(by)) > 10
    assert all(
        torch.equal(row, clip[0].roll(b, dims=-1)) for row, b in zip(moved["near"], by, strict=True)
    )
    again = shift({"near": clip[:2]}, torch.tensor([7, 5]))["near"]
    assert torch.equal(again, moved["near"][[7, 5]])
    assert not torch.equal(Shift(("near",), 4)(inputs, torch.arange(40))["near"], moved["near"])


def test_cosines_where_no_accuracy_is_logged():
    found = examine(Hears(logs=(), embed=True), KNOWN, [batch(8, 9, 10, 11), batch(12, 13)])
    assert list(found) == ["cosine"]
    assert found["cosine"].value == pytest.approx(1, abs=0.01)
    assert found["cosine"].chance == pytest.approx(0, abs=0.02)
    assert found["cosine"].beats
    with pytest.raises(BenchError, match="no <term>_accuracy"):
        examine(Hears(logs=()), KNOWN, ASKED)


@pytest.mark.parametrize(("value", "beats"), [(0.5, False), (0.64, False), (0.66, True)])
def test_clearly_above_chance(value, beats):
    score = Score(value, 0.5, 0.05)
    assert score.beats is beats and (score.z >= LEAST_Z) is beats


def test_a_failure_is_told(monkeypatch):
    def broken(*arguments):
        raise RuntimeError("no luck")

    monkeypatch.setattr(learn, "_learn", broken)
    setting = learn.Setting(load_recipe("demo"), None, None, None, 0)
    found = learn.learn("glcm", setting, lambda event: None)
    assert found.failure == "RuntimeError: no luck" and found.answers == ()
    assert found.facts()["answers"] == []


@pytest.mark.parametrize(("clips", "kept"), [(1500, 1350), (96, 86), (10, 9), (4, 4)])
def test_nine_tenths_are_trained_on(clips, kept):
    assert learn.kept(clips) == kept


SMALL = (
    "clip.clip_len=8",
    "clip.size=32",
    "video.base_channels=4",
    "audio.width=4",
    "objectives.moco.queue=16",
    "pretrain_clips=40",
)


@pytest.fixture(scope="module")
def said(mini_cache, tmp_path_factory):
    """Exit code and JSON of one call: a pretext with sound, one without, an anchor."""
    import contextlib
    import io

    out = io.StringIO()
    options = [word for one in SMALL for word in ("-o", one)]
    words = ["learn", "--objective", "glcm,moco,scratch", "--steps", "2", "--seed", "1", "--json"]
    with contextlib.redirect_stdout(out):
        code = cli.execute([*words, *options])
    return code, json.loads(out.getvalue())


def test_the_command_on_generated_clips(said):
    code, found = said
    assert code == found["exit"] == 0
    assert found["data"] == {"name": "mini-kav", "kind": "miniature", "clips": 40}
    glcm, moco = found["objectives"]
    assert (glcm["objective"], glcm["clips"], glcm["steps"], glcm["failure"]) == (
        "glcm",
        36,
        2,
        "",
    )
    assert {answer["term"] for answer in glcm["answers"]} == {"local", "retrieval"}
    for answer in glcm["answers"]:
        assert answer["clips"] == 4 and answer["shifted"]["chance"] == answer["plain"]["chance"]
        assert set(answer["plain"]) == {"value", "chance", "error", "z", "beats_chance"}
    assert [answer["term"] for answer in moco["answers"]] == ["contrast"]
    assert moco["answers"][0]["plain"]["chance"] == pytest.approx(1 / 17)
    assert moco["answers"][0]["shifted"] is None


def test_the_table_and_the_exit_code(monkeypatch, capsys):
    local = learn.Answer("glcm", "local", 150, Score(0.4, 0.1, 0.02), Score(0.1, 0.1, 0.02))
    cosine = learn.Answer("moco", "contrast", 150, Score(0.5, 0.5, 0.02), None)
    found = {
        "glcm": learn.Learnt("glcm", (local,), steps=3, clips=1350),
        "moco": learn.Learnt("moco", (cosine,), steps=3, clips=1350),
        "cpc": learn.Learnt("cpc", failure="out of luck"),
    }
    monkeypatch.setattr(learn, "learn", lambda name, *_: found[name])
    facts = {"name": "mini-kav", "kind": "miniature", "__len__": lambda _: 1500}
    manifest = type("Set", (), facts)()
    setting = learn.Setting(load_recipe("demo"), manifest, None, None, 0)
    monkeypatch.setattr(learn, "prepare", lambda *_, **__: setting)
    monkeypatch.setenv("COLUMNS", "160")
    assert cli.execute(["learn", "--objective", "glcm,moco,cpc"]) == 1
    said = capsys.readouterr()
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0] == "objective term chance accuracy shifted n se verdict"
    assert lines[1] == (
        "glcm local 0.100 0.400 0.100 150 0.020 beats chance (z = 15.0); shifted does not (z = 0.0)"
    )
    assert lines[2] == "moco contrast 0.500 0.500 no sound 150 0.020 does not (z = 0.0)"
    assert "FAILED cpc: out of luck" in said.err


def test_a_misspelt_option_ends_before_anything_is_made():
    with pytest.raises(BenchError, match=r"option of glcm.*winow"):
        learn.prepare(["glcm"], preset="demo", overrides=("objectives.glcm.winow=3",))


@pytest.mark.slow
def test_local_pretexts_need_synchrony_and_global_ones_do_not():
    """The statement of `bench learn`'s table, where it takes a minute: on synthetic clips."""
    setting = learn.prepare(("glcm", "avts"), preset="mini", synthetic=True, steps=300)
    found = {
        (one.objective, answer.term): answer
        for one in (learn.learn(name, setting, lambda event: None) for name in ("glcm", "avts"))
        for answer in one.answers
    }
    assert {term for _, term in found} == {"local", "retrieval", "sync", "hard"}
    for timed in (("glcm", "local"), ("avts", "sync"), ("avts", "hard")):
        assert found[timed].plain.beats and not found[timed].shifted.beats, timed
    assert found["glcm", "local"].plain.value > 0.5
    whole = found["glcm", "retrieval"]
    assert whole.plain.beats and whole.shifted.beats


def test_synthetic_clips_that_are_asked_about_are_not_trained_on():
    setting = learn.prepare(("glcm",), preset="mini", synthetic=True, steps=1)
    taught, whole = learn._clips("glcm", setting)
    assert (len(taught), len(whole)) == (1350, 1500)
    assert setting.data == {"name": "synthetic", "kind": "synthetic", "clips": 1500}
    assert torch.equal(taught[7]["inputs"]["audio"], whole[7]["inputs"]["audio"])
    assert setting.recipe.video == {"type": "synthetic_video"}


def test_an_unknown_kind_of_clips_is_refused(capsys):
    assert cli.execute(["learn", "--data", "syntetic"]) == 2
    assert "synthetic" in capsys.readouterr().err
