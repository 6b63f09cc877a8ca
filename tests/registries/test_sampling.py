"""Views and anchors: every drawn time keeps the declared relation and stays inside the video."""

import numpy as np
import pytest
import torch

from registries.sampling import Anchor, ClipSampling, View


def view(**changes):
    return View(**{"modality": "video", "clip_len": 8, "seconds": 1.0, **changes})


def draws(sampling, duration, count=200):
    rng = np.random.default_rng(0)
    return [sampling.draw(duration, rng) for _ in range(count)]


def test_views_with_one_anchor_start_together_and_fill_the_video():
    sampling = ClipSampling({"video": view(), "audio": view(modality="audio", seconds=0.5)})
    starts = []
    for times in draws(sampling, 5.0):
        assert torch.equal(times["video"].start, times["audio"].start)
        starts.append(float(times["video"].start[0]))
    assert 0.0 <= min(starts) < 0.2 and 3.8 < max(starts) <= 4.0  # span 1 s of 5 s


def test_consecutive_clips_touch():
    times = ClipSampling({"v": view(num_clips=3, seconds=0.5)}).draw(4.0, np.random.default_rng(1))
    assert torch.allclose(times["v"].start.diff(), torch.tensor([0.5, 0.5], dtype=torch.float64))


def test_a_gap_on_either_side_holds_and_both_sides_occur():
    sampling = ClipSampling(
        {"now": view(anchor="now"), "far": view(anchor="far")},
        {"far": Anchor(after="now", gap=(0.5, 1.0), either_side=True)},
    )
    gaps = [float(t["far"].start[0] - t["now"].start[0]) for t in draws(sampling, 6.0)]
    assert all(1.5 - 1e-6 <= abs(gap) <= 2.0 + 1e-6 for gap in gaps)
    assert min(gaps) < 0 < max(gaps)


@pytest.mark.parametrize("room", [0.0, 1e-4])
def test_a_gap_on_either_side_fits_the_shortest_video(room):
    sampling = ClipSampling(
        {"now": view(anchor="now"), "far": view(anchor="far")},
        {"far": Anchor(after="now", gap=(0.5, 9.0), either_side=True)},
    )
    for times in draws(sampling, sampling.min_duration + room, count=20):
        gap = abs(float(times["far"].start[0] - times["now"].start[0]))
        assert 1.5 - 1e-6 <= gap <= 1.5 + room + 1e-6


def test_negative_gap_is_overlap():
    sampling = ClipSampling(
        {"one": view(anchor="one"), "two": view(anchor="two")},
        {"two": Anchor(after="one", gap=(-0.5, -0.5))},
    )
    for times in draws(sampling, 3.0, count=20):
        assert float(times["two"].start[0] - times["one"].start[0]) == pytest.approx(0.5)


def test_a_span_inside_another_needs_no_room_behind_it():
    sampling = ClipSampling(
        {
            "one": view(anchor="one"),
            "two": view(anchor="two"),
            "in": view(anchor="in", seconds=0.2),
        },
        {"two": Anchor(after="one"), "in": Anchor(after="two", gap=(-0.6, -0.6))},
    )
    assert sampling.min_duration == pytest.approx(2.0)
    for times in draws(sampling, 2.0, count=20):
        assert float(times["one"].start[0]) == pytest.approx(0.0, abs=1e-9)
        assert float(times["in"].start[0]) == pytest.approx(1.4)


def test_speed_is_drawn_from_the_declared_ones_and_widens_the_span():
    sampling = ClipSampling({"v": view(speeds=(1, 2), num_clips=2)})
    assert sampling.min_duration == pytest.approx(4.0)
    seen = set()
    for times in draws(sampling, 10.0):
        speed = int(times["v"].speed[0])
        assert float(times["v"].start.diff()[0]) == pytest.approx(speed)
        seen.add(speed)
    assert seen == {1, 2}


def test_reverse_has_the_declared_chance():
    sampling = ClipSampling({"v": view(reverse=0.25)})
    share = np.mean([bool(t["v"].reversed[0]) for t in draws(sampling, 5.0, count=800)])
    assert share == pytest.approx(0.25, abs=0.05)


def test_within_bounds_the_start():
    sampling = ClipSampling({"v": view()}, {"now": Anchor(within=(0.5, 1.0))})
    assert all(5.0 <= float(t["v"].start[0]) <= 9.0 for t in draws(sampling, 10.0))


def test_a_single_span_longer_than_the_video_starts_at_zero():
    assert float(ClipSampling({"v": view()}).draw(0.4, np.random.default_rng(0))["v"].start[0]) == 0


def test_no_room_for_a_relation_says_how_long_a_video_must_be():
    sampling = ClipSampling(
        {"a": view(anchor="a"), "b": view(anchor="b")}, {"b": Anchor(after="a", gap=(0.5, 0.5))}
    )
    with pytest.raises(ValueError, match=r"shortest allowed is 2\.50 s"):
        sampling.draw(2.0, np.random.default_rng(0))
    sampling.draw(2.5, np.random.default_rng(0))  # exactly the shortest


@pytest.mark.parametrize(
    ("anchors", "words"),
    [
        ({"now": Anchor(after="then")}, "which nothing declares"),
        ({"now": Anchor(after="b"), "b": Anchor(after="now")}, "circle"),
        ({"now": Anchor(gap=(1.0, 0.0))}, "least, most"),
    ],
)
def test_impossible_anchors_are_refused(anchors, words):
    with pytest.raises(ValueError, match=words):
        ClipSampling({"v": view()}, anchors)


def test_a_view_without_frames_is_refused():
    with pytest.raises(ValueError, match="clip_len"):
        ClipSampling({"v": view(clip_len=0)})


def test_equal_seeds_draw_equal_times():
    sampling = ClipSampling({"v": view(speeds=(1, 2, 4), reverse=0.5)})
    first, second = draws(sampling, 9.0, count=5), draws(sampling, 9.0, count=5)
    for one, two in zip(first, second, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one["v"], two["v"], strict=True))
