import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from benchmark.data.miniature import forgery
from benchmark.data.miniature.dfdc import MiniDFDC
from benchmark.data.miniature.face import face_boxes
from benchmark.data.miniature.talk import plan_talk, render_frames, render_wave

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def base():
    return MiniDFDC().items("base")


@pytest.fixture(scope="module")
def plan():
    return plan_talk(np.random.default_rng(8), 12, seconds=1.6)


def pair(manipulation, base):
    """The first real and fake of one manipulation."""
    fake = next(item for item in base if item.plan["manipulation"] == manipulation)
    part = fake.path.split("/")[0]
    return next(i for i in base if i.path == f"{part}/{fake.plan['original']}"), fake


@pytest.mark.parametrize(
    ("tier", "sizes"), [("base", (600, 200, 600)), ("small", (240, 80, 240)), ("ci", (24, 8, 24))]
)
def test_sizes_and_balance(tier, sizes):
    items = MiniDFDC().items(tier)
    counts = Counter((item.split, item.label) for item in items)
    assert counts == {
        (split, label): n // 2
        for split, n in zip(SPLITS, sizes, strict=True)
        for label in ("REAL", "FAKE")
    }
    assert len({item.path.split("/")[1] for item in items}) == len(items)
    assert len({item.seed for item in items}) == len(items)


def test_smaller_tiers_are_parts_of_larger_ones(base):
    by_path = {item.path: item for item in base}
    for tier in ("ci", "small"):
        assert all(by_path[item.path] == item for item in MiniDFDC().items(tier))


def test_manipulations_have_the_specified_shares(base):
    for split, pairs in zip(SPLITS, (300, 100, 300), strict=True):
        kinds = Counter(i.plan["manipulation"] for i in base if i.split == split)
        assert kinds.pop("none") == pairs
        shares = {kind: count / pairs for kind, count in kinds.items()}
        assert shares == {"F1": 0.15, "F2": 0.15, "F3": 0.4, "F4-texture": 0.15, "F4-blink": 0.15}


def test_speakers_and_originals_stay_in_their_split(base):
    groups = {split: {i.group for i in base if i.split == split} for split in SPLITS}
    assert [len(groups[split]) for split in SPLITS] == [70, 10, 20]
    assert len(set().union(*groups.values())) == 100
    by_path = {item.path: item for item in base}
    used = set()
    for item in base:
        if item.label == "REAL":
            continue
        original = by_path[f"{item.path.split('/')[0]}/{item.plan['original']}"]
        assert (original.split, original.group, original.label) == (item.split, item.group, "REAL")
        used.add(original.path)
    assert len(used) == 700
    for group in groups["test"]:
        labels = Counter(item.label for item in base if item.group == group)
        assert labels["REAL"] == labels["FAKE"] == 15


def test_lists_have_the_owners_form(base):
    lists = MiniDFDC().lists(base)
    metadata = {
        p: json.loads(lists[f"{p}/metadata.json"]) for p in sorted({i.path[:18] for i in base})
    }
    assert sorted(metadata) == [f"dfdc_train_part_{part:02d}" for part in range(4)]
    assert sum(map(len, metadata.values())) == 1400
    lines = defaultdict(list)
    for split in SPLITS:
        for line in lists[f"chugh_{split}.txt"].splitlines():
            name, part = line.split(".")
            assert len(name) == 10 and name.isalpha() and name.islower()
            lines[split].append(metadata[part][f"{name}.mp4"])
    assert [len(lines[split]) for split in SPLITS] == [300, 100, 600]
    assert all(entry["label"] == "FAKE" for entry in lines["train"] + lines["val"])
    assert Counter(entry["label"] for entry in lines["test"]) == {"REAL": 300, "FAKE": 300}
    for part in metadata.values():
        assert all(("original" in entry) == (entry["label"] == "FAKE") for entry in part.values())
        assert all(entry.get("original", next(iter(part))) in part for entry in part.values())


