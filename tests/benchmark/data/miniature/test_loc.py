"""mini-loc: VGG-SS's layout, two variants, and sound that alone says which object is heard."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.data import adapters
from benchmark.data.manifest import Boxes
from benchmark.data.miniature import audit_loc
from benchmark.data.miniature.actors import SHAPES, scatter
from benchmark.data.miniature.audit import audit
from benchmark.data.miniature.audit_sync import agreement, touching
from benchmark.data.miniature.build import ensure
from benchmark.data.miniature.clip import SIZE
from benchmark.data.miniature.loc import AREA, FRAMES, MIDDLE, MiniLoc, area, plan_scene


def planned(**wanted):
    """The first planned clips with these choices."""
    items = MiniLoc().items("base")
    return [i for i in items if all(i.plan[key] == value for key, value in wanted.items())]


def test_variants_shapes_and_counts_take_turns():
    items = MiniLoc().items("base")
    assert len(items) == 1200 and len({item.path for item in items}) == 1200
    assert set(Counter(item.label for item in items).values()) == {100}
    assert {item.label for item in items} == {
        f"{variant}: {shape}" for variant in ("semantic", "sync") for shape in SHAPES
    }
    counts = Counter((item.plan["count"], item.plan["sounding"]) for item in items)
    assert counts == {(2, 1): 408, (3, 1): 300, (3, 2): 96, (4, 1): 300, (4, 2): 96}
    small = {item.path for item in MiniLoc().items("small")}
    assert len(small) == 240 and small < {item.path for item in items}
    assert items[0].path == "video/G2abWl-jaVs_000260.mp4"  # a name never changes
    textures = [item.plan["texture"] for item in items]
    assert min(np.diff(sorted(textures))) == 4  # room for four objects each


@pytest.mark.parametrize("variant", ["semantic", "sync"])
def test_clips_draw_alone_and_again(variant):
    item = planned(variant=variant, count=3, sounding=2)[0]
    clip, again = MiniLoc().draw(item), MiniLoc().draw(item)
    assert clip.frames.shape == (FRAMES, SIZE, SIZE, 3) and clip.wave.shape == (51_200,)
    np.testing.assert_array_equal(clip.frames, again.frames)
    np.testing.assert_array_equal(clip.wave, again.wave)
    things = clip.latents["objects"]
    assert [thing["sounding"] for thing in things] == [True, True, False]
    shapes = {thing["shape"] for thing in things}
    assert len(shapes) == (3 if variant == "semantic" else 1)
    assert things[0]["shape"] == item.plan["shape"]


def test_all_objects_follow_one_law_and_boxes_have_their_size():
    items = planned(sounding=1)[::17]
    scenes = [plan_scene(item, MiniLoc.difficulty) for item in items]
    areas = [[area(box[MIDDLE]) for box in scene.boxes()] for scene in scenes]
    assert AREA[0] <= min(map(min, areas)) and max(map(max, areas)) <= AREA[1]
    first = np.array([found[0] for found in areas])
    other = np.concatenate([found[1:] for found in areas])
    error = np.hypot(first.std() / len(first) ** 0.5, other.std() / len(other) ** 0.5)
    assert abs(first.mean() - other.mean()) < 3 * error
    hops = [[len(track.impacts) for track in scene.tracks] for scene in scenes]
    assert np.mean([row[0] for row in hops]) == pytest.approx(
        np.mean([n for row in hops for n in row[1:]]), rel=0.05
    )


def test_places_keep_apart():
    places = np.array(scatter(np.random.default_rng(0), 4, apart=35.0))
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e3 * np.eye(4)
    assert gaps.min() > 35


def test_impacts_find_what_sounds_until_the_sound_is_late():
    right, late, shown = [], [], []
    for item in planned(variant="sync", sounding=1)[:12]:
        clip = MiniLoc().draw(item)
        found = agreement(clip.wave, clip.latents["objects"], (0.0, 0.08))
        right.append(found[0].argmax() == 0)
        late.append(found[1].argmax() == 0)
        shown.append(touching(clip.wave, clip.latents["objects"], fps=20, every=1).argmax() == 0)
        # onsets of what is heard fall on the impacts: the others' correlate with nothing
        assert found[0][1:].max() < 0.35
    assert np.mean(right) == np.mean(shown) == 1.0 and np.mean(late) < 0.5
    assert agreement(np.zeros(16_000), [{"impacts": [0.5]}], (0.0,))[0, 0] == 0.0


@pytest.fixture(scope="module")
def root(mini_cache):
    return ensure("mini-loc", tier="ci", cache=mini_cache, jobs=1)


def test_the_adapter_reads_it_as_the_owners_files(root):
    found = adapters.read("vggss", root)
    assert (found.kind, found.name, len(found), found.missing) == ("miniature", "mini-loc", 24, ())
    assert set(found.rows["split"]) == {"test"} and len(found.labels) == 12
    truth = [json.loads(line) for line in (root / "gt.jsonl").read_text().splitlines()]
    for text, row in zip(found.rows["boxes"], truth, strict=True):
        boxes = Boxes.of(text)
        seen = [row["objects"][i]["boxes"][MIDDLE] for i in row["sounding"]]
        np.testing.assert_allclose(np.array(boxes.boxes) * SIZE, seen, atol=0.06)


def test_the_audit_passes(root):
    results = {result.check: result for result in audit("mini-loc", root)}
    assert [r.line() for r in results.values() if r.passed is False] == []
    exact = ("boxes differ from the objects", "clips against their variant", "seeds used twice")
    assert all(results[name].passed for name in exact)
    assert results["sounding object from impacts"].passed is None  # too few clips
    assert results["pointing at an object, sync"].value == pytest.approx(5 / 12)


def test_the_audit_finds_a_salient_sound_and_a_wrong_box(root):
    truth = [json.loads(line) for line in (root / "gt.jsonl").read_text().splitlines()]
    for row in truth:
        row["objects"][0]["boxes"] = np.add.accumulate(
            np.full((FRAMES, 4), 8.0) * (0, 0, 1, 1), axis=0
        ).tolist()  # grows and moves as no other does
    subject = SimpleNamespace(rows=truth, root=root, measurable=True)
    verdicts = {result.check: result.passed for result in audit_loc.loc_salience(subject)}
    assert verdicts["sounding object by most motion"] is False
    boxes = {result.check: result.value for result in audit_loc.loc_boxes(subject)}
    assert boxes["boxes differ from the objects"] == len(truth)
    truth[0]["label"], truth[1]["texture_ids"] = "sync: disc", truth[2]["texture_ids"]
    wrong = [result.value for result in audit_loc.loc_variants(subject)]
    assert wrong == [1, len(truth[2]["texture_ids"])]


def test_an_unlabelled_variant_is_caught(root):
    truth = [json.loads(line) for line in (root / "gt.jsonl").read_text().splitlines()]
    row = next(row for row in truth if row["variant"] == "semantic")
    row["objects"][1]["shape"] = row["objects"][0]["shape"]
    subject = SimpleNamespace(rows=truth, root=root, measurable=True)
    assert audit_loc.loc_variants(subject)[0].value == 1
