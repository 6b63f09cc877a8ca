"""mini-lrs2: what is said, in which layout, and whether it can be read."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest

from benchmark.data import adapters
from benchmark.data.miniature.audit_lrs2 import (
    blind,
    homophenes,
    oracle_wer,
    shared_sentences,
    transcripts,
)
from benchmark.data.miniature.lrs2 import SIZES, MiniLRS2
from benchmark.data.miniature.sentence import LEXICON, SLOTS, draw_sentence, sentence
from benchmark.data.miniature.speaker import TASK_SPEAKERS
from benchmark.data.miniature.store import make


class Rows:
    """Ground truth without files, as the audit reads it."""

    def __init__(self, rows, tier="small"):
        self.rows, self.card = rows, {"tier": tier}
        self.measurable = tier != "ci"


def truth(item, text=None):
    said = MiniLRS2().speech(item)
    return {
        "text": said.text if text is None else text,
        "part": item.plan["part"],
        "split": item.split,
        "seconds": said.seconds,
        "words": [list(word) for word in said.words],
        "segments": said.utterance.latents(seconds=said.seconds),
    }


@pytest.fixture(scope="module")
def ci():
    return MiniLRS2().items("ci")


@pytest.mark.parametrize("tier", SIZES)
def test_sizes_and_speakers(tier):
    items = MiniLRS2().items(tier)
    assert Counter(i.plan["list"] for i in items) == dict(
        zip(("train", "val", "test", "pretrain"), SIZES[tier], strict=True)
    )
    for item in items:
        assert item.plan["speaker"] in TASK_SPEAKERS[item.split]
    assert SIZES["base"] == (800, 100, 250, 1500)


def test_smaller_tiers_are_parts_of_larger_ones():
    base = {item.path: item for item in MiniLRS2().items("base")}
    assert len(base) == 2650 == len({item.seed for item in base.values()})
    for tier in ("ci", "small"):
        assert all(base[item.path] == item for item in MiniLRS2().items(tier))


def test_sentences_are_never_said_twice():
    items = MiniLRS2().items("base")
    main = [item for item in items if item.plan["part"] == "main"]
    assert len({item.label for item in main}) == len(main) == 1150
    assert Counter(len(item.plan["words"]) for item in main) == {3: 385, 4: 383, 5: 382}
    fragments = [item for item in items if item.plan["part"] == "pretrain"]
    assert Counter(len(item.plan["words"]) for item in fragments) == {1: 750, 2: 750}
    assert {word for item in fragments for word in item.plan["words"]} == set(LEXICON)


def test_the_lexicon():
    assert len(set(LEXICON)) == 30 and [len(slot) for slot in SLOTS] == [10, 10, 10]
    for word in LEXICON:
        assert re.fullmatch(r"[AIUFL][CAIUFL]?[AIUFL]{1,2}", word)
        assert all(a != b for a, b in pairwise(word))
    assert Counter("".join(LEXICON)) == {"C": 15, "A": 16, "I": 16, "U": 16, "F": 17, "L": 16}


def test_no_two_sentences_look_the_same_on_the_lips():
    looks = ["C".join(said) for count in (1, 2, 3) for said in product(LEXICON, repeat=count)]
    assert len(looks) == len(set(looks)) == 30 + 900 + 27_000


def test_sentences_take_the_slots_in_turn():
    assert sentence(0, words=4) == ("ACFL", "FCUI", "ACA", "ACFL")
    assert sentence(4321, words=4) == ("AIF", "FLA", "FU", "FCF")
    assert sentence(10, words=2, slot=2) == ("ACA", "AIF")
    assert len({sentence(number, words=3) for number in range(1000)}) == 1000


@pytest.mark.parametrize("rate", [0.7, 1.0, 1.4, 3.0])
def test_speech_fits_its_clip(rate):
    rng = np.random.default_rng(0)
    for words in (("AL", "FI", "FU"), ("ACFL", "LCFA", "ICAU", "UCFU", "UCUL")):
        said = draw_sentence(rng, words, rate=rate, seconds=(2.5, 4.8))
        assert 2.5 <= said.seconds <= 4.8
        assert said.seconds * 20 == pytest.approx(round(said.seconds * 20))
        assert said.text == " ".join(words)
        assert said.words[0][1] >= 0.2 - 1e-9 and said.words[-1][2] <= said.seconds - 0.2 + 1e-9
        times = [time for _, start, stop in said.words for time in (start, stop)]
        assert times == sorted(times)
        assert said.utterance.segments[0].start <= -0.8
        assert said.utterance.segments[-1].stop >= said.seconds + 0.8 - 1e-9
        spelled = "".join(segment.viseme for segment in said.utterance.segments)
        assert spelled == f"C{'C'.join(words)}C"


def test_every_character_has_a_step_at_ten_frames_a_second():
    items = MiniLRS2().items("base")
    room = [MiniLRS2().speech(i).seconds * 10 - len(i.label) for i in items]
    assert min(room) >= 2


def test_clips_fit_the_owners_layout(ci, tmp_path):
    """Read back by the adapter of the real dataset, unchanged."""
    chosen = [ci[0], ci[16], ci[22], ci[30], ci[31]]
    for item in chosen:
        make(MiniLRS2(), item, tmp_path)
    for name, text in MiniLRS2().lists(chosen).items():
        (tmp_path / name).write_text(text)
    assert re.fullmatch(r"\d{16,20}/\d{5} NF\n", (tmp_path / "test.txt").read_text())
    main = adapters.read("lrs2", tmp_path)
    assert main.rows[["split", "text"]].to_numpy().tolist() == [
        [item.split, item.label] for item in chosen[:3]
    ]
    assert (main.rows["landmarks"] != "").all() and main.missing == ()
    whole = adapters.read("lrs2", tmp_path, part="pretrain")
    assert whole.rows["text"].tolist() == [item.label for item in chosen[3:]]
    words = adapters.read("lrs2", tmp_path, part="pretrain", words=1)
    assert words.rows["text"].tolist() == [w for i in chosen[3:] for w in i.plan["words"]]
    timed = [word for item in chosen[3:] for word in MiniLRS2().speech(item).words]
    assert words.rows["start"].tolist() == [round(start, 2) for _, start, _ in timed]


def test_clips_are_repeatable(ci):
    first, again = MiniLRS2().draw(ci[5]), MiniLRS2().draw(ci[5])
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.wave, again.wave)
    assert first.latents == again.latents
    frames = round(first.latents["seconds"] * 20)
    assert first.frames.shape == (frames, 112, 112, 3) and first.wave.shape == (frames * 800,)
    assert first.landmarks.shape == (frames, 5, 2)


def test_the_audit_finds_what_is_wrong(ci):
    rows = [truth(item) for item in ci]
    assert [result.value for result in transcripts(Rows(rows))] == [0, 0]
    rows[1] = truth(ci[1], text="UA LI AF")
    rows[2]["seconds"] = 5.0
    assert [result.value for result in transcripts(Rows(rows))] == [2, 1]
    assert shared_sentences(Rows(rows))[0].passed is True
    rows[0]["text"] = rows[1]["text"]
    assert shared_sentences(Rows(rows))[0].value == 1
    assert homophenes(Rows(rows))[0].value == 0
    rows[0]["text"] = "UACL LCFA"
    assert homophenes(Rows(rows))[0].value == 1


def test_who_sees_nothing_gets_one_word_in_ten():
    items = MiniLRS2().items("base")
    rows = [{"text": i.label, "part": i.plan["part"], "split": i.split} for i in items]
    (result,) = blind(Rows(rows, "base"))
    assert result.passed is True and 0.87 < result.value < 0.93
    (result,) = blind(Rows([{**row, "text": "UA LI AF"} for row in rows], "base"))
    assert result.passed is False and result.value == 0


@pytest.mark.slow
def test_the_lips_can_be_read():
    """Mouth tracks of the base tier, without drawing a picture: at most 15 %."""
    items = MiniLRS2().items("base")
    said = [MiniLRS2().speech(item) for item in items]
    tracks = [
        one.utterance.mouth(frames=round(one.seconds * 20), fps=20).astype(np.float32)
        for one in said
    ]
    test = np.array([item.split == "test" for item in items])
    assert oracle_wer(tracks, [one.text for one in said], test=test, epochs=10) <= 0.15


def test_the_oracle_learns_and_cannot_read_noise():
    """Letters that stay for four steps are read; random tracks are not."""
    rng = np.random.default_rng(0)
    shapes = {letter: rng.uniform(0, 1, 4) for letter in "AUI "}
    texts = [" ".join(rng.choice(["AU", "UI", "IA"], 2)) for _ in range(60)]
    tracks = [np.repeat([shapes[x] for x in text], 4, axis=0).astype(np.float32) for text in texts]
    test = np.arange(60) >= 45
    assert oracle_wer(tracks, texts, test=test, epochs=20) < 0.1
    noise = [rng.uniform(0, 1, track.shape).astype(np.float32) for track in tracks]
    assert oracle_wer(noise, texts, test=test, epochs=5) > 0.5
