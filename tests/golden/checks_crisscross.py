"""CrissCross and the loss it shares with SimSiam, against values of the authors' code."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from checks_glcm import Arrays, close, close_gradient, leaf
from torch import Tensor, nn

from benchmark.optimisers import WarmedCosine, larc
from objectives.parts.cosine import (
    FAMILIES,
    crisscross,
    negative_cosine,
    symmetric_cosine,
)
from objectives.parts.projector import mlp

VIEWS = {"v1": "video_1", "v2": "video_2", "a1": "audio_1", "a2": "audio_2"}
# family, or a word for several, as the names of totals have it
WORDS = {"intra": {"intra"}, "sync": {"sync"}, "async": {"async"}, "cross": {"sync", "async"}}


def beginnings(arrays: Arrays, name: str) -> list[str]:
    """What stands before `name` in the keys that end with it: "" or "tag_", no gradient's."""
    found = [key.removesuffix(name) for key in arrays if key.endswith(name)]
    return [begin for begin in found if not begin or re.fullmatch(r"(?!.*grad).*[_.]", begin)]


def check_crisscross_loss(arrays: Arrays, path: Path) -> set[str]:
    """`z_v1` .. `p_a2` (B, D): the six pairs, the totals of families, the gradients of `all`."""
    done: set[str] = set()
    for tag in beginnings(arrays, "z_v1"):
        z = {view: leaf(arrays[f"{tag}z_{view}"]) for view in VIEWS}
        p = {view: leaf(arrays[f"{tag}p_{view}"]) for view in VIEWS}
        done |= {f"{tag}{part}_{view}" for part in "zp" for view in VIEWS}
        for key in arrays:
            if found := re.fullmatch(rf"{re.escape(tag)}sub_L([va]\d)([va]\d)", key):
                x, y = found.groups()
                close(key, symmetric_cosine(p[x], z[x], p[y], z[y]), arrays[key])
                done.add(key)
            elif (families := _families(key.removeprefix(tag))) and key.startswith(tag):
                close(key, _total(p, z, families), arrays[key])
                done.add(key)
        _total(p, z, FAMILIES).backward()
        for part, leaves in (("z", z), ("p", p)):
            for view, tensor in leaves.items():
                if (key := f"{tag}grad_{part}_{view}") in arrays:
                    close_gradient(key, tensor, arrays[key])
                    done.add(key)
    return done


def _total(p: dict[str, Tensor], z: dict[str, Tensor], families: tuple[str, ...]) -> Tensor:
    predicted = {VIEWS[view]: tensor for view, tensor in p.items()}
    projected = {VIEWS[view]: tensor for view, tensor in z.items()}
    return torch.stack([*crisscross(predicted, projected, families=families).values()]).sum()


def _families(name: str) -> tuple[str, ...]:
    """Families of a total: all_loss, no_async_loss, sync_only_loss; none for other names."""
    if name == "all_loss":
        return FAMILIES
    if (found := re.fullmatch(r"no_(\w+)_loss", name)) and found[1] in WORDS:
        return tuple(family for family in FAMILIES if family not in WORDS[found[1]])
    if (found := re.fullmatch(r"(\w+)_only_loss", name)) and found[1] in WORDS:
        return tuple(family for family in FAMILIES if family in WORDS[found[1]])
    return ()


def check_crisscross_heads(arrays: Arrays, path: Path) -> set[str]:
    """`x` (B, C) through projectors of several depths and the predictor, in training mode."""
    done: set[str] = set()
    for tag in beginnings(arrays, "proj.layer1.0.weight"):
        layers = sorted({_layer(key) for key in arrays if key.startswith(f"{tag}proj.layer")})
        depths = {len(layers): layers, 2: [layers[0], layers[-1]]}  # 2: the middle is skipped
        outputs: dict[str, Tensor] = {}
        for depth, kept in depths.items():
            widths = [arrays[f"{tag}proj.layer{n}.0.weight"].shape[0] for n in kept]
            entering = arrays[f"{tag}proj.layer{kept[0]}.0.weight"].shape[1]
            head = mlp(entering, *widths, norm=True, last_norm=True)
            load(head, arrays, [f"{tag}proj.layer{n}.{part}" for n in kept for part in (0, 1)])
            outputs[f"{tag}proj{depth}_out_train"] = head(torch.from_numpy(arrays[f"{tag}x"]))
        inner, entering = arrays[f"{tag}pred.layer1.0.weight"].shape
        head = mlp(entering, inner, arrays[f"{tag}pred.layer2.weight"].shape[0], norm=True)
        load(head, arrays, [f"{tag}pred.{part}" for part in ("layer1.0", "layer1.1", "layer2")])
        outputs[f"{tag}pred_out_train"] = head(outputs[f"{tag}proj{len(layers)}_out_train"])
        for key, value in outputs.items():
            if key in arrays:
                close_outputs(key, value, arrays[key])
                done.add(key)
        done |= {f"{tag}x"}
        done |= {key for key in arrays if re.match(rf"{re.escape(tag)}(proj|pred)\.layer", key)}
    return done


