from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.data.container import MediaError
from benchmark.data.crops import CropRecipe, choose_crop, face_boxes, lip_matrices, load_landmarks
from benchmark.data.manifest import Boxes
from registries.errors import NotReadyError, UsageError

VIDEO = Path("v.mp4")
FACE = np.array([[40, 40], [80, 40], [60, 62], [50, 80], [70, 80]], np.float64)  # eyes 40 px apart


def turned(
    points: np.ndarray, *, angle: float, scale: float, shift: tuple[float, float]
) -> np.ndarray:
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    return points @ np.array([[c, s], [-s, c]]) + shift


def test_lip_crop_normalises_pose_and_centres_the_mouth():
    for angle, scale, shift in ((0.0, 1.0, (0, 0)), (0.4, 1.7, (30, -5)), (-0.3, 0.5, (9, 90))):
        track = np.repeat(turned(FACE, angle=angle, scale=scale, shift=shift)[None], 20, 0)
        matrix = lip_matrices(track, 112, side=122, lip_frac=1 / 3)[7]
        placed = np.c_[track[7], np.ones(5)] @ matrix.T
        assert placed[3:].mean(0) == pytest.approx([60.5, 60.5])
        assert placed[1] - placed[0] == pytest.approx([112 / 3 / 0.55, 0.0])  # eyes are level


def test_mouth_width_does_not_change_the_scale():
    wide = FACE.copy()
    wide[3:, 0] += [-12, 12]
    tracks = [np.repeat(face[None], 20, 0) for face in (FACE, wide)]
    matrices = [lip_matrices(track, 112, side=112, lip_frac=1 / 3) for track in tracks]
    assert matrices[0] == pytest.approx(matrices[1])


def test_jitter_of_landmarks_is_smoothed():
    jitter = np.random.default_rng(0).normal(0, 2, (60, 5, 2))
    matrices = lip_matrices(FACE + jitter, 112, side=112, lip_frac=1 / 3)
    raw = np.diff(FACE[3:].mean(0) + jitter[:, 3:].mean(1), axis=0).std()
    steps = np.diff((np.c_[60.0, 80.0, 1.0] @ matrices.transpose(0, 2, 1))[:, 0], axis=0)[7:-7]
    assert steps.std() < raw / 4


def test_face_box_is_square_and_enlarged():
    track = np.repeat(FACE[None], 20, 0)
    track[9] += 50  # one wild frame does not move the box
    box = face_boxes(track, margin=0.4)[9]
    assert box[:2] == pytest.approx(FACE.mean(0))
    assert box[2] == pytest.approx(1.6 * 1.4 * 40)


@pytest.mark.parametrize("kind", ["lip", "face"])
def test_crop_beyond_the_frame_repeats_its_border(tmp_path, kind):
    np.save(tmp_path / "p.npy", np.repeat(FACE[None], 5, 0))
    transform = CropRecipe(kind=kind).transform(64, video=VIDEO, landmarks=tmp_path / "p.npy")
    out = transform(np.full((70, 90, 3), 77, np.uint8), 2)
    assert out.shape == (70, 70, 3)  # 64 * 1.09
    assert (out == 77).all()
    with pytest.raises(MediaError, match="frame 7 has no landmarks"):
        transform(np.zeros((70, 90, 3), np.uint8), 7)


def test_misses_are_interpolated_and_bad_files_named(tmp_path):
    track = FACE + np.arange(5.0)[:, None, None]
    track[[0, 2], 3] = np.nan
    np.save(tmp_path / "p.npy", track)
    found = load_landmarks(tmp_path / "p.npy")
    assert found[2] == pytest.approx(FACE + 2)
    assert found[0] == pytest.approx(FACE + 1)
    for name, content in (("shape", np.zeros((5, 4, 2))), ("none", np.full((5, 5, 2), np.nan))):
        np.save(tmp_path / f"{name}.npy", content)
        with pytest.raises(MediaError, match=name):
            load_landmarks(tmp_path / f"{name}.npy")
    with pytest.raises(MediaError, match="missing"):
        load_landmarks(tmp_path / "absent.npy")


