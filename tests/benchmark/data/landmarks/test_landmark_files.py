from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.container import MediaError
from benchmark.data.crops import load_landmarks
from benchmark.data.landmarks.files import Files, read_points
from benchmark.data.landmarks.points import five_points, missed, outer_eyes
from registries.errors import NotReadyError

RNG = np.random.default_rng(0)
FIVE = RNG.uniform(0, 200, (6, 5, 2)).round(2)
SIXTY_EIGHT = RNG.uniform(0, 200, (6, 68, 2)).round(2)
MISS = FIVE.copy()
MISS[2] = np.nan


class Harm:
    """A pickle of this creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_five_of_68_points():
    found = five_points(SIXTY_EIGHT)
    np.testing.assert_array_equal(found[:, :3], SIXTY_EIGHT[:, [36, 45, 30]])
    mouth = SIXTY_EIGHT[:, 48:68].mean(1)
    np.testing.assert_allclose(found[:, 3:].mean(1), mouth)
    corners = SIXTY_EIGHT[:, [48, 54]]
    np.testing.assert_allclose(found[:, 4] - found[:, 3], corners[:, 1] - corners[:, 0])


def test_a_frame_with_a_missing_point_is_a_miss():
    points = FIVE.copy()
    points[1, 3, 0] = np.nan
    found = five_points(points)
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[[0, 2, 3, 4, 5]], FIVE[[0, 2, 3, 4, 5]])
    assert missed(found) == pytest.approx(1 / 6)


def test_eye_centres_move_out_along_their_own_line():
    points = np.array([[40, 40], [60, 60], [50, 70], [45, 90], [60, 90]], float)
    moved = outer_eyes(points)
    np.testing.assert_allclose(moved[:2], [[35.3, 35.3], [64.7, 64.7]])  # 50 -+ 1.47 * 10
    np.testing.assert_array_equal(moved[2:], points[2:])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_hold_arrays_or_a_list_with_none(tmp_path, protocol):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(SIXTY_EIGHT.astype(np.float32), protocol))
    np.testing.assert_allclose(read_points(path), five_points(SIXTY_EIGHT), rtol=1e-5)
    frames = [None if i == 2 else frame for i, frame in enumerate(FIVE)]
    path.write_bytes(pickle.dumps(frames, protocol))
    np.testing.assert_array_equal(read_points(path), MISS)
    path.write_bytes(pickle.dumps([frame and frame.tolist() for frame in [None]] * 3, protocol))
    assert missed(read_points(path)) == 1.0


def test_pickles_of_old_numpy_name_another_module(tmp_path):
    path = tmp_path / "a.pkl"
    content = pickle.dumps(FIVE, 0)
    assert b"numpy._core.multiarray" in content
    path.write_bytes(content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    np.testing.assert_array_equal(read_points(path), FIVE)


def test_a_pickle_cannot_run_code(tmp_path):
    path, touched = tmp_path / "a.pkl", tmp_path / "touched"
    path.write_bytes(pickle.dumps(Harm(touched)))
    with pytest.raises(MediaError, match=r"a\.pkl: not a pickled array .*touch, which is not data"):
        read_points(path)
    assert not touched.exists()
    pickle.loads(path.read_bytes())  # it would have
    assert touched.exists()


@pytest.mark.parametrize("header", ["", ",".join(f"{axis}{i}" for i in range(5) for axis in "xy")])
def test_tables_are_read_with_and_without_a_header(tmp_path, header):
    rows = [",".join("" if np.isnan(v) else str(v) for v in frame.ravel()) for frame in MISS]
    (tmp_path / "a.csv").write_text("\n".join([header, *rows] if header else rows) + "\n")
    np.testing.assert_array_equal(read_points(tmp_path / "a.csv"), MISS)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.npy", b"not an array", "not a .npy array"),
        ("a.pkl", b"not a pickle", "not a pickled array"),
        ("a.pkl", pickle.dumps([None, np.zeros((3, 4))]), r"shape \(2, 3, 4\)"),
        ("a.pkl", pickle.dumps([np.zeros((5, 2)), np.zeros((68, 2))]), "not a pickled array"),
        ("a.pkl", pickle.dumps({"points": 1}), "not a pickled array"),
        ("a.csv", b"1,2,3\n4,5,6\n", "3 columns"),
        ("a.csv", b"", "not a table"),
        ("a.csv", b"x,y\n1,two\n", "not a table"),
        ("a.txt", b"", r"landmarks are files of \.npy, \.pkl, \.csv"),
    ],
)
def test_what_is_not_landmarks_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match=words) as found:
        read_points(tmp_path / name)
    assert str(tmp_path / name) in str(found.value)


def test_files_are_found_below_the_folder_with_or_without_its_first_name(tmp_path):
    (tmp_path / "AB/test").mkdir(parents=True)
    (tmp_path / "AB/test/AB_00001.pkl").write_bytes(pickle.dumps(FIVE))
    files, clip = Files(tmp_path), Path("unused")
    np.testing.assert_array_equal(files.points(clip, "lrw_mp4/AB/test/AB_00001.mp4"), FIVE)
    (tmp_path / "lrw_mp4/AB/test").mkdir(parents=True)
    np.save(tmp_path / "lrw_mp4/AB/test/AB_00001.npy", MISS)
    np.testing.assert_array_equal(files.points(clip, "lrw_mp4/AB/test/AB_00001.mp4"), MISS)
    with pytest.raises(MediaError, match=r"no landmarks lrw_mp4/AB/test/AB_00002\{\.npy,"):
        files.points(clip, "lrw_mp4/AB/test/AB_00002.mp4")
    with pytest.raises(NotReadyError, match="nowhere is not a folder of landmarks"):
        Files(tmp_path / "nowhere")


def test_more_misses_than_landmarks_are_refused(tmp_path):
    points = FIVE.copy()
    points[:3] = np.nan
    np.save(tmp_path / "half.npy", points)
    np.testing.assert_array_equal(load_landmarks(tmp_path / "half.npy")[0], FIVE[3])
    points[3] = np.nan
    np.save(tmp_path / "more.npy", points)
    with pytest.raises(MediaError, match=r"more\.npy: no face in 67% of the frames, at most 50%"):
        load_landmarks(tmp_path / "more.npy")