def _layer(key: str) -> int:
    return int(key.split("proj.layer")[1].split(".")[0])


def load(head: nn.Sequential, arrays: Arrays, sources: list[str], *, sep: str = ".") -> None:
    """Fill the layers that have parameters, in order; what a file lacks is neutral (0, or 1)."""
    filled = [layer for layer in head if list(layer.parameters())]
    with torch.no_grad():
        for layer, source in zip(filled, sources, strict=True):
            for name, parameter in layer.named_parameters():
                if (key := f"{source}{sep}{name}") in arrays:
                    parameter.copy_(torch.from_numpy(arrays[key]))
                else:
                    parameter.fill_(1.0 if name == "weight" else 0.0)


def close_outputs(key: str, got: Tensor, want: np.ndarray) -> None:
    """As `close`; entries near zero are sums of large ones, so they are held to the largest."""
    close(key, got, want, atol=1e-5 * float(np.abs(want).max()))


def check_crisscross_larc(arrays: Arrays, path: Path) -> set[str]:
    """`w`, `lr`, `wd`, `trust`; each `grad*` becomes `scaled_grad*`."""
    done: set[str] = set()
    for key in arrays:
        if found := re.fullmatch(r"(.*?)scaled_(grad.*)", key):
            tag, name = found.groups()
            scaled = larc(
                torch.from_numpy(arrays[f"{tag}w"]),
                torch.from_numpy(arrays[f"{tag}{name}"]),
                lr=float(arrays[f"{tag}lr"]),
                weight_decay=float(arrays[f"{tag}wd"]),
                trust=float(arrays[f"{tag}trust"]),
            )
            close_values(key, scaled.numpy(), arrays[key], rtol=1e-4)
            done |= {key, f"{tag}{name}", *(f"{tag}{part}" for part in ("w", "lr", "wd", "trust"))}
    return done


def check_crisscross_lr(arrays: Arrays, path: Path) -> set[str]:
    """`params`: warm-up epochs, its rate, epochs, iterations in one, base, final, predictor."""
    done: set[str] = set()
    for tag in beginnings(arrays, "params"):
        warm, start, epochs, each, base, final, predictor = map(float, arrays[f"{tag}params"])
        steps = round(epochs * each)
        rates = {"base": base, "predictor": predictor, "held": predictor}
        groups = [
            {"params": [nn.Parameter(torch.zeros(1))], "lr": rate, "constant": name == "held"}
            for name, rate in rates.items()
        ]
        optimizer = torch.optim.SGD(groups, lr=base)
        schedule = WarmedCosine(
            optimizer, end=steps, warmup=round(warm * each), start=start / base, final=final / base
        )
        seen = []
        for _ in range(steps):
            seen.append([group["lr"] for group in optimizer.param_groups])
            optimizer.step()
            schedule.step()
        got = dict(zip(rates, np.array(seen).T, strict=True))
        assert (got["held"] == predictor).all()
        wanted = {"base_lr_per_iter": "base", "predictor_lr_per_iter_nonconstant": "predictor"}
        wanted["predictor_lr_per_iter"] = "held"
        for name, column in wanted.items():
            if (key := f"{tag}{name}") in arrays:
                close_values(key, got[column], arrays[key], rtol=1e-5, atol=1e-12)
                done.add(key)
        done.add(f"{tag}params")
    return done


