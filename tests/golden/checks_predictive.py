"""CPC, DPC and MemDPC against values of published code (see data/visual/MANIFEST.md)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from checks_glcm import Arrays, close, close_gradient, leaf
from torch import Tensor, nn

from objectives.parts.convgru import ConvGRU, predict_ahead
from objectives.parts.predictive import (
    Choice,
    accuracy,
    cpc_choice,
    dpc_choice,
    info_nce,
    recall,
    similarity,
)

GATES = ("reset_gate", "update_gate", "out_gate")


def prefixes(arrays: Arrays, name: str) -> list[str]:
    """Tags of a file: what stands before `name` in keys such as "t2_context"; "" without a tag."""
    found = [key.removesuffix(name) for key in arrays if key == name or key.endswith(f"_{name}")]
    return [tag for tag in found if not tag.endswith("grad_")]


def among(positive: Tensor, negatives: Tensor, predicted: Tensor, *, score: str = "dot") -> Choice:
    """Each prediction (R, D) with its positive (R, D) as column 0 and its negatives (R, Q, D)."""
    candidates = torch.cat([positive[:, None], negatives], dim=1)
    scores = similarity(predicted[:, None], candidates, score=score)[:, 0]
    return Choice(scores, torch.zeros(len(scores), dtype=torch.long))


def check_cpc_fair(arrays: Arrays, path: Path) -> set[str]:
    """One linear predictor per step, candidates drawn by the reference, mean over channels."""
    names = ("context", "targets", "W", "candidates", "losses_per_step", "acc_per_step")
    done: set[str] = set()
    for tag in prefixes(arrays, "context"):
        context, targets, weights, candidates = (
            torch.from_numpy(arrays[tag + name]) for name in names[:4]
        )
        times = candidates.shape[3]
        losses, right = [], []
        for step, (weight, drawn) in enumerate(zip(weights, candidates, strict=True), start=1):
            drawn = drawn.permute(0, 2, 1, 3).flatten(0, 1)  # (B * T, 1 + Q, D)
            positive = targets[:, step : step + times].flatten(0, 1)
            assert torch.equal(positive, drawn[:, 0]), f"{path.name}: positive of step {step}"
            predicted = (context[:, :times] @ weight.t()).flatten(0, 1)
            choice = among(positive, drawn[:, 1:], predicted, score="mean")
            losses.append(info_nce(choice))
            right.append(accuracy(choice))
        for name, got in (("losses_per_step", losses), ("acc_per_step", right)):
            want = arrays[tag + name]
            close(tag + name, torch.stack(got).reshape(want.shape), want)
        done |= {tag + name for name in names}
    return done


def check_cpc_gim_audio(arrays: Arrays, path: Path) -> set[str]:
    """Stacked predictors; step k takes the last rows of the shuffled negatives; dot product."""
    names = ("context", "targets", "W", "z_neg", "loss", "acc")
    done: set[str] = set()
    for tag in prefixes(arrays, "context"):
        context, targets, weights, shuffled = (
            torch.from_numpy(arrays[tag + name]) for name in names[:4]
        )
        times, dim = targets.shape[1:]
        choices = []
        for step, weight in enumerate(weights.split(dim), start=1):
            predicted = (context[:, : times - step] @ weight.t()).flatten(0, 1)
            negatives = shuffled[-len(predicted) :].transpose(1, 2)
            choices.append(among(targets[:, step:].flatten(0, 1), negatives, predicted))
        for name, measure in (("loss", info_nce), ("acc", accuracy)):
            got = torch.stack([measure(choice) for choice in choices]).mean()
            close(tag + name, got, arrays[tag + name])
        done |= {tag + name for name in names}
    return done


def check_cpc_gim_vision(arrays: Arrays, path: Path) -> set[str]:
    """Rows of a grid of patches, some skipped; W_k maps the target; drawn rows of the same step.

    Their loss adds 1e-11 to each probability; here it is added to ours, row by row.
    """
    done: set[str] = set()
    for tag in prefixes(arrays, "z"):
        z, context, weights = (torch.from_numpy(arrays[tag + name]) for name in ("z", "c", "W"))
        drawn = {
            step: torch.from_numpy(arrays[f"{tag}neg_index_k{step}"]).flatten()
            for step in range(1, len(weights) + 1)
        }
        skip, losses = skipped(z, drawn), []
        for step, weight in enumerate(weights, start=1):
            mapped = torch.einsum("oi,bihw->bohw", weight[:, :, 0, 0], z)
            below, above = mapped[:, :, step + skip :], context[:, :, : -step - skip]
            positive, predicted = (x.permute(2, 3, 0, 1).flatten(0, 2) for x in (below, above))
            choice = among(positive, positive[drawn[step].view(len(positive), -1)], predicted)
            rows = zip(choice.scores[:, None], choice.positive[:, None], strict=True)
            each = torch.stack([info_nce(Choice(*row)) for row in rows])
            losses.append(-((-each).exp() + 1e-11).log().mean())
            done.add(f"{tag}neg_index_k{step}")
        close(f"{tag}loss", torch.stack(losses).mean(), arrays[f"{tag}loss"])
        done |= {f"{tag}{name}" for name in ("z", "c", "W", "loss")}
    return done


def skipped(z: Tensor, drawn: dict[int, Tensor]) -> int:
    """Rows left out below a context: those for which every step drew as many negatives a row."""
    batch, _, height, width = z.shape
    fits = [
        skip
        for skip in range(height - len(drawn))
        if len({len(d) / ((height - k - skip) * width * batch) for k, d in drawn.items()}) == 1
    ]
    return 1 if 1 in fits else fits[0]


def check_cpc_jefflai(arrays: Arrays, path: Path) -> set[str]:
    """Negatives from other sequences; their softmax runs over contexts, ours over targets.

    Ours over contexts is ours with the roles exchanged.
    """
    done: set[str] = set()
    for tag in prefixes(arrays, "encoded_targets"):
        targets, predicted = (
            torch.from_numpy(arrays[tag + name]).transpose(0, 1)  # (B, K, D)
            for name in ("encoded_targets", "predictions")
        )
        batch, steps = targets.shape[:2]
        both = {"targets": (predicted, targets), "contexts": (targets, predicted)}
        choices = {
            name: cpc_choice(rows[:, None], columns, start=0, negatives="other_videos")
            for name, (rows, columns) in both.items()
        }
        scores = choices["contexts"].scores.reshape(batch, steps, batch, steps)
        scores = scores.diagonal(dim1=1, dim2=3).permute(2, 0, 1)  # (K, targets, contexts)
        close(f"{tag}scores", scores, arrays[f"{tag}scores"])
        for name, choice in choices.items():
            close(f"{tag}{name}", info_nce(choice), arrays[f"{tag}nce_softmax_over_{name}"])
        close(f"{tag}official", info_nce(choices["contexts"]), arrays[f"{tag}nce_official"])
        # the last step's, with both axes mixed: which target gives this context its best share
        share = scores[-1].softmax(dim=1).argmax(dim=0)
        close(f"{tag}acc", (share == torch.arange(batch)).float().mean(), arrays[f"{tag}acc"])
        names = ("encoded_targets", "predictions", "scores", "nce_official", "acc")
        done |= {tag + name for name in names}
        done |= {f"{tag}nce_softmax_over_{name}" for name in both}
    return done


class Net:
    """The recurrent networks, phi and memory of a file, in float32 and without dropout."""

    def __init__(self, arrays: Arrays, tag: str) -> None:
        self.done: set[str] = set()
        self.arrays, self.tag = arrays, tag
        self.phi = nn.Sequential(self._conv("network_pred__0"), nn.ReLU())
        self.phi.append(self._conv("network_pred__2"))
        key = f"{tag}param_mb"
        self.memory = torch.from_numpy(arrays[key]) if key in arrays else None
        self.done |= {key} & arrays.keys()

    def recurrent(self, name: str) -> ConvGRU:
        """ConvGRU with the weights `param_{name}__ConvGRUCell_00__*`."""
        convs = {gate: self._conv(f"{name}__ConvGRUCell_00__{gate}") for gate in GATES}
        net = ConvGRU(convs["out_gate"].out_channels, kernel=convs["out_gate"].kernel_size[0])
        net.load_state_dict(nn.ModuleDict(convs).state_dict())
        return net.eval()

    def read(self, state: Tensor) -> Tensor:
        return self.phi(state) if self.memory is None else recall(self.phi(state), self.memory)

    def _conv(self, name: str) -> nn.Conv2d:
        weight, bias = (
            torch.from_numpy(self.arrays[f"{self.tag}param_{name}__{part}"])
            for part in ("weight", "bias")
        )
        conv = nn.Conv2d(*weight.shape[1::-1], weight.shape[-1], padding=weight.shape[-1] // 2)
        conv.load_state_dict({"weight": weight, "bias": bias})
        self.done |= {f"{self.tag}param_{name}__{part}" for part in ("weight", "bias")}
        return conv.requires_grad_(False)


def check_dpc(arrays: Arrays, path: Path) -> set[str]:
    """Predictions, scores, roles, loss, top-k and gradient from the maps before pooling."""
    done: set[str] = set()
    for tag in prefixes(arrays, "block_features"):
        net, features = Net(arrays, tag), leaf(arrays[f"{tag}block_features"])
        maps, count = features.mean(dim=3), arrays[f"{tag}pred"].shape[1]
        observed, targets = maps[:, :-count], maps[:, -count:]
        _, predicted = predict_ahead(net.recurrent("agg"), net.read, observed, count)
        choice = dpc_choice(predicted, targets)
        info_nce(choice).backward()
        close(f"{tag}pred", predicted, arrays[f"{tag}pred"])
        shape = arrays[f"{tag}score"].shape
        close(f"{tag}score", choice.scores.reshape(shape), arrays[f"{tag}score"], atol=1e-5)
        close(f"{tag}loss", info_nce(choice), arrays[f"{tag}loss"])
        close_gradient(f"{tag}grad_block_features", features, arrays[f"{tag}grad_block_features"])
        np.testing.assert_array_equal(choice.positive.numpy(), arrays[f"{tag}target_index"])
        np.testing.assert_array_equal(roles(shape), arrays[f"{tag}mask"])
        done |= check_top(arrays, tag, choice) | net.done
        names = ("block_features", "pred", "score", "loss", "target_index", "mask")
        done |= {tag + name for name in (*names, "grad_block_features")}
    return done


def check_top(arrays: Arrays, tag: str, choice: Choice) -> set[str]:
    """Every `{tag}top{k}` of the file."""
    found = {key: re.fullmatch(rf"{re.escape(tag)}top(\d+)", key) for key in arrays}
    known = {key: int(match[1]) for key, match in found.items() if match}
    for key, top in known.items():
        close(key, accuracy(choice, top=top), arrays[key])
    return set(known)


def roles(shape: tuple[int, ...]) -> np.ndarray:
    """Kind of column for each row, in the order of our scores: spec of `dpc_choice`.

    1 positive, -1 temporal, -3 spatial, 0 easy. (B, P, S, B, P, S).
    """
    b, p, s, b2, p2, s2 = np.indices(shape)
    kinds = [(b != b2), (s != s2), (p != p2)]
    return np.select(kinds, [0, -3, -1], default=1)


def check_memdpc(arrays: Arrays, path: Path) -> set[str]:
    """Both directions. The number of predicted blocks is the one that gives the file's context."""
    done: set[str] = set()
    for tag in prefixes(arrays, "block_features"):
        net, features = Net(arrays, tag), torch.from_numpy(arrays[f"{tag}block_features"])
        maps, want = features.mean(dim=3), arrays[f"{tag}context"]
        forward = net.recurrent("agg_f")
        contexts = {
            count: predict_ahead(forward, net.read, maps[:, :-count], 1)[0].detach().numpy()
            for count in range(1, maps.shape[1])
        }
        fits = [n for n, c in contexts.items() if np.allclose(c[:, None], want, 1e-5, 1e-6)]
        assert len(fits) == 1, f"{path.name}: context of {fits} predicted blocks fits"
        both = {
            "forward": (forward, maps, "acc_fwd"),
            "backward": (net.recurrent("agg_b"), maps.flip(1), "acc_bwd"),
        }
        total = torch.zeros(())
        for name, (step, ordered, right) in both.items():
            _, predicted = predict_ahead(step, net.read, ordered[:, : -fits[0]], fits[0])
            choice = dpc_choice(predicted, ordered[:, -fits[0] :])
            loss = info_nce(choice)
            total = total + loss
            wanted = arrays[f"{tag}loss_{name}"]
            close(f"{tag}loss_{name}", loss.reshape(wanted.shape), wanted)
            tops = torch.stack([accuracy(choice, top=top) for top in (1, 5)])
            close(f"{tag}{right}", tops[None], arrays[f"{tag}{right}"])
            done |= {f"{tag}loss_{name}", f"{tag}{right}"}
        close(f"{tag}loss", total, arrays[f"{tag}loss"])
        done |= {f"{tag}{name}" for name in ("block_features", "context", "loss")} | net.done
    return done
