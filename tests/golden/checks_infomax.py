"""DIM's and AMDIM's losses against values of the authors' code (see data/visual/MANIFEST.md)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from checks_glcm import Arrays, close, close_gradient, leaf
from torch import Tensor

from objectives.parts.infomax import (
    MEASURES,
    amdim_nce,
    fenchel_mi,
    infonce_mi,
    location_log_odds,
    scaled_scores,
    tanh_clip,
)

REGULARISER = 0.05  # a constant of the authors' code, as the two below
OWN_LOGIT = -10.0
DEFAULT_CLIP = 20.0
# the code's "X2" is not the conjugate of the chi-squared divergence, and nothing of ours uses one
NOT_OURS = {"X2"}


def check_dim(arrays: Arrays, path: Path) -> set[str]:
    """`{tag}l{suffix}` (B, D, L) with `{tag}m{suffix}`, or else `{tag}m`, (B, D, M)."""
    done: set[str] = set()
    pattern = re.compile(r"(?P<tag>(?:.*?_)?)(?P<loss>infonce|fenchel_[A-Z0-9]+)(?P<suffix>\w*)")
    for key, found in ((key, pattern.fullmatch(key)) for key in arrays):
        if not found or key.startswith("grad_"):
            continue
        tag, loss, suffix = found["tag"], found["loss"], found["suffix"]
        names = [f"{tag}{part}{suffix}" for part in "lm"]
        names = [name if name in arrays else name.removesuffix(suffix) for name in names]
        local, summary = (leaf(arrays[name]) for name in names)
        done |= {key, *names}
        measure = loss.removeprefix("fenchel_")
        if measure in NOT_OURS:
            continue
        value = _dim_loss(local.transpose(1, 2), summary.transpose(1, 2), measure)
        close(key, value, arrays[key])
        value.backward()
        for part, tensor in (("l", local), ("m", summary)):
            if (name := f"grad_{part}_{key}") in arrays:
                close_gradient(name, tensor, arrays[name])
                done.add(name)
    return done


def _dim_loss(local: Tensor, summary: Tensor, measure: str) -> Tensor:
    if measure == "infonce":
        return infonce_mi(local, summary, own_logit=OWN_LOGIT)
    assert measure.lower() in MEASURES, measure
    return fenchel_mi(local, summary, measure=measure.lower())


class Maps:
    """Embeddings `{tag}r{size}_x{view}` of two views: (B, D) or (B, D, h, w), as leaves."""

    def __init__(self, arrays: Arrays, tag: str) -> None:
        self.leaves = {
            key: leaf(value)
            for key, value in arrays.items()
            if re.fullmatch(rf"{re.escape(tag)}r\d+_x\d", key)
        }
        self.tag = tag
        self.positions = {
            key: torch.from_numpy(value)
            for key, value in arrays.items()
            if re.fullmatch(rf"{re.escape(tag)}r\d+_src_ij", key)
        }
        self.clip = float(arrays.get(f"{tag}tclip", arrays.get("tclip", DEFAULT_CLIP)))

    def inputs(self) -> set[str]:
        return {*self.leaves, *self.positions, f"{self.tag}tclip", "tclip"}

    def source(self, size: str, view: str) -> Tensor:
        """(B, D): the map itself where it is one cell, else the cell that was drawn."""
        found = self.leaves[f"{self.tag}r{size}_x{view}"]
        if found.dim() == 2:
            return found
        rows, columns = self.positions[f"{self.tag}r{size}_src_ij"].unbind(1)
        return found[torch.arange(len(found)), :, rows, columns]

    def target(self, size: str, view: str) -> Tensor:
        """(B, L, D)."""
        return self.leaves[f"{self.tag}r{size}_x{view}"].flatten(2).transpose(1, 2)

    def pair(self, source: str, target: str) -> tuple[Tensor, Tensor]:
        """NCE and mean squared score, half of both directions."""
        ways = [
            amdim_nce(self.source(source, a), self.target(target, b), clip=self.clip)
            for a, b in ("12", "21")
        ]
        return (ways[0][0] + ways[1][0]) / 2, (ways[0][1] + ways[1][1]) / 2


def check_amdim(arrays: Arrays, path: Path) -> set[str]:
    """Terms, regulariser, total and its gradients; log-odds and clipped scores of one pair."""
    done: set[str] = set()
    begins = [key.removesuffix("r1_x1") for key in arrays if key.endswith("r1_x1")]
    for tag in (tag for tag in begins if not tag.endswith("grad_")):
        maps = Maps(arrays, tag)
        done |= maps.inputs() & arrays.keys()
        terms = [
            (key, *found.groups())
            for key in arrays
            if (found := re.fullmatch(rf"{re.escape(tag)}loss_(\d+)t(\d+)", key))
        ]
        pairs = {key: maps.pair(source, target) for key, source, target in terms}
        values = {key: nce for key, (nce, _) in pairs.items()}
        values[f"{tag}lgt_reg"] = REGULARISER * sum(square for _, square in pairs.values())
        total = values[f"{tag}total"] = sum(values.values())
        for key in values.keys() & arrays.keys():
            close(key, values[key], arrays[key])
            done.add(key)
        total.backward()
        for name, tensor in maps.leaves.items():
            key = f"{tag}grad_{name.removeprefix(tag)}"
            if key in arrays:
                close_gradient(key, tensor, arrays[key])
                done.add(key)
        done |= _check_parts(arrays, maps)
    return done


def _check_parts(arrays: Arrays, maps: Maps) -> set[str]:
    """`nce_scores_1to5_x1x2` and its like: log-odds, clipped scores, regulariser of a direction."""
    done = set()
    pattern = rf"{re.escape(maps.tag)}(nce_scores|pos_scores|lgt_reg)_(\d+)to(\d+)_x(\d)x(\d)"
    for key in arrays:
        if not (found := re.fullmatch(pattern, key)):
            continue
        kind, source, target, here, there = found.groups()
        raw = scaled_scores(maps.source(source, here), maps.target(target, there))
        clipped = tanh_clip(raw, maps.clip)
        value = {
            "nce_scores": lambda c=clipped: location_log_odds(c),
            "pos_scores": lambda c=clipped: c.diagonal(dim1=0, dim2=1).t(),
            "lgt_reg": lambda r=raw: REGULARISER * r.square().mean(),
        }[kind]()
        close(key, value, arrays[key])
        done.add(key)
    return done


def check_tanh_clip(arrays: Arrays, path: Path) -> set[str]:
    """`{tag}clip20` is `{tag}x` squeezed into (-20, 20)."""
    done = set()
    for key in arrays:
        if found := re.fullmatch(r"(.*?)clip([\d.]+)", key):
            x = torch.from_numpy(np.array(arrays[f"{found[1]}x"]))
            close(key, tanh_clip(x, float(found[2])), arrays[key])
            done |= {key, f"{found[1]}x"}
    return done
