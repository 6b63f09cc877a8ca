"""mini-KAV: exact shares, nested sizes, sound and picture that belong together."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.data.miniature.actors import GAP, draw_hopper, follow
from benchmark.data.miniature.audit_features import log_bands
from benchmark.data.miniature.impacts import music
from benchmark.data.miniature.kav import FPS, FRAMES, MUSIC_DB, MiniKAV
from benchmark.data.miniature.speaker import PRETRAINING_SPEAKERS


def first(**wanted):
    """The first planned clip with these choices."""
    for item in MiniKAV().items("small"):
        if all(item.plan[key] == value for key, value in wanted.items()):
            return item
    raise AssertionError(wanted)


def test_sizes_nest_and_shares_are_exact():
    dataset = MiniKAV()
    base, small = dataset.items("base"), dataset.items("small")
    assert (len(base), len(small), len(dataset.items("ci"))) == (6000, 1500, 96)
    assert list(base[:1500]) == list(small)
    for key in ("unrelated", "music"):
        for kind in ("talk", "activity"):
            flags = [item.plan[key] for item in base if item.plan["kind"] == kind]
            assert (len(flags), sum(flags)) == (3000, 300)


def test_speakers_are_used_equally_often_and_only_here():
    leads = [i.plan["speaker"] for i in MiniKAV().items("base") if i.plan["kind"] == "talk"]
    counts = {number: leads.count(number) for number in PRETRAINING_SPEAKERS}
    assert set(leads) == set(PRETRAINING_SPEAKERS) and set(counts.values()) == {15}


def test_manifest_is_in_the_order_of_the_nested_subsets():
    dataset = MiniKAV()
    items = dataset.items("ci")
    lines = dataset.lists(items)["kav_manifest.csv"].splitlines()
    assert lines[0] == "source,path,start,end,sha1" and len(lines) == 97
    assert lines[1].startswith("talk,clips/kav000000.mp4,0.0,3.2,")
    assert [line.split(",")[1] for line in lines[1:]] == [item.path for item in items]


@pytest.mark.parametrize("kind", ["talk", "activity"])
def test_clips_draw_alone_and_again(kind):
    item = first(kind=kind, unrelated=False, music=False)
    clip, again = MiniKAV().draw(item), MiniKAV().draw(item)
    assert clip.frames.shape == (FRAMES, 112, 112, 3) and clip.wave.shape == (51_200,)
    np.testing.assert_array_equal(clip.frames, again.frames)
    np.testing.assert_array_equal(clip.wave, again.wave)


def test_latents_of_talk_serve_the_supervised_anchor():
    clip = MiniKAV().draw(first(kind="talk"))
    latents = clip.latents
    assert len(latents["visemes"]) == FRAMES and set(latents["visemes"]) <= {"", *"CAIUFL"}
    assert np.array(latents["mouth_track"]).shape == (FRAMES, 4)
    name, _, start, stop = latents["segments"][len(latents["segments"]) // 2]
    middle = int((start + stop) / 2 * FPS)
    assert latents["visemes"][middle] == name
    assert {face["speaker"] for face in latents["faces"]} <= set(PRETRAINING_SPEAKERS)


def test_activity_sounds_when_its_first_object_touches():
    item = first(kind="activity", unrelated=False, music=False)
    clip = MiniKAV().draw(item)
    assert clip.latents["sounding"] == 0 and all(n < 400 for n in clip.latents["texture_ids"])
    rise = np.diff(log_bands(clip.wave).mean(axis=1))
    times = (np.arange(len(rise)) + 1) * 0.01 + 0.0125
    for when in clip.latents["objects"][0]["impacts"]:
        if 0.1 < when < 3.1:
            near = rise[np.abs(times - when) < 0.025].max()
            assert near > np.percentile(rise, 90)


def test_unrelated_sound_changes_only_the_sound():
    item = first(kind="activity", unrelated=True, music=False)
    own = type(item)(**{**vars(item), "plan": {**item.plan, "unrelated": False}})
    with_other, with_own = MiniKAV().draw(item), MiniKAV().draw(own)
    np.testing.assert_array_equal(with_other.frames, with_own.frames)
    assert abs(np.corrcoef(with_other.wave, with_own.wave)[0, 1]) < 0.1


def test_music_lies_ten_decibels_below():
    item = first(kind="talk", unrelated=False, music=True)
    bare = type(item)(**{**vars(item), "plan": {**item.plan, "music": False}})
    mixed, clean = MiniKAV().draw(item).wave, MiniKAV().draw(bare).wave
    gain = np.dot(mixed, clean) / np.dot(clean, clean)  # below 1 where the mixture had to be scaled
    bed = mixed - gain * clean
    ratio = 20 * np.log10(np.std(bed) / (gain * np.std(clean)))
    assert ratio == pytest.approx(MUSIC_DB, abs=0.5)
    assert np.std(music(np.random.default_rng(0), seconds=3.2)) == pytest.approx(1, rel=0.01)


def test_hops_are_a_renewal_process_with_the_specified_gaps():
    hopper = draw_hopper(
        np.random.default_rng(0), shape="disc", texture=1, radius=12.0, place=(50.0, 60.0)
    )
    times = np.linspace(0, 3.2, 3201)[:-1]
    track = follow(hopper, times)
    gaps = np.diff(track.impacts)
    assert len(gaps) >= 7 and gaps.min() >= GAP[0] and gaps.max() <= GAP[1]
    floor = track.y[np.searchsorted(times, track.impacts[1:-1])]
    np.testing.assert_allclose(floor, 60.0, atol=0.6)
