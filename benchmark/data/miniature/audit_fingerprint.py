"""Checks of mini-fingerprint: every clip can be told from every other, none is another set's."""

from __future__ import annotations

import numpy as np

from benchmark.data.miniature.audit_base import AuditResult, Subject, not_measured
from benchmark.data.miniature.audit_checks import NEAR, at_least, at_most, duplicates
from benchmark.data.miniature.fingerprint import FIRST
from benchmark.data.miniature.ks import IDS, TEXTURES_FROM


def no_twins(subject: Subject) -> list[AuditResult]:
    """No clip looks and sounds like any other: a search could not tell which one was meant."""
    return duplicates(subject, side=np.arange(len(subject.rows)))


def apart(subject: Subject) -> list[AuditResult]:
    """Half of the pictures lie further from the nearest other than a re-encoded copy does."""
    check = "bits to the nearest picture, median"
    if not subject.measurable:
        return [not_measured(check, f">= {NEAR + 1}")]
    hashes = subject.features.picture_hash
    bits = np.bitwise_count(hashes[:, None] ^ hashes[None]).astype(int)
    np.fill_diagonal(bits, 64)
    return [at_least(check, float(np.median(bits.min(axis=1))), NEAR + 1)]


def textures(subject: Subject) -> list[AuditResult]:
    """No texture is seen in two clips, or belongs to another set."""
    used = [number for row in subject.rows for number in row["texture_ids"]]
    first = TEXTURES_FROM + IDS * FIRST
    foreign = sum(number < first for number in used)
    return [
        at_most("textures in two clips", len(used) - len(set(used)), 0),
        at_most("textures of other sets", foreign, 0, note=f"any below {first}"),
    ]


FINGERPRINT = (no_twins, apart, textures)
