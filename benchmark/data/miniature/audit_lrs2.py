"""Checks of mini-lrs2: can the sentences be read, and from the lips alone?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.miniature.audit_base import AuditResult, Subject, not_measured
from benchmark.data.miniature.audit_checks import at_least, at_most, duplicates
from benchmark.data.miniature.audit_sets import designed, speakers
from benchmark.data.miniature.audit_tracks import ERROR
from benchmark.data.miniature.lrs2 import SECONDS, WORDS
from benchmark.data.miniature.sentence import SLOTS
from benchmark.data.miniature.viseme import VISEMES

if TYPE_CHECKING:
    import torch

ORACLE_WER = 0.15  # chosen
BLIND_WER = 0.85  # chosen: about 90 % is expected; five standard errors over 1,000 words below
EPOCHS, WIDTH, BATCH = 25, 128, 32  # of the oracle; chosen: far enough below its limit


def transcripts(subject: Subject) -> list[AuditResult]:
    """Transcript, table of word times and lips say the same, in the specified lengths."""
    wrong = outside = 0
    for row in subject.rows:
        said = [v for v, *_ in row["segments"] if v][1:-1]  # between the closures at both ends
        wrong += "".join(said) != "C".join(row["text"].split())
        wrong += row["text"] != " ".join(word for word, *_ in row["words"])
        shortest, longest = SECONDS[row["part"]]
        outside += not shortest - 1e-6 <= row["seconds"] <= longest + 1e-6
        outside += len(row["words"]) not in WORDS[row["part"]]
        outside += row["words"][0][1] < 0 or row["words"][-1][2] > row["seconds"]
    return [
        at_most("transcripts that differ from the lips", wrong, 0),
        at_most("clips outside the specified lengths", outside, 0),
    ]


def shared_sentences(subject: Subject) -> list[AuditResult]:
    """No sentence of `main` is said twice, in one split or two."""
    said = [row["text"] for row in subject.rows if row["part"] == "main"]
    return [at_most("sentences said twice", len(said) - len(set(said)), 0)]


def homophenes(subject: Subject) -> list[AuditResult]:
    """A sequence of mouth shapes has one reading, closures between words included.

    C is a word's second letter or none: then a single letter before a closure always begins a word,
    and reading from left to right never has a choice.
    """
    words = {word for row in subject.rows for word in row["text"].split()}
    unclear = sum(len(word) < 2 or "C" in word[:1] + word[2:] for word in words)
    return [at_most("words that can be misread", unclear, 0, note="no homophenes")]


def blind(subject: Subject) -> list[AuditResult]:
    """Who knows the number of words, and nothing else, gets one word in ten."""
    check = "WER of a decoder that sees nothing"
    if not subject.measurable:
        return [not_measured(check, f">= {BLIND_WER:.3f}")]
    main = [row for row in subject.rows if row["part"] == "main"]
    train = [row["text"].split() for row in main if row["split"] == "train"]
    guess = [
        Counter(words[at] for words in train if len(words) > at).most_common(1)[0][0]
        for at in range(max(map(len, train)))
    ]
    test = [row["text"].split() for row in main if row["split"] == "test"]
    wrong = sum(word != guess[at] for words in test for at, word in enumerate(words))
    total = sum(map(len, test))
    return [at_least(check, wrong / total, BLIND_WER, note=f"{len(SLOTS[0])} words a slot")]


def oracle(subject: Subject) -> list[AuditResult]:
    """A BiGRU with CTC reads the true mouth tracks (with a tracker's error), decoded greedily."""
    checks = ("oracle tracks, WER at 20 fps", "oracle tracks, WER at 10 fps")
    if subject.card["tier"] != "base":
        return [not_measured(check, f"<= {ORACLE_WER:.3f}") for check in checks[:1]]
    rng = np.random.default_rng(0)
    tracks = [np.array(row["mouth_track"], np.float32) for row in subject.rows]
    tracks = [x + ERROR * rng.standard_normal(x.shape, dtype=np.float32) for x in tracks]
    texts = [row["text"] for row in subject.rows]
    test = np.array([row["split"] == "test" for row in subject.rows])
    dense = oracle_wer(tracks, texts, test=test)
    sparse = oracle_wer([track[::2] for track in tracks], texts, test=test)
    return [at_most(checks[0], dense, ORACLE_WER), designed(checks[1], sparse, "as it is read")]


def oracle_wer(
    tracks: list[np.ndarray], texts: list[str], *, test: np.ndarray, epochs: int = EPOCHS
) -> float:
    """Word error rate on `test` of a network trained on the others; tracks (T, 4) each."""
    import torch

    symbols = f"-{VISEMES} "  # the blank first
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _network(len(symbols))
    x = [torch.from_numpy(track) for track in tracks]
    y = [torch.tensor([symbols.index(letter) for letter in text]) for text in texts]
    train, held = np.flatnonzero(~test), np.flatnonzero(test)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    steps = epochs * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(len(train), generator=generator).numpy()
        for at in range(0, len(train), BATCH):
            rows = train[order[at : at + BATCH]]
            noisy = [x[i] + 0.03 * torch.randn(x[i].shape, generator=generator) for i in rows]
            loss = torch.nn.functional.ctc_loss(
                model(noisy).log_softmax(2),
                torch.cat([y[i] for i in rows]),
                tuple(len(x[i]) for i in rows),
                tuple(len(y[i]) for i in rows),
                zero_infinity=True,
            )
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        best = model([x[i] for i in held]).argmax(2).T.tolist()
    read = [_collapse(row[: len(x[i])], symbols) for row, i in zip(best, held, strict=True)]
    return _wer([texts[i] for i in held], read)


def _collapse(best: list[int], symbols: str) -> str:
    kept = [now for before, now in zip([0, *best], best, strict=False) if now != before and now]
    return "".join(symbols[symbol] for symbol in kept)


def _wer(said: list[str], read: list[str]) -> float:
    from torchaudio.functional import edit_distance

    errors = sum(edit_distance(a.split(), b.split()) for a, b in zip(said, read, strict=True))
    return errors / sum(len(text.split()) for text in said)


def _network(outputs: int) -> torch.nn.Module:
    """List of (T, 4) -> logits (longest T, B, outputs): a convolution, two layers of BiGRU."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pad_packed_sequence, pad_sequence

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.front = nn.Conv1d(4, WIDTH, 5, padding=2)
            self.recurrent = nn.GRU(WIDTH, WIDTH, num_layers=2, bidirectional=True, dropout=0.2)
            self.output = nn.Linear(2 * WIDTH, outputs)

        def forward(self, tracks: list[torch.Tensor]) -> torch.Tensor:
            lengths = torch.tensor([len(track) for track in tracks])
            steps = self.front(pad_sequence(tracks).permute(1, 2, 0)).relu().permute(2, 0, 1)
            packed = nn.utils.rnn.pack_padded_sequence(steps, lengths, enforce_sorted=False)
            return self.output(pad_packed_sequence(self.recurrent(packed)[0])[0])

    return Reader()


LRS2 = (transcripts, shared_sentences, homophenes, speakers, duplicates, blind, oracle)
