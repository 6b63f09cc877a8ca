"""The audit of a generated miniature: does its label hang on what it should, and on nothing else?

    results = audit("mini-lrw", root)     # a list of AuditResult; one that failed: passed == False

Every check of the specification's battery that applies to the set is run on the files themselves,
decoded again, and on `gt.jsonl`. Checks that need many clips are reported as not measured on the
`ci` tier; checks that hold exactly are run on every tier.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmark.data.miniature import (
    audit_actions,
    audit_fingerprint,
    audit_loc,
    audit_lrs2,
    audit_sets,
    audit_sound,
)
from benchmark.data.miniature.audit_base import AuditResult, Subject
from benchmark.data.miniature.audit_checks import EVERY_SET
from registries.errors import unknown

__all__ = ["AuditResult", "audit"]

Check = Callable[[Subject], list[AuditResult]]
BATTERIES: dict[str, tuple[Check, ...]] = {
    "mini-kav": audit_sets.KAV,
    "mini-lrw": audit_sets.LRW,
    "mini-lrs2": audit_lrs2.LRS2,
    "mini-dfdc": audit_sets.DFDC,
    "mini-esc50": audit_sound.ESC,
    "mini-dcase": audit_sound.DCASE,
    "mini-dcase50": audit_sound.DCASE,
    "mini-ucf": audit_actions.UCF,
    "mini-hmdb51": audit_actions.HMDB,
    "mini-ks": audit_actions.KS,
    "mini-fingerprint": audit_fingerprint.FINGERPRINT,
    "mini-loc": audit_loc.LOC,
}


def audit(name: str, root: Path) -> list[AuditResult]:
    """Run every check that applies to the set `name` on the generated folder `root`.

    Raises UsageError for a set without a battery, NotReadyError for a folder that is not complete.
    """
    if name not in BATTERIES:
        raise unknown("audit battery", name, BATTERIES)
    subject = Subject(Path(root))
    return [result for check in (*EVERY_SET, *BATTERIES[name]) for result in check(subject)]
