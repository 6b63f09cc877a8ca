"""mini-fingerprint: VGGSound's layout, clips of mini-Kinetics-Sound's kind and of no other set."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.data import adapters
from benchmark.data.miniature import audit_fingerprint
from benchmark.data.miniature.build import ensure
from benchmark.data.miniature.fingerprint import MiniFingerprint
from benchmark.data.miniature.ks import CLASSES, IDS, TEXTURES_FROM, MiniKS


@pytest.mark.parametrize(("tier", "size"), [("base", 500), ("small", 60), ("ci", 12)])
def test_sizes(tier, size):
    items = MiniFingerprint().items(tier)
    assert len({item.group for item in items}) == size
    counts = Counter(item.label for item in items)
    assert set(counts) == set(CLASSES) and max(counts.values()) - min(counts.values()) <= 1
    assert {item.split for item in items} == {"test"}


def test_nothing_is_shared_with_mini_ks():
    own, other = MiniFingerprint().items("base"), MiniKS().items("base")
    numbers = {item.plan["number"] for item in own}
    assert not numbers & {item.plan["number"] for item in other} and len(numbers) == 500
    assert not {item.seed for item in own} & {item.seed for item in other}
    assert own[0].path == "video/0bjgmxF4oEO_000052.mp4"  # a name never changes


def test_the_adapter_reads_it(mini_cache):
    root = ensure("mini-fingerprint", tier="ci", cache=mini_cache, jobs=1)
    found = adapters.read("vggsound", root)
    assert (found.kind, found.name, len(found), found.missing) == (
        "miniature", "mini-fingerprint", 12, (),
    )  # fmt: skip
    assert found.labels == tuple(sorted(CLASSES)) and set(found.rows["split"]) == {"test"}
    items = {item.path: item for item in MiniFingerprint().items("ci")}
    for row in found.rows.itertuples():
        item = items[row.path]
        assert (row.id, row.group) == (f"{item.group}_{item.plan['start']:06d}", item.group)
        assert found.labels[row.label] == item.label


def test_clips_are_drawn_as_planned():
    item = MiniFingerprint().items("ci")[3]
    clip, again = MiniFingerprint().draw(item), MiniFingerprint().draw(item)
    np.testing.assert_array_equal(clip.frames, again.frames)
    assert clip.latents["shape"] == CLASSES[item.label].shape
    assert clip.latents["texture_ids"][0] == TEXTURES_FROM + IDS * item.plan["number"] == 472_006


def subject(hashes, sounds, textures):
    """What the audit looks at."""
    features = SimpleNamespace(
        picture_hash=np.array(hashes, np.uint64), sound_hash=np.array(sounds, np.uint64)
    )
    rows = [{"texture_ids": numbers} for numbers in textures]
    return SimpleNamespace(features=features, rows=rows, measurable=True)


def test_the_audit_finds_twins_and_borrowed_textures():
    far = [0, 2**20 - 1, (2**20 - 1) << 30]
    own = [[472_000], [472_001], [472_002]]
    good = subject(far, [0, 2**30 - 1, 2**60 - 1], own)
    found = [check(good)[0].passed for check in audit_fingerprint.FINGERPRINT]
    assert found == [True] * 3
    (twins,) = audit_fingerprint.no_twins(subject([0, 1, far[2]], [0, 3, 0], own))
    assert twins.passed is False and twins.value == 1
    (near,) = audit_fingerprint.apart(subject([0, 1, 3], [0, 0, 0], own))
    assert near.passed is False and near.value == 1
    shared, foreign = audit_fingerprint.textures(subject(far, far, [[472_000], [472_000], [5]]))
    assert (shared.value, foreign.value) == (1, 1)
