from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from coded_media import read_code, write_video

from benchmark.data.container import MediaError
from benchmark.data.landmarks.tracking import Face, Tracked, fill, follow, track

POINTS = np.array([[10, 10], [30, 10], [20, 20], [14, 30], [26, 30]], float)


def face(x: float, *, side: float = 40.0) -> Face:
    """A face at x; its points say where it is."""
    return Face(np.array([x, 0, x + side, side]), POINTS + np.array([x, 0]))


class Eyes:
    """Reads the number that a coded picture shows; a face one pixel further right in each."""

    name, version = "eyes", "1"

    def __init__(self, *, blind: range = range(0)) -> None:
        self.blind = blind
        self.seen: list[int] = []

    def faces(self, image: np.ndarray) -> list[Face]:
        index = read_code(image[None])[0]
        self.seen.append(index)
        return [] if index in self.blind else [face(index)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return write_video(path, stamps=np.arange(23) / 25)


def test_every_frame_is_looked_at_once_and_misses_stay(clip):
    eyes = Eyes(blind=range(4, 7))
    points = track(clip, eyes)
    assert eyes.seen == list(range(23))
    assert points.shape == (23, 5, 2)
    assert np.flatnonzero(np.isnan(points).any((1, 2))).tolist() == [4, 5, 6]
    np.testing.assert_array_equal(points[22], POINTS + np.array([22, 0]))


def test_at_five_pictures_a_second_the_others_are_interpolated(clip):
    eyes = Eyes()
    points = track(clip, eyes, fps=5.0)
    assert eyes.seen == [0, 5, 10, 15, 20]
    moves = np.minimum(np.arange(23.0), 20)  # held after the last picture
    np.testing.assert_allclose(points, POINTS + np.stack([moves, 0 * moves], -1)[:, None])


def test_a_frame_beside_a_miss_is_a_miss(clip):
    points = track(clip, Eyes(blind=range(10, 11)), fps=5.0)
    assert np.flatnonzero(np.isnan(points).any((1, 2))).tolist() == list(range(6, 15))


def test_a_clip_without_faces_and_one_that_does_not_open(clip, tmp_path):
    assert np.isnan(track(clip, Eyes(blind=range(99)))).all()
    with pytest.raises(MediaError, match=r"b\.mp4: the file is missing"):
        track(tmp_path / "b.mp4", Eyes())


def test_the_largest_face_is_followed_and_no_other_fills_its_gaps():
    seen = {index: [face(300, side=20), face(index)] for index in range(10)}
    seen[4] = [face(300, side=20)]
    found = follow(seen)
    assert [*found] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert all(found[index].box[0] == index for index in found)


def test_a_flash_of_a_large_face_is_not_the_speaker():
    seen = {index: [face(0)] for index in range(10)}
    seen[3] = [face(0), face(200, side=60)]
    assert {found.box[0] for found in follow(seen).values()} == {0.0}


@pytest.mark.parametrize(("gap", "frames"), [(40, [0, 40]), (41, [0])])
def test_a_track_ends_after_40_frames_and_the_first_of_equals_is_taken(gap, frames):
    assert [*follow({0: [face(0)], gap: [face(0)]})] == frames


def test_a_jump_is_another_person():
    third = {0: [face(0)], 1: [face(19.9)], 2: [face(0)]}  # overlap 20.1 / 59.9
    assert [*follow(third)] == [0, 2]
    half = {0: [face(0)], 1: [face(13.3)]}  # overlap 26.7 / 53.3, just above one half
    assert [*follow(half)] == [0, 1]


def test_fill_before_the_first_picture_and_without_any_face():
    points = fill({2: face(0)}, [2, 4], count=6)
    np.testing.assert_array_equal(np.isnan(points).any((1, 2)), [0, 0, 0, 1, 1, 1])
    assert np.isnan(fill({}, [0, 1], count=2)).all()


def test_a_detector_is_used_again_and_made_again_only_when_busy(clip):
    made = []

    def build() -> Eyes:
        made.append(Eyes())
        return made[-1]

    provider = Tracked(build, fps=5.0)
    first, second = (provider.points(clip, "a.mp4") for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (len(made), provider.name, provider.version) == (1, "eyes", "1")