def test_clips_are_repeatable_and_share_the_light_of_their_original(base):
    real, fake = pair("F3", base)
    one, two = MiniDFDC().draw(fake), MiniDFDC().draw(fake)
    np.testing.assert_array_equal(one.frames, two.frames)
    np.testing.assert_array_equal(one.wave, two.wave)
    assert one.latents == two.latents
    original = MiniDFDC().draw(real)
    assert one.frames.shape == original.frames.shape == (64, 112, 112, 3)
    assert one.wave.shape == original.wave.shape == (51200,)
    assert one.landmarks.shape == (64, 5, 2)
    cameras = one.latents["camera"], original.latents["camera"]
    assert cameras[0]["gain"] == cameras[1]["gain"] and cameras[0]["slope"] == cameras[1]["slope"]
    assert cameras[0]["noise"] != cameras[1]["noise"] and cameras[0]["blur"] != cameras[1]["blur"]
    assert (one.latents["manipulation"], original.latents["manipulation"]) == ("F3", "none")
    np.testing.assert_array_equal(one.wave, original.wave)  # only the picture is forged
    assert one.latents["segments"] != original.latents["segments"] == one.latents["heard_segments"]


def test_swapped_and_shifted_sound_leave_the_picture_alone(plan):
    rng = np.random.default_rng(0)
    swapped, shifted = forgery.forge(plan, "F1", rng), forgery.forge(plan, "F2", rng)
    for forged in (swapped, shifted):
        assert forged.plan is plan and forged.splice is None and forged.seen is plan
        assert not np.array_equal(render_wave(forged.heard), render_wave(plan))
    assert 0.2 <= abs(shifted.latents["shift"]) <= 0.5
    moved = [
        h.start - s.start
        for h, s in zip(
            forgery.said(shifted.heard).segments, forgery.said(plan).segments, strict=True
        )
    ]
    np.testing.assert_allclose(moved, shifted.latents["shift"], atol=1e-4)
    letters = [[s.viseme for s in forgery.said(p).segments] for p in (plan, swapped.heard)]
    assert letters[0] != letters[1]
    assert swapped.heard.faces[0].speaker is plan.faces[0].speaker


def test_splice_changes_the_mouth_only(plan):
    frames = render_frames(plan)
    forged = forgery.forge(plan, "F3", np.random.default_rng(1))
    changed = forgery.splice(frames, plan, forged.splice)
    difference = np.abs(changed.astype(int) - frames).max(axis=-1)
    face = plan.faces[0]
    matrices = face.matrices()
    mouth = matrices @ np.array([4 * face.yaw, face.speaker.mouth_y + 1, 1])
    y, x = np.mgrid[:112, :112]
    far = (
        np.hypot(x - mouth[:, :1, None], y - mouth[:, 1:, None])
        > 16 * face.scale[:, None, None] + 1
    )
    assert difference[far].max() == 0
    assert difference.max(axis=(1, 2)).min() > 5  # every frame is forged
    assert forged.heard is plan
    low, high = forgery.RESOLUTION
    assert low <= forged.splice.resolution <= high


def test_a_splice_of_the_same_mouth_at_full_resolution_changes_nothing(plan):
    frames = render_frames(plan)
    same = forgery.Splice(plan=plan, resolution=1.0, gain=1.0)
    np.testing.assert_array_equal(forgery.splice(frames, plan, same), frames)


def test_sliding_texture_stays_on_the_face(plan):
    forged = forgery.forge(plan, "F4-texture", np.random.default_rng(2))
    slide = forged.plan.faces[0].slide
    low, high = forgery.SLIDE
    assert low <= forged.latents["amplitude"] <= high and np.abs(slide).max() <= high
    difference = np.abs(render_frames(forged.plan).astype(int) - render_frames(plan)).max(axis=-1)
    x0, y0, x1, y1 = face_boxes(plan.faces[0]).T
    y, x = np.mgrid[:112, :112]
    margin = 2
    outside = (x < x0[:, None, None] - margin) | (x > x1[:, None, None] + margin)
    outside |= (y < y0[:, None, None] - margin) | (y > y1[:, None, None] + margin)
    assert difference[outside].max() == 0
    assert difference.max() > 8


def test_asynchronous_blinks_move_one_eye(plan):
    forged = forgery.forge(plan, "F4-blink", np.random.default_rng(3))
    lids, real = forged.plan.faces[0].lids, plan.faces[0].lids
    np.testing.assert_array_equal(real[:, 0], real[:, 1])
    kept = [np.array_equal(lids[:, eye], real[:, eye]) for eye in (0, 1)]
    assert sorted(kept) == [False, True]
    assert real.min() < 0.3 and lids.min(axis=0).max() < 0.3  # both eyes still blink
    assert np.abs(lids[:, 0] - lids[:, 1]).max() > 0.7


def test_unforgeable_scenes_are_refused():
    silent = plan_talk(np.random.default_rng(0), 3, seconds=0.5, silent=[0])
    with pytest.raises(ValueError, match="silent"):
        forgery.forge(silent, "F2", np.random.default_rng(0))