def close_values(
    key: str, got: np.ndarray, want: np.ndarray, *, rtol: float, atol: float = 1e-9
) -> None:
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=key)


def check_byol_simsiam(arrays: Arrays, path: Path) -> set[str]:
    """`p1`, `z1`, ..: SimSiam is D; BYOL's squared distance of unit vectors is 2 + 2 D."""
    done: set[str] = set()
    for tag in beginnings(arrays, "p1"):
        size = {
            key.removeprefix(tag)[1:]
            for key in arrays
            if re.fullmatch(rf"{re.escape(tag)}p\d+", key)
        }
        p = {n: torch.from_numpy(arrays[f"{tag}p{n}"]) for n in size}
        z = {n: torch.from_numpy(arrays[f"{tag}z{n}"]) for n in size}
        done |= {f"{tag}{part}{n}" for part in "pz" for n in size}
        pairs: list[Tensor] = []
        for key in arrays:
            found = re.fullmatch(rf"{re.escape(tag)}(byol|simsiam)_p(\d+)z(\d+)", key)
            if found:
                distance = negative_cosine(p[found[2]], z[found[3]])
                close(key, distance if found[1] == "simsiam" else 2 + 2 * distance, arrays[key])
                pairs += [distance] if found[1] == "simsiam" else []
                done.add(key)
        mean = torch.stack(pairs).mean()
        totals = {"byol_sum": len(pairs) * (2 + 2 * mean), "simsiam_mean": mean}
        totals["lightly_ncs_mean"] = mean  # another library's value of the same
        for name, value in totals.items():
            if (key := f"{tag}{name}") in arrays:
                close(key, value, arrays[key])
                done.add(key)
    return done


def check_simsiam_module(arrays: Arrays, path: Path) -> set[str]:
    """SimSiam's module on a one-layer backbone: projector, predictor and loss of two views."""
    done: set[str] = set()
    for tag in beginnings(arrays, "x1"):
        linear, norms = _parts(arrays, f"{tag}param_encoder__fc__")
        widths = [arrays[key + "__weight"].shape[0] for key in linear]
        entering = arrays[linear[0] + "__weight"].shape[1]
        # the norm after the last layer has no parameters in the authors' code: neutral ones here
        projector = mlp(entering, *widths, norm=True, last_norm=True)
        order = [source for pair in zip(linear, [*norms, "none"], strict=True) for source in pair]
        load(projector, arrays, order, sep="__")
        linear, norms = _parts(arrays, f"{tag}param_predictor__")
        inner, entering = arrays[linear[0] + "__weight"].shape
        predictor = mlp(entering, inner, arrays[linear[1] + "__weight"].shape[0], norm=True)
        load(predictor, arrays, [linear[0], norms[0], linear[1]], sep="__")
        z = [projector(torch.from_numpy(arrays[f"{tag}x{n}"])) for n in (1, 2)]
        p = [predictor(each) for each in z]
        for n in (1, 2):
            close_outputs(f"{tag}z{n}", z[n - 1], arrays[f"{tag}z{n}"])
            close_outputs(f"{tag}p{n}", p[n - 1], arrays[f"{tag}p{n}"])
        close(f"{tag}loss", symmetric_cosine(p[0], z[0], p[1], z[1]), arrays[f"{tag}loss"])
        leaves = [leaf(each.detach().numpy()) for each in z]
        trained = [negative_cosine(p[0].detach(), each).requires_grad for each in leaves]
        assert trained == arrays[f"{tag}z_requires_grad"].tolist()
        done |= {f"{tag}{part}{n}" for part in "xzp" for n in (1, 2)}
        done |= {f"{tag}loss", f"{tag}z_requires_grad"}
        done |= {key for key in arrays if key.startswith(f"{tag}param_")}
    return done


def _parts(arrays: Arrays, begin: str) -> tuple[list[str], list[str]]:
    """Linear layers (weights are matrices) and norms below a name, in their order."""
    found = {key.removesuffix("__weight") for key in arrays if key.startswith(begin)}
    found = {key for key in found if f"{key}__weight" in arrays}
    ordered = sorted(found, key=lambda key: int(key.removeprefix(begin)))
    linear = [key for key in ordered if arrays[f"{key}__weight"].ndim == 2]
    return linear, [key for key in ordered if key not in linear]