def test_fixed_window_is_that_of_lrw():
    rows, columns = np.mgrid[:256, :256].astype(np.uint8)
    image = np.stack([rows, columns, rows], -1)
    recipe = CropRecipe(kind="lip", provider="fixed_lrw")
    out = recipe.transform(96, video=VIDEO, landmarks=None)(image, 0)
    assert out.shape == (105, 105, 3)
    inner = out[4:100, 4:100]  # the middle 96 pixels, 0.5 px of rounding
    assert inner[0, 0, :2] == pytest.approx([115, 79], abs=1)
    assert inner[-1, -1, :2] == pytest.approx([210, 174], abs=1)
    with pytest.raises(MediaError, match=r"112 x 112 .*fixed_lrw"):
        recipe.transform(96, video=VIDEO, landmarks=None)(image[:112, :112], 0)


def test_full_keeps_the_shape():
    out = CropRecipe().transform(56, video=VIDEO, landmarks=None)(
        np.zeros((256, 320, 3), np.uint8), 0
    )
    assert out.shape == (64, 80, 3)


def test_whole_squeezes_the_frame_so_that_fractions_stay_where_they_are():
    recipe = CropRecipe(kind="whole")
    transform = recipe.transform(64, video=Path("x.mp4"), landmarks=None)
    frame = np.zeros((90, 160, 3), np.uint8)
    frame[45:, 120:] = 200  # from half of the height and three quarters of the width on
    found = transform(frame, 0)
    assert found.shape == (64, 64, 3) and (recipe.key, recipe.side(64)) == ("whole", 64)
    assert (found[32:, 48:] == 200).all() and not found[:31].any() and not found[:, :47].any()


def test_the_crop_on_speakers_is_the_face_where_there_is_one(tmp_path):
    recipe, frame = CropRecipe(kind="speaker"), np.zeros((224, 224, 3), np.uint8)
    frame[10:110, 10:110] = 200  # the box around the face, 90 pixels a side, lies inside
    np.save(tmp_path / "p.npy", np.repeat(FACE[None], 5, 0))
    face = recipe.transform(56, video=VIDEO, landmarks=tmp_path / "p.npy")(frame, 2)
    plain = recipe.transform(56, video=VIDEO, landmarks=None)(frame, 2)
    assert face.shape == plain.shape == (64, 64, 3)
    assert (plain[0] == 0).all()
    assert face.mean() > plain.mean() + 20
    with pytest.raises(UsageError, match="fixed_lrw"):
        CropRecipe(kind="speaker", provider="fixed_lrw")


def test_no_landmarks_is_an_error_and_only_lrw_has_a_window(manifest_of, tmp_path):
    toy = manifest_of(tmp_path, ["a.mp4"])
    with pytest.raises(NotReadyError, match=r"crop 'lip' needs landmarks.*v\.mp4.*landmarks/"):
        CropRecipe(kind="lip").transform(64, video=VIDEO, landmarks=None)
    for crop in ("lip", CropRecipe(kind="face")):
        with pytest.raises(NotReadyError, match=r"1 of the 1 samples of toy .* first a\.mp4"):
            choose_crop(crop, toy)
    assert choose_crop("speaker", toy).key == "speaker-0.4000-v1"
    object.__setattr__(toy, "name", "lrw")
    assert choose_crop("lip", toy).key == "lip-fixed-lrw"
    object.__setattr__(
        marked := manifest_of(tmp_path, ["a.mp4"], landmarks=["l.npy"]), "name", "lrw"
    )
    assert choose_crop("lip", marked).provider == "precomputed"
    with pytest.raises(UsageError, match=r"unknown crop 'lips'\. Did you mean 'lip'"):
        choose_crop("lips", toy)
    with pytest.raises(UsageError, match="fixed_lrw"):
        CropRecipe(kind="face", provider="fixed_lrw")
    with pytest.raises(UsageError, match=r"'yunet'.*`bench data landmarks`.*'precomputed'"):
        CropRecipe(kind="lip", provider="yunet")


