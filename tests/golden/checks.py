"""Which reference file is checked by which function, by the beginning of its name.

Tags, shapes and parameters are read from the file: `{tag}_video` and `{tag}_text` belong together,
whatever the tag is. A check returns the keys it accounted for; a key that nobody accounts for is a
failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from checks_backbones import ADAPTERS, NO_ADAPTER, PARTS, check_backbone, check_part
from checks_crisscross import (
    check_byol_simsiam,
    check_crisscross_heads,
    check_crisscross_larc,
    check_crisscross_loss,
    check_crisscross_lr,
    check_simsiam_module,
)
from checks_glcm import check_glcm_official, check_glcm_variants, check_milnce
from checks_infomax import check_amdim, check_dim, check_tanh_clip
from checks_moco import check_moco_official, check_momentum_anneal, check_rho_moco
from checks_predictive import (
    check_cpc_fair,
    check_cpc_gim_audio,
    check_cpc_gim_vision,
    check_cpc_jefflai,
    check_dpc,
    check_memdpc,
)
from checks_synchrony import check_avslowfast, check_rotnet

Check = Callable[[dict[str, np.ndarray], Path], set[str]]

CHECKS: dict[str, Check] = {
    "milnce": check_milnce,
    "glcm_official": check_glcm_official,
    "glcm_reference_variants": check_glcm_variants,
    "crisscross_heads": check_crisscross_heads,
    "crisscross_larc": check_crisscross_larc,
    "crisscross_loss": check_crisscross_loss,
    "crisscross_lr": check_crisscross_lr,
    "byol_simsiam": check_byol_simsiam,
    "simsiam_official_module": check_simsiam_module,
    "amdim_official": check_amdim,
    "amdim_tanh_clip": check_tanh_clip,
    "dim_official_losses": check_dim,
    "cpc_fair_cpcaudio": check_cpc_fair,
    "cpc_gim_audio": check_cpc_gim_audio,
    "cpc_gim_vision": check_cpc_gim_vision,
    "cpc_jefflai_core": check_cpc_jefflai,
    "dpc_official": check_dpc,
    "memdpc_official": check_memdpc,
    "moco_official": check_moco_official,
    "momentum_cosine_anneal": check_momentum_anneal,
    "rho_moco_slowfast": check_rho_moco,
    "avslowfast_avs": check_avslowfast,
    "rotnet3d_rot90": check_rotnet,
}

ELSEWHERE = {
    "AVID": ("avid_memory", "avid_nce"),
    "AVID-CMA": ("cma_loss", "cma_positives"),
    "CM-ACC": ("cmacc_nce",),
    "GDT": ("gdt",),
    "SeLaVi": ("selavi_sk",),
    "MotionPred": ("motionpred_sts",),
    "rho-BYOL": ("rho_byol_slowfast",),
    "SimCLR": ("simclr_ntxent", "simclr_slowfast"),
    "SwAV": ("swav_sinkhorn_and_loss",),
    "VCOP": ("vcop_head_forward", "vcop_permutation_labels"),
    "VideoMAE": ("videomae_target_and_loss",),
    "V-JEPA": ("vjepa_mask_and_loss",),
}
PENDING: dict[str, str] = {
    "audio_frontends": "front ends of CrissCross, AVID and AVSlowFast; the suite gives all "
    "objectives the same",
    "gdt_selavi_logfbank": "front ends of GDT and SeLaVi; the suite gives all objectives the same",
    **{
        name: f"belongs to {owner}, which the suite does not have"
        for owner, names in ELSEWHERE.items()
        for name in names
    },
}


@dataclass(frozen=True)
class Case:
    """One reference file, or one entry of a backbones.json."""

    path: Path
    entry: str = ""

    @property
    def name(self) -> str:
        return f"{self.path.name}-{self.entry}" if self.entry else self.path.name

    def pending(self) -> str | None:
        """Why this is not checked yet; None where it is, and where nobody knows it."""
        if self.entry:
            return NO_ADAPTER.get(self.entry)
        known = lookup(self.path.stem, [*CHECKS, *PENDING])
        return PENDING.get(known) if known else None

    def check(self) -> None:
        """Raise AssertionError where a value differs, or where a file or key is known to nobody."""
        if self.entry in PARTS:
            check_part(self.entry, json.loads(self.path.read_text())[self.entry])
            return
        if self.entry:
            assert self.entry in ADAPTERS, (
                f"{self.path.name} has {self.entry!r}, which nobody checks: add it to ADAPTERS "
                "or, with "
                "its reason, to NO_ADAPTER in tests/golden/checks_backbones.py"
            )
            check_backbone(self.entry, json.loads(self.path.read_text())[self.entry])
            return
        known = lookup(self.path.stem, CHECKS)
        assert known, (
            f"{self.path.name}: a file that nobody checks; add its name to CHECKS or, with its "
            "reason, "
            "to PENDING in tests/golden/checks.py"
        )
        with np.load(self.path) as file:
            arrays = dict(file)
        left = arrays.keys() - CHECKS[known](arrays, self.path)
        assert not left, f"{self.path.name}: nobody checks the keys {sorted(left)}"


def cases(folder: Path) -> list[Case]:
    """Every reference file in a folder, flat or with av/ and visual/."""
    places = [place for place in (folder, folder / "av", folder / "visual") if place.is_dir()]
    files = [path for place in places for path in sorted(place.glob("*.npz"))]
    found = [Case(path) for path in files]
    for place in places:
        if (listing := place / "backbones.json").is_file():
            found += [Case(listing, entry) for entry in json.loads(listing.read_text())]
    return found


def lookup(stem: str, names: Iterable[str]) -> str | None:
    """The longest known name that a file's name begins with: `milnce` for `milnce_heldout`."""
    fitting = [name for name in names if stem == name or stem.startswith(f"{name}_")]
    return max(fitting, key=len, default=None)
