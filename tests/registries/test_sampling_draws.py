"""Any views and anchors: draws lie inside the video, keep their gaps, and repeat under a seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from registries.sampling import Anchor, ClipSampling, ClipTimes, View

EPS = 1e-6  # seconds; float error of sums
NAMES = ("a", "b", "c", "d")
seeds = st.integers(0, 2**32 - 1)


def hundredths(low: float, high: float) -> st.SearchStrategy[float]:
    """Seconds as people write them."""
    return st.integers(round(100 * low), round(100 * high)).map(lambda n: n / 100)


@st.composite
def views(draw, anchor: str) -> View:
    return View(
        modality=draw(st.sampled_from(["video", "audio"])),
        clip_len=draw(st.integers(1, 8)),
        seconds=draw(hundredths(0.05, 2.0)),
        num_clips=draw(st.integers(1, 3)),
        anchor=anchor,
        speeds=tuple(draw(st.lists(st.sampled_from([1, 2, 4]), min_size=1, unique=True))),
        reverse=draw(st.sampled_from([0.0, 0.5, 1.0])),
    )


@st.composite
def samplings(draw) -> ClipSampling:
    """One to four anchors with one or two views each; some stand in relation to an earlier one."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    cut = {
        f"{name}{number}": draw(views(name))
        for name in names
        for number in range(draw(st.integers(1, 2)))
    }
    spans = {name: max(v.span for v in cut.values() if v.anchor == name) for name in names}
    anchors = {}
    for position, name in enumerate(names):
        if position and draw(st.booleans()):
            after = draw(st.sampled_from(names[:position]))
            least = draw(hundredths(-spans[after], 2.0))
            anchors[name] = Anchor(
                after=after,
                gap=(least, least + draw(hundredths(0.0, 2.0))),
                either_side=draw(st.booleans()),
            )
    return ClipSampling(cut, anchors)


def spans_of(sampling: ClipSampling, drawn: dict[str, ClipTimes]) -> dict[str, tuple]:
    """Begin and end of the longest span that each anchor may cover."""
    found = {}
    for name, view in sampling.views.items():
        begin = float(drawn[name].start[0])
        end = max(begin + view.span, found.get(view.anchor, (0.0, 0.0))[1])
        found[view.anchor] = begin, end
    return found


def span(anchor: str) -> View:
    return View(modality="video", clip_len=1, seconds=0.05, anchor=anchor)


# each gap but the last may widen, and at the shortest length none has room to
CHAIN = ClipSampling(
    {name: span(name) for name in "abc"},
    {"b": Anchor(after="a", gap=(0.0, 0.5)), "c": Anchor(after="b")},
)


@settings(max_examples=150, deadline=None)
@given(samplings(), hundredths(0.0, 20.0), seeds)
@example(CHAIN, 0.0, 0)
def test_a_video_that_is_long_enough_has_room_and_all_is_inside(sampling, more, seed):
    duration = sampling.min_duration + more
    drawn = sampling.draw(duration, np.random.default_rng(seed))
    assert drawn.keys() == sampling.views.keys()
    for name, view in sampling.views.items():
        times = drawn[name]
        assert all(part.shape == (view.num_clips,) for part in times)
        assert set(times.speed.tolist()) <= set(view.speeds) and len(set(times.speed.tolist())) == 1
        length = view.seconds * int(times.speed[0])
        assert float(times.start[0]) >= -EPS
        assert float(times.start[-1]) + length <= duration + EPS
        steps = times.start.diff()
        assert torch.allclose(steps, torch.full_like(steps, length))
        if view.reverse in (0.0, 1.0):
            assert times.reversed.tolist() == [bool(view.reverse)] * view.num_clips


@settings(max_examples=150, deadline=None)
@given(samplings(), hundredths(0.0, 20.0), seeds)
def test_views_of_one_anchor_start_together_and_gaps_are_kept(sampling, more, seed):
    drawn = sampling.draw(sampling.min_duration + more, np.random.default_rng(seed))
    starts: dict[str, set[float]] = {}
    for name, view in sampling.views.items():
        starts.setdefault(view.anchor, set()).add(float(drawn[name].start[0]))
    assert all(len(found) == 1 for found in starts.values())
    spans = spans_of(sampling, drawn)
    for name, anchor in sampling.anchors.items():
        (begin, end), (first, last) = spans[anchor.after], spans[name]
        gaps = [first - end, *([begin - last] if anchor.either_side else [])]
        least, most = anchor.gap
        assert any(least - EPS <= gap <= most + EPS for gap in gaps), (gaps, anchor)


@settings(max_examples=80, deadline=None)
@given(samplings(), hundredths(0.01, 30.0), seeds)
def test_any_length_gives_times_or_says_what_it_lacks(sampling, duration, seed):
    """Never another error, never times outside a video that has room for them."""
    try:
        drawn = sampling.draw(duration, np.random.default_rng(seed))
    except ValueError as error:
        assert duration < sampling.min_duration
        assert f"the shortest allowed is {sampling.min_duration:.2f} s" in str(error)
        return
    assert all(float(times.start.min()) >= -EPS for times in drawn.values())


@settings(max_examples=80, deadline=None)
@given(samplings(), hundredths(0.0, 20.0), seeds)
def test_a_seed_is_a_draw(sampling, more, seed):
    duration = sampling.min_duration + more
    one, two = (sampling.draw(duration, np.random.default_rng(seed)) for _ in range(2))
    for name in sampling.views:
        assert all(torch.equal(a, b) for a, b in zip(one[name], two[name], strict=True))


@settings(max_examples=80, deadline=None)
@given(views("now"), hundredths(0.0, 0.5), hundredths(0.5, 1.0), hundredths(0.0, 20.0), seeds)
def test_within_holds_where_its_part_of_the_video_is_long_enough(view, low, high, more, seed):
    assume(high > low)
    duration = view.span / (high - low) + more
    sampling = ClipSampling({"view": view}, {"now": Anchor(within=(low, high))})
    begin = float(sampling.draw(duration, np.random.default_rng(seed))["view"].start[0])
    assert low * duration - EPS <= begin <= high * duration - view.span + EPS


@settings(max_examples=40, deadline=None)
@given(views("a"), views("b"), hundredths(0.1, 3.0), st.booleans(), hundredths(0.02, 1.0), seeds)
@example(span("a"), span("b"), 0.5, True, 0.02, 0)
def test_what_cannot_be_is_refused_with_the_shortest_length(one, two, gap, either, less, seed):
    sampling = ClipSampling(
        {"one": one, "two": two}, {"b": Anchor(after="a", gap=(gap, gap), either_side=either)}
    )
    shortest = one.span + gap + two.span
    assert sampling.min_duration == pytest.approx(shortest)
    with pytest.raises(ValueError, match=rf"no room.*shortest allowed is {shortest:.2f} s"):
        sampling.draw(max(shortest - less, 0.01), np.random.default_rng(seed))