def ramp(height: int, width: int) -> np.ndarray:
    """Red is the column, green the row."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return np.stack([columns, rows, rows], -1)


def test_the_box_of_a_mouth_is_cut_square_with_its_margin():
    recipe = CropRecipe(kind="lip", provider="box")
    box = Boxes(((0.25, 0.5, 0.5, 0.75),))  # columns 50 to 100, rows 50 to 75 of 200 x 100
    out = recipe.transform(36, video=VIDEO, landmarks=None, box=box)(ramp(100, 200), 3)
    assert out.shape == (39, 39, 3)  # 36 * 1.09
    # the mean of both sides, 37.5, with the margin of 39 / 36: 41 pixels around (75, 62.5)
    assert out[0, :, 0].tolist()[::38] == pytest.approx([54, 94], abs=1)
    assert out[:, 0, 1].tolist()[::38] == pytest.approx([42, 82], abs=1)
    columns, rows = out[..., 0].mean(), out[..., 1].mean()
    assert (columns, rows) == pytest.approx((74.5, 62.0), abs=1.0)
    again = recipe.transform(36, video=VIDEO, landmarks=None, box=box)(ramp(100, 200), 90)
    assert (again == out).all()  # one box for every frame


def test_a_box_follows_the_frame_it_is_a_fraction_of():
    """The same fractions on a frame of twice the size show the same part of the picture."""
    recipe, box = CropRecipe(kind="lip", provider="box"), Boxes(((0.4, 0.4, 0.6, 0.6),))
    cut = recipe.transform(20, video=VIDEO, landmarks=None, box=box)
    small, large = cut(ramp(60, 60), 0), cut(ramp(120, 120), 0)
    assert small.shape == large.shape == (22, 22, 3)
    assert 2 * small.astype(float).mean() == pytest.approx(large.astype(float).mean(), abs=1.0)
    assert large[..., 0].mean() == pytest.approx(59.5, abs=1.0)


def test_a_box_at_the_edge_repeats_the_border():
    recipe, box = CropRecipe(kind="lip", provider="box"), Boxes(((-0.1, -0.1, 0.1, 0.1),))
    image = ramp(100, 100)
    out = recipe.transform(20, video=VIDEO, landmarks=None, box=box)(image, 0)
    assert out.shape == (22, 22, 3)
    assert (out[:11, :11, :2] == 0).all()  # left of and above the frame: its first pixel
    assert out[-1, -1, :2].tolist() == pytest.approx([10, 10], abs=1)


def test_without_a_box_there_is_no_crop_by_box(manifest_of, tmp_path):
    recipe = CropRecipe(kind="lip", provider="box")
    for box in (None, Boxes(())):
        with pytest.raises(NotReadyError, match=r"crop 'lip' by box needs one.*for v\.mp4"):
            recipe.transform(36, video=VIDEO, landmarks=None, box=box)
    with pytest.raises(UsageError, match=r"provider 'box' is a window on the lips"):
        CropRecipe(kind="face", provider="box")


def test_words_of_grid_are_cropped_by_box_where_every_sample_has_one(manifest_of, tmp_path):
    text = Boxes(((0.4, 0.4, 0.6, 0.6),)).text()
    boxed = manifest_of(tmp_path, ["a.mp4", "b.mp4"], boxes=[text, text])
    part = manifest_of(tmp_path, ["a.mp4", "b.mp4"], boxes=[text, ""])
    seen = manifest_of(tmp_path, ["a.mp4"], boxes=[text], landmarks=["l.npy"])
    with pytest.raises(NotReadyError, match="crop 'lip' needs landmarks"):
        choose_crop("lip", boxed)  # boxes of another set may be of anything
    for toy in (boxed, part, seen):
        object.__setattr__(toy, "name", "grid_words")
    assert choose_crop("lip", boxed).key == "lip-box"
    assert choose_crop("lip", seen).provider == "precomputed"  # landmarks are better
    assert choose_crop("full", boxed).provider == "precomputed"
    with pytest.raises(NotReadyError, match="crop 'lip' needs landmarks"):
        choose_crop("lip", part)
