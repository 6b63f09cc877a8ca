"""Decoding against a plain sum over all alignments."""

from __future__ import annotations

import math
import sys
from itertools import product
from types import ModuleType, SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from benchmark.heads.ctc_decode import (
    DECODERS,
    SYMBOLS,
    encode,
    flashlight,
    greedy,
    prefix_beam,
    steps_needed,
    text_of,
)
from registries.errors import NotReadyError


def collapsed(path):
    merged = [now for at, now in enumerate(path) if at == 0 or now != path[at - 1]]
    return tuple(symbol for symbol in merged if symbol)


def all_texts(log_probs):
    """Probability of every text: the sum over all sequences of symbols that collapse to it."""
    steps, symbols = log_probs.shape
    found = {}
    for path in product(range(symbols), repeat=steps):
        value = math.exp(sum(float(log_probs[t, symbol]) for t, symbol in enumerate(path)))
        found[collapsed(path)] = found.get(collapsed(path), 0.0) + value
    return found


def random_steps(seed, steps, symbols):
    draw = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(steps, symbols, generator=draw, dtype=torch.float64)).log_softmax(1)


@pytest.mark.parametrize(("steps", "symbols"), [(1, 3), (4, 3), (6, 3), (5, 4)])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_most_probable_text(seed, steps, symbols):
    log_probs = random_steps(seed, steps, symbols)
    texts = all_texts(log_probs)
    assert sum(texts.values()) == pytest.approx(1.0)
    best = max(texts, key=texts.__getitem__)
    assert tuple(prefix_beam(log_probs, width=10_000)) == best


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_the_sum_over_all_alignments(seed):
    log_probs = random_steps(seed, 5, 3)
    for text, value in all_texts(log_probs).items():
        loss = F.ctc_loss(
            log_probs[:, None], torch.tensor([text], dtype=torch.long), (5,), (len(text),),
            reduction="sum",
        )  # fmt: skip
        assert float(loss) == pytest.approx(-math.log(value))


def test_the_beam_sums_alignments_where_greedy_takes_one():
    steps = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()  # "" 0.36, "A" 0.64
    assert greedy(steps) == []
    assert prefix_beam(steps) == [1]


def test_a_narrow_beam_can_lose_the_best_text():
    """Blank leads after the first step; a beam of one has dropped the letter by then."""
    steps = torch.tensor([[0.4, 0.35, 0.25], [0.05, 0.9, 0.05]]).log()
    assert prefix_beam(steps, width=1) == [1]
    steps = torch.tensor([[0.4, 0.3, 0.3], [0.45, 0.05, 0.5]]).log()
    texts = all_texts(steps)
    assert max(texts, key=texts.__getitem__) == (2,)
    assert prefix_beam(steps, width=3) == [2]


def test_greedy_merges_and_drops():
    path = [0, 1, 1, 0, 1, 2, 2, 2, 0, 0, 3]
    assert greedy(F.one_hot(torch.tensor(path), 4).float()) == [1, 1, 2, 3]


def test_forty_symbols():
    assert len(SYMBOLS) == 40 == len(set(SYMBOLS))
    assert encode("AZ09' ") == [1, 26, 27, 36, 37, 38]
    assert encode("é-") == [39, 39]
    assert text_of(encode("IT'S 10")) == "IT'S 10"
    assert text_of(encode("  A é  B ")) == "A B"
    assert text_of([]) == ""


def test_equal_neighbours_need_a_step_between_them():
    assert [steps_needed(encode(text)) for text in ("", "A", "AB", "AAB", "AA A")] == [
        0,
        1,
        2,
        4,
        5,
    ]


def test_flashlight_is_asked_as_its_documentation_says(monkeypatch):
    asked = {}

    def search(emissions):
        asked["shape"], asked["dtype"] = tuple(emissions.shape), emissions.dtype
        return [[SimpleNamespace(tokens=torch.tensor(encode(" NO ")))]]

    def ctc_decoder(**options):
        asked.update(options)
        return search

    module = ModuleType("torchaudio.models.decoder")
    module.ctc_decoder = ctc_decoder
    monkeypatch.setitem(sys.modules, "torchaudio.models.decoder", module)
    assert text_of(flashlight(torch.zeros(7, 40, dtype=torch.float64))) == "NO"
    assert asked["shape"] == (1, 7, 40) and asked["dtype"] == torch.float32
    assert asked["lexicon"] is None and asked["beam_size"] == 16 and asked["log_add"]
    assert len(asked["tokens"]) == 40 and asked["tokens"][0] == asked["blank_token"]
    assert asked["tokens"][38] == asked["sil_token"] == " "


def test_flashlight_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio.models.decoder", None)
    with pytest.raises(NotReadyError, match=r"pip install flashlight-text.*decoder 'beam'"):
        DECODERS["flashlight"](torch.zeros(2, 40))
