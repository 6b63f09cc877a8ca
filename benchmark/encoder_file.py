"""`encoders.pt`: what pretraining hands to evaluation. A file, not an import.

{"format": 1, "encoders": {modality: {"config": dict, "weights": state dict}}, "meta": dict,
"alignment": {modality: a Projection} of an objective that compares cells of sight with sound, None
of others; files from before there were any have no such key}, loaded with torch's safe loading
only, so a file from elsewhere can hold data and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmark.checkpoint import save_atomically
from registries.alignment import Alignment, check_alignment
from registries.encoder import Encoder, Modality
from registries.errors import NotApplicableError, NotReadyError
from registries.registry import BACKBONES

FORMAT = 1


def save_encoders(
    encoders: Mapping[Modality, Encoder],
    path: Path,
    *,
    meta: Mapping[str, Any],
    alignment: Alignment | None = None,
) -> None:
    """Write configs and weights (on the CPU) atomically.

    meta: plain data about where they come from. alignment: see `registries.alignment`. Raises
    ValueError for an alignment that does not fit the encoders.
    """
    content = {
        modality: {
            "config": encoder.config,
            "weights": {k: v.detach().cpu() for k, v in encoder.state_dict().items()},
        }
        for modality, encoder in encoders.items()
    }
    linear = None
    if alignment is not None:
        check_alignment(alignment, encoders)
        linear = {
            modality: {**found, "weight": found["weight"].cpu(), "bias": found["bias"].cpu()}
            for modality, found in alignment.items()
        }
    whole = {"format": FORMAT, "encoders": content, "meta": dict(meta), "alignment": linear}
    save_atomically(whole, path)


def read_encoders(path: Path) -> dict[str, Any]:
    """The content of a file.

    Raises NotReadyError for a file that is missing, unsafe or of another format.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise NotReadyError(
            f"{path}: no such encoder file. `bench pretrain` writes one."
        ) from error
    except Exception as error:  # a damaged or hostile pickle may raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise NotReadyError(
            f"{path} is not a safe encoder file ({reason}). Expected what "
            "`bench pretrain` writes: tensors and plain data only. Nothing in it was executed."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or not _complete(content):
        raise NotReadyError(
            f"{path} holds no encoders of format {FORMAT}; expected the keys 'format', 'meta' and "
            "'encoders': {modality: {'config': {'type': ...}, 'weights': tensors}}."
        )
    return content


def read_alignment(path: Path) -> Alignment | None:
    """The linear maps that a file holds beside its encoders, None where there are none."""
    found: Alignment | None = read_encoders(path).get("alignment")
    return found


def load_encoder(path: Path, modality: Modality) -> Encoder:
    """Rebuild one encoder with its weights.

    Raises NotApplicableError if there is none of this modality (without naming the file: the reason
    goes into records), NotReadyError where its config or weights are not those of an encoder,
    UsageError for a type that is not registered.
    """
    stored = read_encoders(path)["encoders"]
    if modality not in stored:
        raise NotApplicableError(
            f"the encoders are for {', '.join(stored) or 'nothing'}, the task needs {modality!r}"
        )
    config = stored[modality]["config"]
    try:
        encoder = BACKBONES.build(config)
        encoder.load_state_dict(stored[modality]["weights"])
    except (RuntimeError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise NotReadyError(
            f"{path}: no {modality} encoder can be made of the config {config} and its weights "
            f"({error}). Write the file again."
        ) from error
    return encoder


def _complete(content: dict[str, Any]) -> bool:
    """Whether every encoder has a config that names its type, and weights that are tensors."""
    encoders = content.get("encoders")
    if not isinstance(encoders, dict) or not isinstance(content.get("meta"), dict):
        return False
    for found in encoders.values():
        match found:
            case {"config": {"type": str()}, "weights": dict(weights)} if all(
                isinstance(value, torch.Tensor) for value in weights.values()
            ):
                continue
        return False
    return True
