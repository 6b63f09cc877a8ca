"""MoCo and rho-MoCo against values of the authors' code (see data/visual/MANIFEST.md)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from checks_glcm import Arrays, close, tags
from torch import Tensor, nn

from objectives.parts.info_nce import queue_info_nce, queue_scores
from objectives.parts.momentum import MomentumTwin, annealed
from objectives.parts.queue import KeyQueue


def check_moco_official(arrays: Arrays, path: Path) -> set[str]:
    """Consecutive steps of a linear encoder: EMA, logits, loss, gradient, enqueueing, SGD."""
    done: set[str] = set()
    for tag in tags(arrays, ("W0", "b0", "queue0", "T", "m")):
        done |= {f"{tag}{name}" for name in ("W0", "b0", "queue0", "T", "m")}
        query = _linear(arrays[f"{tag}W0"], arrays[f"{tag}b0"])
        twin, queue = MomentumTwin(query), _queue(arrays[f"{tag}queue0"].T)
        lr = _learning_rate(arrays, tag)
        for step in range(sum(bool(re.fullmatch(rf"{tag}xq\d+", key)) for key in arrays)):
            values = _moco_step(
                query,
                twin,
                queue,
                clips=[torch.from_numpy(arrays[f"{tag}x{side}{step}"]) for side in "qk"],
                temperature=float(arrays[f"{tag}T"]),
                momentum=float(arrays[f"{tag}m"]),
                lr=lr,
            )
            done |= {f"{tag}xq{step}", f"{tag}xk{step}"}
            for name, value in values.items():
                if (key := f"{tag}{name}{step}") in arrays:
                    _compare(key, value, arrays[key], gradient=name.startswith("grad"))
                    done.add(key)
    return done


def check_rho_moco(arrays: Arrays, path: Path) -> set[str]:
    """Every clip once the query; printed is the sum / (2 rho), its gradient is that of the sum."""
    done: set[str] = set()
    names = ("W", "b", "queue0", "clips", "T")
    for tag in tags(arrays, names):
        done |= {f"{tag}{name}" for name in names}
        query, queue = _linear(arrays[f"{tag}W"], arrays[f"{tag}b"]), _queue(arrays[f"{tag}queue0"])
        views = F.normalize(query(torch.from_numpy(arrays[f"{tag}clips"])), dim=2)  # (R, B, D)
        keys, before, terms, values = views.detach(), queue.entries.clone(), [], {"keys": views}
        for number, view in enumerate(views):
            others = torch.cat([keys[:number], keys[number + 1 :]]).transpose(0, 1)
            positive, negative = queue_scores(
                view, others, before, temperature=float(arrays[f"{tag}T"])
            )
            values[f"logits_view{number}"] = torch.cat(  # the reference stacks clip by clip
                [torch.cat([column[:, None], negative], dim=1) for column in positive.T]
            )
            terms.append(queue_info_nce(positive, negative))
        for key in keys:
            queue.enqueue(key)
        total = torch.stack(terms)
        total.sum().backward()
        values |= {"per_view_loss": total, "reported_loss": total.sum() / (2 * len(views))}
        values |= {"grad_W": query.weight.grad, "grad_b": query.bias.grad}
        values |= {"queue_after": queue.entries, "ptr_after": queue.cursor[None]}
        for name, value in values.items():
            if (key := f"{tag}{name}") in arrays:
                _compare(key, value, arrays[key], gradient=name.startswith("grad"))
                done.add(key)
    return done


def check_momentum_anneal(arrays: Arrays, path: Path) -> set[str]:
    """Compared as 1 - m, where the schedule lives; `base` is stored in half the digits."""
    done: set[str] = set()
    names = ("epoch", "max_epoch", "base", "momentum")
    for tag in tags(arrays, names):
        epoch, last, base, want = (arrays[f"{tag}{name}"] for name in names)
        got = [annealed(float(base), float(e) / float(last)) for e in np.atleast_1d(epoch)]
        left = torch.tensor([1 - m for m in got], dtype=torch.float64)
        close(f"{tag}momentum", left, 1 - np.atleast_1d(want), rtol=1e-5, atol=1e-7)
        done |= {f"{tag}{name}" for name in names}
    return done


def _moco_step(
    query: nn.Linear,
    twin: MomentumTwin,
    queue: KeyQueue,
    *,
    clips: list[Tensor],
    temperature: float,
    momentum: float,
    lr: float,
) -> dict[str, Tensor]:
    """One training step; what it leaves, by the names of the file."""
    query.zero_grad()
    q = F.normalize(query(clips[0]), dim=1)
    twin.update(query, momentum)
    key = F.normalize(twin(clips[1]), dim=1)
    positive, negative = queue_scores(
        q, key[:, None], queue.entries.clone(), temperature=temperature
    )
    loss = queue_info_nce(positive, negative)
    queue.enqueue(key)
    loss.backward()
    with torch.no_grad():
        for parameter in query.parameters():
            parameter -= lr * parameter.grad
    return {
        "logits": torch.cat([positive, negative], dim=1),
        "loss": loss,
        "queue_after": queue.entries.T,
        "ptr_after": queue.cursor[None],
        "Wk_after": twin.net.weight,
        "bk_after": twin.net.bias,
        "gradWq": query.weight.grad,
        "gradbq": query.bias.grad,
        "Wq_after_step": query.weight,
        "bq_after_step": query.bias,
    }


def _learning_rate(arrays: Arrays, tag: str) -> float:
    """The reference's rate: told by how far its gradient moved the first weights."""
    if not {f"{tag}gradWq0", f"{tag}Wq_after_step0"} <= arrays.keys():
        return 0.1  # MANIFEST.md
    grad = arrays[f"{tag}gradWq0"].astype(np.float64)
    moved = arrays[f"{tag}W0"].astype(np.float64) - arrays[f"{tag}Wq_after_step0"]
    return float(f"{(moved * grad).sum() / (grad**2).sum():.3g}")  # of a round number


def _linear(weight: np.ndarray, bias: np.ndarray) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
    return layer


def _queue(entries: np.ndarray) -> KeyQueue:
    """entries (K, D)."""
    queue = KeyQueue(*entries.shape)
    queue.entries.copy_(torch.tensor(np.ascontiguousarray(entries)))
    return queue


def _compare(key: str, got: Tensor, want: np.ndarray, *, gradient: bool) -> None:
    if np.issubdtype(want.dtype, np.integer):
        np.testing.assert_array_equal(got.numpy(), want, err_msg=key)
    else:
        close(key, got, want, rtol=1e-4 if gradient else 1e-5)
