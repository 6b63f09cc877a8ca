"""MIL-NCE and GLCM against values of the authors' code (see data/av/MANIFEST.md)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from objectives.parts.losses import (
    attention_over_cells,
    attention_pool,
    cross_modal_mil_nce,
    glcm_global,
    glcm_local,
    windows,
)

Arrays = dict[str, np.ndarray]
COLUMNS = {0: "one_way", 1: "symmetric", 2: "official"}
INPUTS = ("audio_global", "video_global", "audio_local", "video_local")


def close(
    key: str, got: Tensor, want: np.ndarray, *, rtol: float = 1e-5, atol: float = 1e-6
) -> None:
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=rtol, atol=atol, err_msg=key)


def close_gradient(key: str, leaf: Tensor, want: np.ndarray) -> None:
    got = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    close(key, got, want, rtol=1e-4, atol=1e-6)


def tags(arrays: Arrays, names: tuple[str, ...]) -> list[str]:
    """Beginnings that all of the names have in the file: "k4_", or "" where they stand alone."""
    begins = [key.removesuffix(names[0]) for key in arrays if key.endswith(names[0])]
    return [
        begin
        for begin in begins
        if begin in ("", f"{begin.rstrip('_')}_")
        and all(begin + name in arrays for name in names)
        and not re.search(r"_?grad[A-Z]*_$", begin)
    ]


def leaf(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array)).requires_grad_()


def check_milnce(arrays: Arrays, path: Path) -> set[str]:
    """`{tag}video` (B, D), `{tag}text` (B * K, D): rows i * K, .., i * K + K - 1 belong to i."""
    done: set[str] = set()
    for tag in tags(arrays, ("text", "video")):
        video, text = leaf(arrays[f"{tag}video"]), leaf(arrays[f"{tag}text"])
        loss = cross_modal_mil_nce(
            video, text.unflatten(0, (len(video), -1)), denominator="official"
        )
        loss.backward()
        close(f"{tag}loss", loss, arrays[f"{tag}loss"])
        done |= {f"{tag}{part}" for part in ("video", "text", "loss")}
        for part, tensor in (("video", video), ("text", text)):
            if (key := f"{tag}grad_{part}") in arrays:
                close_gradient(key, tensor, arrays[key])
                done.add(key)
    for key in arrays.keys() - done:
        if found := re.fullmatch(r"zeros_B(\d+)_K(\d+)_loss", key):
            batch, size = map(int, found.groups())
            zeros = torch.zeros(batch, 4), torch.zeros(batch, size, 4)
            close(key, cross_modal_mil_nce(*zeros, denominator="official"), arrays[key])
            done.add(key)
    return done


class Features:
    """The four projected feature maps of one tag, as leaves: (B, C, T_a) and (B, C, t, H, W)."""

    def __init__(self, arrays: Arrays, tag: str, *, zero: bool = False) -> None:
        taken = {name: arrays[f"{tag}{name}"] for name in INPUTS}
        self.leaves = {name: leaf(array * 0 if zero else array) for name, array in taken.items()}
        self.audio = self.leaves["audio_global"].mean(dim=2)
        self.cells = self.leaves["video_global"].mean(dim=2).flatten(2).transpose(1, 2)
        self.steps = self.leaves["video_local"].flatten(3).permute(0, 2, 3, 1)
        self.sound = self.leaves["audio_local"].transpose(1, 2)
        self.attention = attention_over_cells(self.audio, self.cells)

    def slices(self) -> Tensor:
        """Windows (B, T, M, D); where M does not divide, the authors cut the whole batch's tail."""
        batch, steps = self.steps.shape[:2]
        length = self.sound.shape[1]
        if length % steps == 0:
            return windows(self.sound, steps)
        size = length // steps
        flat = self.sound.flatten(0, 1)[: batch * steps * size]
        return flat.reshape(batch, steps, size, -1)

    def pooled(self) -> Tensor:
        return attention_pool(self.attention, self.steps)

    def backward(self, loss: Tensor) -> dict[str, Tensor]:
        for tensor in self.leaves.values():
            tensor.grad = None
        loss.backward(retain_graph=True)
        return self.leaves


