"""Relaxations of synchrony, told from the drawn times alone."""

from __future__ import annotations

import numpy as np
import pytest

from objectives.parts.relaxation import OVERLAP, RELAXATIONS, placement
from registries.sampling import ClipSampling, View

PAPER = {"video": 0.5, "audio": 2.0}


def sampling(relaxation, spans, **options):
    placed = placement(relaxation, spans, **options)
    views = {
        name: View(modality=name[:5], clip_len=4, seconds=spans[name[:5]], anchor=anchor)
        for name, anchor in placed.of_view.items()
    }
    return ClipSampling(views, placed.anchors)


def starts(relaxation, spans, duration, *, count=300, **options):
    """Start of each view, one column a view: name -> (count,)."""
    drawn, rng = sampling(relaxation, spans, **options), np.random.default_rng(0)
    times = [drawn.draw(duration, rng) for _ in range(count)]
    return {name: np.array([float(t[name].start[0]) for t in times]) for name in drawn.views}


def overlap(one, two, span):
    """Share of a span that two views of it have in common."""
    return np.clip(span - abs(two - one), 0, None) / span


def check_inside(found, spans, duration):
    for name, start in found.items():
        assert start.min() >= -1e-9 and start.max() + spans[name[:5]] <= duration + 1e-9, name


@pytest.mark.parametrize("spans", [{"video": 1.6, "audio": 1.6}, PAPER, {"video": 2, "audio": 1}])
@pytest.mark.parametrize("relaxation", ["none", "mild", "medium"])
def test_overlap_is_the_declared_share_in_both_modalities(relaxation, spans):
    found = starts(relaxation, spans, 10.0)
    check_inside(found, spans, 10.0)
    for modality in ("video", "audio"):
        one, two = found[f"{modality}_1"], found[f"{modality}_2"]
        assert overlap(one, two, spans[modality]) == pytest.approx(OVERLAP[relaxation], abs=1e-9)
        assert (two >= one - 1e-9).all()
    assert found["audio_1"].std() > 1.0  # drawn anew, over the whole video


def test_mixed_views_are_drawn_each_on_its_own():
    spans = {"video": 1.0, "audio": 1.0}
    found = starts("mixed", spans, 5.0, count=2000)
    check_inside(found, spans, 5.0)
    one, two = found["video_1"], found["video_2"]
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.06
    # two uniform starts in [0, 4]: E max(0, 1 - |d|) = 1/4 - 1/48
    assert overlap(one, two, 1.0).mean() == pytest.approx(1 / 4 - 1 / 48, abs=0.02)
    assert min(one.min(), two.min()) < 0.1 and max(one.max(), two.max()) > 3.9


@pytest.mark.parametrize("spans", [{"video": 1.6, "audio": 1.6}, PAPER])
def test_extreme_views_lie_in_different_halves(spans):
    found = starts("extreme", spans, 10.0)
    check_inside(found, spans, 10.0)
    for modality, span in spans.items():
        assert found[f"{modality}_1"].max() + span <= 5.0 + 1e-9
        assert found[f"{modality}_2"].min() >= 5.0 - 1e-9
        assert found[f"{modality}_1"].std() > 0.5 and found[f"{modality}_2"].std() > 0.5


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_equal_spans_start_together(relaxation):
    found = starts(relaxation, {"video": 1.6, "audio": 1.6}, 7.0, count=30)
    for view in (1, 2):
        assert (found[f"video_{view}"] == found[f"audio_{view}"]).all()


@pytest.mark.parametrize("relaxation", ["none", "mixed", "extreme"])
def test_a_short_view_lies_anywhere_in_its_long_one(relaxation):
    found = starts(relaxation, PAPER, 10.0)
    for view in (1, 2):
        into = found[f"video_{view}"] - found[f"audio_{view}"]
        assert -1e-9 <= into.min() < 0.1 and 1.4 < into.max() <= 1.5 + 1e-9


def test_official_mild_views_may_miss_one_another():
    """0.75 s of video anywhere in 3 s of sound: view 1 inside view 1 in 2 of 3 draws."""
    found = starts("mild", PAPER, 10.0, count=3000)
    into = found["video_1"] - found["audio_1"]  # uniform in [0, 2.25]
    assert into.min() >= -1e-9 and into.max() <= 2.25 + 1e-9
    assert (into <= 1.5).mean() == pytest.approx(2 / 3, abs=0.03)
    assert (into < 2.0).mean() == pytest.approx(8 / 9, abs=0.03)


@pytest.mark.parametrize("relaxation", RELAXATIONS)
@pytest.mark.parametrize("spans", [PAPER, {"video": 2.0, "audio": 0.5}])
def test_strict_sync_is_concentric(relaxation, spans):
    found = starts(relaxation, spans, 10.0, strict_sync=True, count=50)
    for view in (1, 2):
        middles = [found[f"{m}_{view}"] + spans[m] / 2 for m in ("video", "audio")]
        assert middles[0] == pytest.approx(middles[1], abs=1e-9)
    check_inside(found, spans, 10.0)


@pytest.mark.parametrize("strict_sync", [False, True])
@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_the_shortest_allowed_video_is_enough(relaxation, strict_sync):
    need = {"none": 1, "mild": 1.5, "medium": 2, "mixed": 1, "extreme": 2}[relaxation]
    for spans in ({"video": 1.6, "audio": 1.6}, PAPER):
        drawn = sampling(relaxation, spans, strict_sync=strict_sync)
        assert drawn.min_duration == pytest.approx(need * max(spans.values()))
        found = starts(relaxation, spans, drawn.min_duration, strict_sync=strict_sync, count=50)
        check_inside(found, spans, drawn.min_duration)


@pytest.mark.parametrize("relaxation", ["mild", "medium", "extreme"])
def test_a_video_too_short_for_the_relation_is_refused(relaxation):
    drawn = sampling(relaxation, {"video": 1.6, "audio": 1.6})
    with pytest.raises(ValueError, match="shortest allowed"):
        drawn.draw(drawn.min_duration - 0.1, np.random.default_rng(0))


def test_an_unknown_relaxation_is_refused():
    with pytest.raises(ValueError, match=r"none.*extreme.*'overlapped'"):
        placement("overlapped", PAPER)
