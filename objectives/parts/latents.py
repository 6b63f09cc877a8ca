"""Reads the ground truth of the miniature pretraining set into tensors. Only `supervised` does so.

A line of `gt.jsonl` describes one clip. Talk clips: `visemes` (one name per native frame, "" in
silence), `mouth_track` (F, 4), `faces` (each with `silent`). Activity clips: `objects` (each with
`shape` and `motion`). `fps` is named by talk clips. Both: `path`, `kind`, `unrelated` (the sound is
another clip's).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from registries.errors import NotReadyError


@dataclass(frozen=True)
class Latents:
    """Truth of N clips of at most F native frames, and what the columns are called."""

    rows: dict[str, int]  # clip -> row
    fps: float  # native frames per second of talk clips
    visemes: Tensor  # (N, F) index into viseme_names, -1 where there is none
    mouth: Tensor  # (N, F, 4) opening, width, teeth, tongue in 0..1
    shapes: Tensor  # (N, S) 0 or 1
    motions: Tensor  # (N, R) 0 or 1
    alone: Tensor  # (N,) bool: exactly one face speaks
    acts: Tensor  # (N,) bool: an activity clip
    heard: Tensor  # (N,) bool: the sound belongs to the picture
    viseme_names: tuple[str, ...]
    shape_names: tuple[str, ...]
    motion_names: tuple[str, ...]


def read_latents(path: Path) -> Latents:
    """Read `gt.jsonl`. Raises NotReadyError where it is missing or not of the expected form."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return _assemble(lines)
    except FileNotFoundError as error:
        raise NotReadyError(
            f"{path}: no such file. The `supervised` anchor learns from the latents of the "
            "miniature "
            "pretraining set and cannot be trained on other videos; use --data miniature."
        ) from error
    except (json.JSONDecodeError, KeyError, ValueError, IndexError) as error:
        raise NotReadyError(
            f"{path} is not the ground truth of the miniature pretraining set ({error!r}). Build "
            "the set "
            "again, or name the file that lies beside its clips."
        ) from error


def clip_name(identity: str) -> str:
    """Clip a sample belongs to: "clips/kav000012" for "clips/kav000012.mp4@0.0"."""
    return PurePosixPath(identity.split("@")[0]).with_suffix("").as_posix()


def _assemble(lines: list[dict[str, Any]]) -> Latents:
    talk = [line for line in lines if line["kind"] == "talk"]
    acts = [line for line in lines if line["kind"] == "activity"]
    if not talk or not acts:
        raise ValueError(f"{len(talk)} talk and {len(acts)} activity clips; needs some of both")
    names = tuple(sorted({name for line in talk for name in line["visemes"]}))
    shapes = tuple(sorted({thing["shape"] for line in acts for thing in line["objects"]}))
    motions = tuple(sorted({thing["motion"] for line in acts for thing in line["objects"]}))
    count, frames = len(lines), max(len(line["visemes"]) for line in talk)
    visemes = torch.full((count, frames), -1)
    mouth = torch.zeros(count, frames, len(talk[0]["mouth_track"][0]))
    has = {"shape": torch.zeros(count, len(shapes)), "motion": torch.zeros(count, len(motions))}
    alone = torch.zeros(count, dtype=torch.bool)
    for row, line in enumerate(lines):
        if line["kind"] == "talk":
            said = torch.tensor([names.index(name) for name in line["visemes"]])
            visemes[row, : len(said)] = said
            mouth[row, : len(said)] = torch.tensor(line["mouth_track"])
            alone[row] = sum(not face["silent"] for face in line["faces"]) == 1
        else:
            for thing in line["objects"]:
                has["shape"][row, shapes.index(thing["shape"])] = 1
                has["motion"][row, motions.index(thing["motion"])] = 1
    return Latents(
        rows={clip_name(line["path"]): row for row, line in enumerate(lines)},
        fps=float(talk[0]["fps"]),
        visemes=visemes,
        mouth=mouth,
        shapes=has["shape"],
        motions=has["motion"],
        alone=alone,
        acts=torch.tensor([line["kind"] == "activity" for line in lines]),
        heard=torch.tensor([not line["unrelated"] for line in lines]),
        viseme_names=names,
        shape_names=shapes,
        motion_names=motions,
    )