def check_glcm_official(arrays: Arrays, path: Path) -> set[str]:
    """Both losses, the attention, and gradients of their sum and of the local loss alone."""
    done: set[str] = set()
    found = tags(arrays, INPUTS)
    for tag in found:
        one = Features(arrays, tag)
        total = glcm_global(one.audio, one.cells, denominator="official")
        local = glcm_local(one.pooled(), one.slices(), denominator="official")
        values = {"loss_global": total, "loss_local": local}
        if (key := f"{tag}attention") in arrays:
            values["attention"] = one.attention.reshape(arrays[key].shape)
        for key, value in ((f"{tag}{name}", value) for name, value in values.items()):
            if key in arrays:
                close(key, value, arrays[key])
                done.add(key)
        for prefix, loss in (("grad", total + local), ("gradLOCALONLY", local)):
            for name, tensor in one.backward(loss).items():
                if (key := f"{tag}{prefix}_{name}") in arrays:
                    close_gradient(key, tensor, arrays[key])
                    done.add(key)
        done |= {f"{tag}{name}" for name in INPUTS}
    if found and "zeros_loss_global" in arrays and "zeros_" not in found:
        zero = Features(arrays, _main(found), zero=True)
        close(
            "zeros_loss_global",
            glcm_global(zero.audio, zero.cells, denominator="official"),
            arrays["zeros_loss_global"],
        )
        close(
            "zeros_loss_local",
            glcm_local(zero.pooled(), zero.slices(), denominator="official"),
            arrays["zeros_loss_local"],
        )
        done |= {"zeros_loss_global", "zeros_loss_local"}
    return done


def check_glcm_variants(arrays: Arrays, path: Path) -> set[str]:
    """Readings of the denominator (columns) and ablations (rows), on glcm_official's inputs."""
    suffix = path.stem.removeprefix("glcm_reference_variants")
    beside = [path.with_name(f"glcm_official{end}.npz") for end in (suffix, "")]
    source = next((place for place in beside if place.is_file()), None)
    assert source, f"{path.name} needs the inputs of glcm_official.npz beside it"
    with np.load(source) as file:
        inputs = dict(file)
    done: set[str] = set()
    for key in arrays:
        prefix, row = _row(key)
        if row is None:
            continue
        known = tags(inputs, INPUTS)
        one = Features(inputs, prefix or _main(known))
        for place, column in enumerate(arrays[f"{prefix}columns"]):
            got = ROWS[row](one, COLUMNS[int(column)])
            close(f"{key}[{place}]", got, arrays[key][place])
        done |= {key, f"{prefix}columns"}
    return done


def _main(found: list[str]) -> str:
    """The tag that untagged keys speak of: `aligned_` (MANIFEST), else the first."""
    return "aligned_" if "aligned_" in found else found[0]


def _row(key: str) -> tuple[str, str | None]:
    """(tag, row) of a key of the variants; no row for keys that name none."""
    for row in sorted(ROWS, key=len, reverse=True):
        if key == row or key.endswith(f"_{row}"):
            return key.removesuffix(row), row
    return "", None


def _intra_video(one: Features, denominator: str) -> Tensor:
    """Negatives are the other windows of the same clip only; mean over clips."""
    pairs = zip(one.pooled(), one.slices(), strict=True)
    return torch.stack(
        [cross_modal_mil_nce(u, b, denominator=denominator) for u, b in pairs]
    ).mean()


ROWS = {
    "global_loss": lambda one, d: glcm_global(one.audio, one.cells, denominator=d),
    "local_loss": lambda one, d: glcm_local(one.pooled(), one.slices(), denominator=d),
    "local_intra_video_negatives_only": _intra_video,
    "local_without_MIL": lambda one, d: glcm_local(
        one.pooled(), one.slices().mean(dim=2, keepdim=True), denominator=d
    ),
    "local_avgpool_instead_of_attention": lambda one, d: glcm_local(
        one.steps.mean(dim=2), one.slices(), denominator=d
    ),
}
