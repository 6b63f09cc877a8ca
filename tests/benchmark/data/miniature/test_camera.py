import numpy as np
import pytest

from benchmark.data.miniature.camera import (
    Camera,
    apply_light,
    apply_sensor,
    draw_background,
    draw_camera,
    draw_crf,
    pan,
)


def test_backgrounds_are_repeatable_pictures():
    first = draw_background(np.random.default_rng(3), frames=5, size=48)
    again = draw_background(np.random.default_rng(3), frames=5, size=48)
    other = draw_background(np.random.default_rng(4), frames=5, size=48)
    assert first.shape == (5, 48, 48, 3)
    assert first.dtype == np.float32
    assert first.min() >= 0 and first.max() <= 255
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 5


def test_pan_by_whole_pixels_is_a_slice():
    canvas = np.random.default_rng(0).uniform(0, 255, (40, 40, 3)).astype(np.float32)
    cut = pan(canvas, np.array([[3.0, 5.0], [4.0, 5.0]]), size=20)
    np.testing.assert_allclose(cut[0], canvas[5:25, 3:23], atol=1e-3)
    np.testing.assert_allclose(cut[1], canvas[5:25, 4:24], atol=1e-3)


def test_light_is_a_gain_times_a_horizontal_slope():
    camera = Camera(gain=0.8, slope=0.2, blur=0.0, noise=0.0, crf=25)
    grey = np.full((2, 8, 11, 3), 100, np.uint8)
    shot = camera.shoot(grey, np.random.default_rng(0))
    expected = 100 * 0.8 * (1 + 0.2 * np.linspace(-0.5, 0.5, 11))
    np.testing.assert_array_equal(shot[1, 3, :, 2], np.floor(expected + 0.5))
    lit = apply_light(grey, np.random.default_rng(0))
    assert np.ptp(lit[0, :, 5, 0]) == 0  # nothing changes from top to bottom
    assert 55 * 0.85 <= lit.min() <= lit.max() <= 125 * 1.15


def test_noise_has_the_drawn_strength_and_no_bias():
    camera = Camera(gain=1.0, slope=0.0, blur=0.0, noise=3.0, crf=25)
    shot = camera.shoot(np.full((8, 64, 64, 3), 128, np.uint8), np.random.default_rng(0))
    assert shot.std() == pytest.approx(np.sqrt(9 + 1 / 12), abs=0.03)  # plus rounding
    assert shot.mean() == pytest.approx(128, abs=0.05)
    sensed = apply_sensor(np.full((8, 64, 64, 3), 128, np.uint8), np.random.default_rng(1))
    assert 2.0 <= sensed.std() <= 4.1
    assert sensed.dtype == np.uint8


def test_blur_spreads_a_point_and_keeps_its_sum():
    frame = np.zeros((1, 33, 33, 3), np.uint8)
    frame[0, 16, 16] = 250
    sharp = Camera(gain=1.0, slope=0.0, blur=0.0, noise=0.0, crf=25)
    soft = Camera(gain=1.0, slope=0.0, blur=0.8, noise=0.0, crf=25)
    blurred = soft.shoot(frame, np.random.default_rng(0))[0, ..., 0].astype(float)
    assert sharp.shoot(frame, np.random.default_rng(0))[0, 16, 16, 0] == 250
    assert blurred[16, 16] < 100
    assert blurred.sum() == pytest.approx(250, rel=0.03)


def test_draws_stay_in_their_ranges_and_reach_both_ends():
    rng = np.random.default_rng(0)
    assert {draw_crf(rng) for _ in range(200)} == {23, 24, 25, 26, 27, 28}
    cameras = [draw_camera(rng, blur=(0.05, 0.9)) for _ in range(200)]
    for name, low, high in (
        ("gain", 0.55, 1.25),
        ("slope", -0.3, 0.3),
        ("noise", 2, 4),
        ("blur", 0.05, 0.9),
    ):
        values = np.array([getattr(camera, name) for camera in cameras])
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high >= values.max() > high - 0.1 * (high - low)
