"""Each distortion changes what it should, by how much it should, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from coded_media import noise

from benchmark.data.distort import sight, sound
from benchmark.data.distort.sight import SIGHT
from benchmark.data.distort.sound import SOUND

RATE = 16_000


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def frames():
    """(8, 33, 46, 3): smooth colours that move; sides that a video codec cannot take."""
    t, y, x = np.meshgrid(np.arange(8), np.arange(33), np.arange(46), indexing="ij")
    planes = [np.sin((x + 2 * t) / 7), np.cos(y / 5), np.sin((x + y) / 9)]
    return np.stack([120 + 90 * p for p in planes], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module")
def wave():
    return noise(1.0, RATE)


@pytest.mark.parametrize("name", SIGHT)
def test_frames_keep_shape_and_type_and_are_the_same_again(name, frames):
    before = frames.copy()
    one, again, other = (SIGHT[name](frames, rng(seed)) for seed in (1, 1, 2))
    assert one.shape == frames.shape and one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(frames, before)  # what was given is left alone
    assert np.abs(one.astype(int) - frames).mean() > 1
    drawn = name not in ("flip", "grey", "h264")
    assert (np.abs(one.astype(int) - other).max() > 0) == drawn


@pytest.mark.parametrize("name", SOUND)
def test_sound_keeps_length_and_type_and_is_the_same_again(name, wave):
    before = wave.copy()
    one, again, other = (SOUND[name](wave, rng(seed), rate=RATE) for seed in (1, 1, 3))
    assert one.shape == wave.shape and one.dtype == np.float32
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(wave, before)
    assert np.abs(one).max() <= 1 and np.abs(one - wave).max() > 0.01
    assert np.abs(one - other).max() > 0.001


@pytest.mark.parametrize("name", SOUND)
def test_silence_and_moments_do_not_break(name):
    silent = np.zeros(RATE // 2, np.float32)
    assert np.abs(SOUND[name](silent, rng(), rate=RATE)).max() < 1e-6
    assert SOUND[name](np.full(20, 0.1, np.float32), rng(), rate=RATE).shape == (20,)


def test_a_crop_shows_a_window_of_the_stated_size():
    """Of a ramp from 0 to 255, the window's share is the range that is left."""
    ramp = np.repeat(np.linspace(0, 255, 200)[None, None, :, None], 100, axis=1)
    ramp = np.repeat(ramp, 3, axis=3).astype(np.uint8)
    shares = []
    for seed in range(40):
        row = sight.crop(ramp, rng(seed))[0, 50, :, 0].astype(float)
        assert (np.diff(row) >= 0).all()
        shares.append((row[-1] - row[0]) / 255)
    assert 0.58 < min(shares) < 0.65 and 0.85 < max(shares) < 0.92


def test_flip_and_grey_are_exact(frames):
    np.testing.assert_array_equal(sight.flip(frames, rng()), frames[:, :, ::-1])
    luma = sight.grey(frames, rng())
    want = np.rint(frames @ np.array([0.299, 0.587, 0.114]))
    np.testing.assert_allclose(luma, np.repeat(want[..., None], 3, axis=3), atol=1)
    assert (np.ptp(luma, axis=3) == 0).all()


def test_blur_spreads_a_point_by_the_drawn_width():
    point = np.zeros((1, 41, 41, 3), np.uint8)
    point[0, 20, 20] = 255
    for seed in range(5):
        drawn = rng(seed).uniform(*sight.BLUR)
        row = sight.blur(np.repeat(point, 1, axis=0), rng(seed))[0, :, :, 0].astype(float)
        peak = row.max() / 255  # of a Gaussian: 1 / (2 pi s^2); a narrow one falls on few pixels
        if drawn > 1:
            assert peak == pytest.approx(1 / (2 * np.pi * drawn**2), rel=0.1)
    assert sight.BLUR[1] == 2.0


def test_colours_turn_around_grey():
    turn = sight._turn(np.deg2rad(30.0))
    np.testing.assert_allclose(turn @ np.ones(3), np.ones(3), atol=1e-6)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(sight._turn(2 * np.pi / 3), np.roll(np.eye(3), 1, 0), atol=1e-6)
    grey = np.full((2, 4, 4, 3), 100, np.uint8)
    light = rng(4).uniform(*sight.GAIN, 2)[0]
    np.testing.assert_allclose(sight.colour(grey, rng(4)), 100 * light, atol=1)


def test_a_caption_covers_the_foot_alone_and_stands_still(frames):
    shown = sight.caption(frames, rng())
    rows = np.flatnonzero((shown != frames).any(axis=(0, 2, 3)))
    bar = 33 - rows.min()
    assert 0.12 * 33 - 1 <= bar <= 0.22 * 33 + 1
    np.testing.assert_array_equal(shown[:, : 33 - bar], frames[:, : 33 - bar])
    assert (shown[:, 33 - bar :] == shown[:1, 33 - bar :]).all()


def test_coding_loses_detail_and_keeps_order(frames):
    coded = sight.h264(frames, rng())
    errors = np.abs(coded[:, None].astype(int) - frames[None]).mean(axis=(2, 3, 4))
    assert (errors.argmin(axis=1) == np.arange(8)).all() and np.diag(errors).max() < 20


def test_noise_has_the_drawn_distance(wave):
    snr = rng(5).uniform(*sound.SNR)
    added = sound.noise(0.5 * wave, rng(5), rate=RATE) - 0.5 * wave
    assert 10 * np.log10(np.mean((0.5 * wave) ** 2) / np.mean(added**2)) == pytest.approx(
        snr, abs=0.2
    )


def test_gain_is_one_factor(wave):
    quiet = 0.2 * wave
    factor = 10 ** (rng(3).uniform(*sound.GAIN) / 20)
    np.testing.assert_allclose(sound.gain(quiet, rng(3), rate=RATE), quiet * factor, rtol=1e-5)


def tone(hertz):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.float32)


def test_the_band_passes_the_middle_alone():
    for seed in range(3):
        levels = [
            np.std(sound.band(tone(hertz), rng(seed), rate=RATE)[2000:-2000]) / np.std(tone(hertz))
            for hertz in (30, 1000, 7500)
        ]
        assert levels[0] < 0.02 and levels[1] == pytest.approx(1, abs=0.03) and levels[2] < 0.02


def test_aac_stays_in_step(wave):
    coded = sound.aac(wave, rng(), rate=RATE)
    lags = np.correlate(coded, wave, "full")
    assert lags.argmax() - (len(wave) - 1) == 0
    assert 0.6 < np.corrcoef(coded, wave)[0, 1] < 0.999


def test_pitch_moves_by_a_semitone():
    found = set()
    for seed in range(6):
        moved = sound.pitch(tone(440), rng(seed), rate=RATE)
        hertz = np.abs(np.fft.rfft(moved * np.hanning(RATE))).argmax()  # a bin is 1 Hz
        found.add(round(12 * np.log2(hertz / 440), 1))
    assert found == {-1.0, 1.0}
