"""Characters, step by step: the head of sentence lip reading."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from benchmark.heads.ctc_decode import BLANK, DECODERS, SYMBOLS, encode, steps_needed, text_of
from benchmark.heads.recurrent import GRID
from registries.errors import UsageError, unknown
from registries.task import TextHead

CONTEXTS = ("gru", "conformer")
CONFORMER = {  # chosen
    "num_heads": 4,
    "ffn_dim": 1024,
    "num_layers": 4,
    "depthwise_conv_kernel_size": 31,
}


class CTCHead(TextHead):
    """Per step: the map projected, a BiGRU or Conformer over the steps, 40 symbols; CTC.

    L = -log sum over all alignments of the text of prod_t p_t(symbol), over its length (Graves et
    al. 2006). (B, T, C, H, W) -> texts. The map is averaged to 3 x 3 cells, as in
    RecurrentHead. Only the steps that lie inside the file are read (samples["valid"]["video"], a
    share of the T): no normalisation, no context and no alignment sees the others, so neither the
    length that a batch is padded to nor the samples beside one change its text. context: "gru", or
    "conformer" (d = width, layers and kernel of CONFORMER, group norm, each sample run alone as
    its convolutions would see the padding). decoder: one of ctc_decode.DECODERS.

    Raises UsageError from a batch with fewer steps than its characters need: no alignment exists.
    A single such sample in a batch costs nothing and teaches nothing (zero_infinity).
    """

    pool = "step_grid"

    def __init__(
        self,
        channels: int,
        *,
        width: int = 256,  # chosen
        hidden: int = 512,
        layers: int = 2,  # chosen
        dropout: float = 0.2,  # chosen
        context: Literal["gru", "conformer"] = "gru",
        decoder: str = "greedy",
    ) -> None:
        super().__init__()
        if context not in CONTEXTS:
            raise unknown("context of the CTC head", context, CONTEXTS)
        if decoder not in DECODERS:
            raise unknown("CTC decoder", decoder, DECODERS)
        self.decode = DECODERS[decoder]
        self.project = nn.Linear(channels * GRID * GRID, width)
        self.norm = nn.BatchNorm1d(width)
        self.recurrent = self.conformer = None
        if context == "gru":
            self.recurrent = nn.GRU(
                width,
                hidden,
                num_layers=layers,
                batch_first=True,
                bidirectional=True,
                dropout=dropout if layers > 1 else 0.0,
            )
        else:
            self.conformer = _conformer(width, dropout)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * hidden if context == "gru" else width, len(SYMBOLS))

    def loss(self, features: Tensor, samples: Mapping[str, Any]) -> dict[str, Tensor]:
        """CTC loss of (B, T, C, H, W) features against samples["text"], mean over the batch."""
        counts = step_counts(features, samples)
        texts = [encode(text) for text in samples["text"]]
        _check_room(counts, texts)
        log_probs = self._log_probs(features, counts)
        loss = F.ctc_loss(
            log_probs.transpose(0, 1),
            torch.tensor([*chain.from_iterable(texts)], device=log_probs.device),
            counts,
            torch.tensor([len(text) for text in texts]),
            blank=BLANK,
            zero_infinity=True,
        )
        return {"loss_ctc": loss}

    def read(self, features: Tensor, samples: Mapping[str, Any]) -> list[str]:
        """One text a sample."""
        counts = step_counts(features, samples)
        log_probs = self._log_probs(features, counts).cpu()
        rows = zip(log_probs, counts.tolist(), strict=True)
        return [text_of(self.decode(row[:count])) for row, count in rows]

    def _log_probs(self, features: Tensor, counts: Tensor) -> Tensor:
        """(B, longest count, 40), float32."""
        longest = int(counts.max())
        features = features[:, :longest]
        inside = (torch.arange(longest) < counts[:, None]).to(features.device)  # (B, T)
        cells = F.adaptive_avg_pool2d(features[inside], GRID)  # (steps of all samples, C, 3, 3)
        flat = self.norm(self.project(cells.flatten(1)))
        if self.recurrent is not None:
            steps = flat.new_zeros(*inside.shape, flat.shape[1])
            steps[inside] = flat
            packed = pack_padded_sequence(steps, counts, batch_first=True, enforce_sorted=False)
            steps, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        else:
            steps = self._attended(flat, counts)
        return self.output(self.dropout(steps)).float().log_softmax(dim=2)

    def _attended(self, flat: Tensor, counts: Tensor) -> Tensor:
        """Every sample through the Conformer alone: (steps of all samples, D) -> (B, T, D)."""
        assert self.conformer is not None
        rows = []
        for row in flat.split(counts.tolist()):
            length = torch.tensor([len(row)], device=row.device)
            rows.append(self.conformer(row[None], length)[0][0])
        return pad_sequence(rows, batch_first=True)


def step_counts(features: Tensor, samples: Mapping[str, Any]) -> Tensor:
    """How many of the T steps of each sample lie inside its file: (B,) int64 on the CPU, >= 1."""
    steps = features.shape[1]
    share = torch.as_tensor(samples["valid"]["video"], dtype=torch.float64).cpu()
    # a step that is partly inside counts; the subtraction takes away what rounding adds
    return (share * steps - 1e-6).ceil().clamp(1, steps).long()


def _check_room(counts: Tensor, texts: list[list[int]]) -> None:
    """Raise UsageError where a batch has fewer steps than its texts need."""
    steps, needed = int(counts.sum()), sum(map(steps_needed, texts))
    if steps < needed:
        raise UsageError(
            f"the encoder leaves {steps / len(texts):.1f} steps for {needed / len(texts):.1f} "
            "characters of a sample, and CTC needs a step for each. Use a backbone that keeps the "
            "frames apart (video.temporal_stride=1), the pathway that does "
            "(finetune.features=local), or more frames a second (tasks.lrs2.fps)"
        )


def _conformer(width: int, dropout: float) -> nn.Module:
    from torchaudio.models import Conformer  # a second to import; the other context needs none

    return Conformer(input_dim=width, dropout=dropout, use_group_norm=True, **CONFORMER)
