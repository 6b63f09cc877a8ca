"""AVTS, AVSlowFast and rotation against values of the authors' code (see data/*/MANIFEST.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from checks_glcm import Arrays, close, close_gradient, leaf, tags

from objectives.parts.rotation import rotate
from objectives.parts.sync_pairs import SyncHead, two_sounds
from objectives.parts.synchrony import (
    audible,
    avs_pattern,
    half_unit,
    hard_fraction,
    margin_loss,
    negative_source,
)

# of the released configs: hard negatives from epoch 96 of 196 on, a quarter of the batch
SWITCH, EPOCHS, HARD = 96, 196, 0.25
HEADS, FUSIONS = 3, 2  # of the stages: synchrony at the last three, fusion at all of those but one
SCALE = 0.1  # of the embeddings of raw_scaled_*; found from the values, the file does not say
POINT = 1e-9  # seconds; the table is about starts, so spans are points


def check_avslowfast(arrays: Arrays, path: Path) -> set[str]:
    """Loss with gradients, margins, mask, stage patterns, curriculum, misaligned starts."""
    done: set[str] = set()
    for tag in tags(arrays, ("audio_mask", "ref", "pos", "neg")):
        done |= _check_loss(arrays, tag)
    for tag in tags(arrays, ("raw_ref", "raw_pos", "raw_neg")):
        done |= _check_raw(arrays, tag)
    for key in arrays.keys() - done:
        for pattern, check in KEYS.items():
            if found := re.fullmatch(pattern, key):
                done |= check(arrays, key, *found.groups())
    return done


def _margin(arrays: Arrays, tag: str) -> tuple[str, float]:
    key = f"{tag}margin" if f"{tag}margin" in arrays else "margin"
    return key, float(np.ravel(arrays[key])[0])


def _check_loss(arrays: Arrays, tag: str) -> set[str]:
    """The whole head: means, linear layers, half units, margin; rows outside the mask do not count.

    ref (B, C, t, h, w), pos and neg (B, C', 1, t, 1).
    """
    key, margin = _margin(arrays, tag)
    layers = ("ref_fc_w", "ref_fc_b", "query_fc_w", "query_fc_b")
    weights = [torch.from_numpy(np.array(arrays[f"{tag}{name}"])) for name in layers]
    head = SyncHead(weights[0].shape[1], weights[2].shape[1], len(weights[0]))
    names = ("ref.weight", "ref.bias", "query.weight", "query.bias")
    head.load_state_dict(dict(zip(names, weights, strict=True)))
    leaves = {name: leaf(arrays[f"{tag}{name}"]) for name in ("ref", "pos", "neg")}
    rows = [
        half_unit(embed([leaves[name]]))
        for name, embed in (("ref", head.see), ("pos", head.hear), ("neg", head.hear))
    ]
    valid = torch.from_numpy(np.array(arrays[f"{tag}audio_mask"])).bool()
    loss = margin_loss(*rows, valid=valid, margin=margin)
    loss.backward()
    close(f"{tag}loss", loss, arrays[f"{tag}loss"])
    for name, tensor in leaves.items():
        if f"{tag}grad_{name}" in arrays:
            close_gradient(f"{tag}grad_{name}", tensor, arrays[f"{tag}grad_{name}"])
    if f"{tag}empty_mask_loss" in arrays:
        empty = margin_loss(*rows, valid=valid & ~valid, margin=margin)
        close(f"{tag}empty_mask_loss", empty, arrays[f"{tag}empty_mask_loss"])
    if f"{tag}all_equal_loss" in arrays:
        equal = margin_loss(rows[0], rows[0], rows[0], margin=margin)
        close(f"{tag}all_equal_loss", equal, arrays[f"{tag}all_equal_loss"])
    outputs = ("loss", "grad_ref", "grad_pos", "grad_neg", "empty_mask_loss", "all_equal_loss")
    return {key} | {f"{tag}{name}" for name in (*leaves, *layers, "audio_mask", *outputs)}


def _check_raw(arrays: Arrays, tag: str) -> set[str]:
    """The margin loss alone, on embeddings as they come and shrunk until the margin bites."""
    key, margin = _margin(arrays, tag)
    mask = f"{tag}audio_mask" if f"{tag}audio_mask" in arrays else "audio_mask"
    valid = torch.from_numpy(np.array(arrays[mask])).bool()
    names = [f"{tag}raw_{part}" for part in ("ref", "pos", "neg")]
    rows = [torch.from_numpy(np.array(arrays[name])) for name in names]
    done = {key, mask, *names}
    for name, scale in (("contrastive_loss", 1.0), ("scaled_contrastive_loss", SCALE)):
        if (output := f"{tag}raw_{name}") in arrays:
            loss = margin_loss(*(scale * row for row in rows), valid=valid, margin=margin)
            close(output, loss, arrays[output])
            done.add(output)
    return done


def _check_filter(arrays: Arrays, key: str, tag: str) -> set[str]:
    """filter_audio (B, 2, ...): positive and negative spectrogram of each sample."""
    sounds = torch.from_numpy(np.array(arrays[f"{tag}filter_audio"]))
    np.testing.assert_array_equal(audible(sounds[:, 0], sounds[:, 1]), arrays[key], err_msg=key)
    return {key, f"{tag}filter_audio"}


def _check_pattern(arrays: Arrays, key: str, situation: str) -> set[str]:
    """One column a stage; heads and fusions stand at the last stages, as in the released config."""
    stages = len(arrays[key])
    first = stages - HEADS
    got = avs_pattern(
        torch.tensor(float(situation == "kept")),
        avs=tuple(stage >= first for stage in range(stages)),
        fused=tuple(first <= stage < first + FUSIONS for stage in range(stages)),
    )
    np.testing.assert_array_equal(got, arrays[key], err_msg=key)
    return {key}


def _check_shuffle(arrays: Arrays, key: str, epoch: str) -> set[str]:
    hard = hard_fraction(int(epoch) / EPOCHS, switch=SWITCH / EPOCHS, fraction=HARD)
    got = negative_source(len(arrays[key]), hard)
    np.testing.assert_array_equal(got, arrays[key], err_msg=key)
    return {key}


class Script:
    """Stands in for the sampler's generator: plays a start, then one number for the second start.

    The authors lay the stretch before the true start before the one after it.
    """

    def __init__(self, start: float, u: float) -> None:
        self.start, self.left = start, u
        self.placed = False

    def choice(self, pieces: object, p: np.ndarray | None = None) -> int:
        if p is None:
            return pieces[0]  # the only speed
        for piece in reversed(range(len(p))):
            if self.left <= p[piece] or piece == 0:
                self.left, self.placed = self.left / p[piece], True
                return piece
            self.left -= p[piece]
        raise AssertionError("no piece to choose from")

    def uniform(self, low: float, high: float) -> float:
        return low + self.left * (high - low) if self.placed else self.start

    def random(self) -> float:
        return 1.0


def _check_starts(arrays: Arrays, key: str) -> set[str]:
    """Rows of (start, gap, total, u, resulting start), against the sampler with u for its draw."""
    for start, gap, total, u, wanted in arrays[key]:
        before = max(start - gap, 0.0)
        if before == 0 and u * max(total - start - gap, 0.0) == 0:
            # the authors' table then gives the true start's own neighbourhood, which is no
            # misaligned one; ours begins `gap` later
            assert wanted == 0.0, key
            continue
        sampling = two_sounds(clip_len=1, seconds=POINT, gap=gap - POINT)
        times = sampling.draw(float(total), Script(float(start), float(u)))
        np.testing.assert_allclose(float(times["audio"].start), start, rtol=1e-5, atol=1e-6)
        got = float(times["audio_hard"].start)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6, err_msg=f"{start} {u}")
    return {key}


KEYS: dict[str, Callable[..., set[str]]] = {
    r"(.*)filter_mask": _check_filter,
    r".*pattern_.*when_audio_(dropped|kept)": _check_pattern,
    r".*shuffle_source_epoch(\d+)": _check_shuffle,
    r".*misaligned_start_table_start_gap_total_u_result": _check_starts,
}


def check_rotnet(arrays: Arrays, path: Path) -> set[str]:
    """`{tag}clip_cthw` (C, T, S, S), turned by k quarters: `{tag}rot_label{k}`."""
    done: set[str] = set()
    for key in arrays:
        if found := re.fullmatch(r"(.*)rot_label(\d+)", key):
            clip = torch.from_numpy(np.array(arrays[f"{found[1]}clip_cthw"]))
            got = rotate(clip[None], torch.tensor([int(found[2])]))[0]
            np.testing.assert_array_equal(got, arrays[key], err_msg=key)
            done |= {key, f"{found[1]}clip_cthw"}
    return done
