import itertools

import numpy as np
import pytest

from benchmark.data.miniature import viseme
from benchmark.data.miniature.clip import SAMPLE_RATE
from benchmark.data.miniature.face import (
    Face,
    detector_landmarks,
    face_boxes,
    paint_face,
    true_landmarks,
)
from benchmark.data.miniature.face_parts import mouth_half_width
from benchmark.data.miniature.speaker import PRETRAINING_SPEAKERS, TASK_SPEAKERS, speaker
from benchmark.data.miniature.talk import draw_talk, lid_track, plan_talk, render_wave, respeak
from benchmark.data.miniature.viseme import (
    FAMILIES,
    PHONES,
    REST,
    TARGETS,
    WORDS,
    Segment,
    Utterance,
    draw_stream,
    draw_word,
    family_of,
)
from benchmark.data.miniature.voice import synthesise


def held(letters, *, seconds, voiced=True):
    """An utterance of equally long, exact visemes from time 0."""
    return Utterance(
        segments=tuple(
            Segment(
                viseme=letter,
                phone=PHONES[letter][0 if voiced else 1],
                start=index * seconds,
                stop=(index + 1) * seconds,
                shape=TARGETS[letter],
            )
            for index, letter in enumerate(letters)
        )
    )


def still_face(number, letters, *, scale=1.0, roll=0.0):
    """One frame per viseme, upright in the middle of the frame."""
    count = len(letters)
    return Face(
        speaker=speaker(number),
        centre=np.full((count, 2), 56.0),
        scale=np.full(count, scale),
        roll=np.full(count, roll),
        pitch=np.zeros(count),
        yaw=0.0,
        mouth=np.array([TARGETS[letter] for letter in letters]),
        lids=np.ones((count, 2)),
        slide=np.zeros((count, 2)),
    )


# ---- visemes


def test_families_share_visemes_first_and_last():
    assert len(WORDS) == len(set(WORDS)) == 20
    for family in FAMILIES:
        assert len(family) == 4
        assert len({(frozenset(word), word[0], word[-1]) for word in family}) == 1
        assert all(len(set(word)) == 5 for word in family)
    assert len({(frozenset(family[0]), family[0][0], family[0][-1]) for family in FAMILIES}) == 5
    assert [family_of(family[2]) for family in FAMILIES] == [0, 1, 2, 3, 4]


def test_track_equals_a_numeric_hann_average():
    utterance = draw_stream(np.random.default_rng(0), seconds=1.0, rate=1.0)
    values = np.array([segment.shape for segment in utterance.segments])
    times = np.array([0.2, 0.43, 0.77])
    half = viseme.HALF_WIDTH
    lags = np.linspace(-half, half, 20001)
    window = 1 + np.cos(np.pi * lags / half)
    stops = np.array([segment.stop for segment in utterance.segments])
    for time, got in zip(times, utterance.follow(values, times), strict=True):
        nearby = values[np.searchsorted(stops, time + lags, side="right")]
        np.testing.assert_allclose(got, np.average(nearby, axis=0, weights=window), atol=1e-4)


def test_faster_speech_undershoots_more():
    peaks = [
        held("CAC", seconds=seconds).follow(
            np.array([0.0, 1.0, 0.0])[:, None], np.array([1.5 * seconds])
        )
        for seconds in (0.12, 0.08, 0.05)
    ]
    expected = [1.0, 0.8 + np.sin(0.8 * np.pi) / np.pi, 0.5 + 1 / np.pi]  # H(d/2) - H(-d/2)
    np.testing.assert_allclose(np.ravel(peaks), expected, atol=1e-9)


def test_streams_cover_the_clip_without_repeats_at_the_specified_pace():
    durations = []
    for seed in range(60):
        segments = draw_stream(np.random.default_rng(seed), seconds=3.2, rate=1.0).segments
        assert segments[0].start <= -viseme.MARGIN and segments[-1].stop >= 3.2 + viseme.MARGIN
        for one, two in itertools.pairwise(segments):
            assert one.stop == pytest.approx(two.start)
            assert one.viseme != two.viseme
        durations += [segment.stop - segment.start for segment in segments]
    assert min(durations) + 1e-9 >= 0.13 * 0.6 and max(durations) <= 0.13 * 1.6 + 1e-9
    assert np.mean(durations) == pytest.approx(0.13, rel=0.04)


def test_both_phones_of_a_viseme_look_alike_and_occur():
    segments = draw_stream(np.random.default_rng(1), seconds=200, rate=1.0).segments
    for letter, pair in PHONES.items():
        groups = [[s.shape for s in segments if s.phone == phone] for phone in pair]
        assert min(map(len, groups)) > 40
        means = [np.mean(group, axis=0) for group in groups]
        np.testing.assert_allclose(*means, atol=0.06)
        assert all(s.viseme == letter for s in segments if s.phone in pair)


def test_words_are_spelled_inside_their_interval():
    middles = []
    for seed in range(80):
        word = WORDS[seed % 20]
        rate = 0.7 + 0.7 * (seed % 7) / 6
        said, (start, stop) = draw_word(
            np.random.default_rng(seed), word, seconds=1.6, rate=rate, offset=0.3
        )
        inside = [s.viseme for s in said.segments if start <= (s.start + s.stop) / 2 < stop]
        assert "".join(inside) == word
        assert 0 < start < stop < 1.6
        assert all(
            a.viseme != b.viseme for a, b in zip(said.segments, said.segments[1:], strict=False)
        )
        middles.append((start + stop) / 2 - 0.8)
    assert -0.3 <= min(middles) < -0.2 and 0.2 < max(middles) <= 0.3


def test_shifting_moves_the_track_by_whole_frames():
    said = draw_stream(np.random.default_rng(2), seconds=1.6, rate=1.0)
    track, later = said.mouth(frames=32, fps=20), said.shifted(0.25).mouth(frames=32, fps=20)
    np.testing.assert_allclose(later[5:], track[:-5], atol=1e-9)


# ---- voice


def test_bursts_start_at_the_very_sample_where_the_closure_ends():
    said = held("AUCCI", seconds=0.3, voiced=False)
    wave = synthesise(np.random.default_rng(0), said, speaker(3), seconds=1.5)
    closed = wave[round(0.70 * SAMPLE_RATE) : round(0.9 * SAMPLE_RATE)]
    assert np.abs(closed).max() < 0.02 * np.abs(wave).max()
    loud = np.flatnonzero(np.abs(wave[round(0.7 * SAMPLE_RATE) :]) > 0.05 * np.abs(wave).max())
    assert 0 <= loud[0] + round(0.7 * SAMPLE_RATE) - round(0.9 * SAMPLE_RATE) <= 2


def test_lips_are_shut_in_the_frame_of_every_burst():
    checked, slow = 0, max(range(70), key=lambda number: speaker(number).rate)
    for seed in range(12):
        plan = plan_talk(np.random.default_rng(seed), slow, seconds=3.2)
        wave, opening = render_wave(plan), plan.faces[0].mouth[:, 0]
        power = np.convolve(wave.astype(float) ** 2, np.ones(80) / 80, mode="same")
        for segment in plan.utterances[0].segments:
            long_enough = segment.stop - segment.start > 0.13
            if segment.phone != "p" or not long_enough or not 0.1 < segment.stop < 3.1:
                continue
            release = round(segment.stop * SAMPLE_RATE)
            assert power[release + 40] > 20 * power[release - 800]
            assert opening[int((segment.start + segment.stop) / 2 * plan.fps)] < 0.15
            checked += 1
    assert checked >= 4


def test_formants_pitch_and_friction_follow_the_segments():
    who = speaker(3)

    def spectrum(letters, voiced=True):
        said = held(letters * 10, seconds=0.3, voiced=voiced)
        wave = synthesise(np.random.default_rng(0), said, who, seconds=2.0)
        return np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2, np.fft.rfftfreq(
            len(wave), 1 / 16000
        )

    friction, hertz = spectrum("F", voiced=False)
    assert 4000 < (friction * hertz).sum() / friction.sum() < 6500
    vowel, _ = spectrum("I")
    second = (hertz > 1500) & (hertz < 3800)
    loudest = hertz[second][np.argmax(vowel[second])]
    assert loudest == pytest.approx(2250 * who.tract, abs=1.2 * who.f0)
    round_vowel, _ = spectrum("U")
    assert vowel[second].sum() / vowel.sum() > 5 * round_vowel[second].sum() / round_vowel.sum()


# ---- speakers


def test_speaker_pools_are_disjoint_and_ranges_hold():
    pools = [*TASK_SPEAKERS.values(), PRETRAINING_SPEAKERS]
    assert [len(pool) for pool in pools] == [70, 10, 20, 200]
    assert len(set().union(*map(set, pools))) == 300
    people = [speaker(number) for pool in pools for number in pool]
    assert all(95 <= who.f0 <= 250 and 0.87 <= who.tract <= 1.15 for who in people)
    assert all(0.7 <= who.rate <= 1.4 for who in people)
    assert len({who.skin for who in people}) == 300
    assert np.mean([who.glasses is not None for who in people]) == pytest.approx(0.3, abs=0.08)
    assert np.mean([who.beard > 0 for who in people]) == pytest.approx(0.3, abs=0.08)
    sizes, pitches = np.array([who.head[0] for who in people]), np.array([who.f0 for who in people])
    assert np.corrcoef(sizes, pitches)[0, 1] < -0.7  # a face tells something about its voice


# ---- faces


def test_landmarks_of_an_upright_face_are_its_own_numbers():
    face = still_face(7, "I", scale=0.5)
    who = face.speaker
    points = true_landmarks(face)[0]
    half = 0.5 * mouth_half_width(who, 1.0)
    expected = [
        [56 - 0.5 * (who.eye[0] + who.eye[2]), 56 + 0.5 * who.eye[1]],
        [56 + 0.5 * (who.eye[0] + who.eye[2]), 56 + 0.5 * who.eye[1]],
        [56, 56 + 0.5 * who.nose[0]],
        [56 - half, 56 + 0.5 * who.mouth_y],
        [56 + half, 56 + 0.5 * who.mouth_y],
    ]
    np.testing.assert_allclose(points, expected)
    turned = true_landmarks(still_face(7, "I", scale=0.5, roll=np.pi / 2))[0] - 56
    np.testing.assert_allclose(
        turned, np.stack([56 - points[:, 1], points[:, 0] - 56], axis=1), atol=1e-9
    )
    x0, y0, x1, y1 = face_boxes(face)[0]
    assert x1 - x0 == pytest.approx(who.head[0]) and y1 - y0 == pytest.approx(who.head[1])


def test_the_picture_shows_the_viseme_at_the_landmarks():
    face = still_face(3, "CAIUFL")
    frames = np.full((6, 112, 112, 3), 120, np.uint8)
    paint_face(frames, face)
    corners = true_landmarks(face)[:, 3:]
    x, y = np.round(corners.mean(axis=1)).astype(int).T
    inside = frames[np.arange(6), y + 2, x].astype(int)
    closed, opened, _, rounded, _, tongue = inside
    assert opened.sum() < 150 and rounded.sum() < 200  # dark holes
    assert tongue[0] > 180 and tongue[0] - tongue[1] > 60  # red
    upper = frames[np.arange(6), y, x].astype(int)
    assert upper[2].min() > 180 and upper[4].min() > 180  # teeth of I and F
    assert closed.sum() > 200  # lip
    wide, narrow = (corners[k, 1, 0] - corners[k, 0, 0] for k in (2, 3))
    assert wide > 1.8 * narrow


def test_detector_errors_have_the_specified_size():
    true = true_landmarks(still_face(3, "C" * 20))
    rng = np.random.default_rng(0)
    seen = np.stack([detector_landmarks(true, rng) for _ in range(300)])  # (300, 20, 5, 2)
    offset = seen.mean(axis=(1, 2)) - true.mean(axis=(0, 1))
    assert offset.std() == pytest.approx(2.0, abs=0.2)
    eyes = np.linalg.norm(seen[:, :, 1] - seen[:, :, 0], axis=-1).mean(axis=1)
    assert (eyes / np.linalg.norm(true[0, 1] - true[0, 0])).std() == pytest.approx(0.08, abs=0.01)
    across = (seen[:, :, 1] - seen[:, :, 0]).mean(axis=1)
    assert np.rad2deg(np.arctan2(across[:, 1], across[:, 0])).std() == pytest.approx(6.0, abs=0.7)
    assert (seen - seen.mean(axis=1, keepdims=True)).std() == pytest.approx(0.25, abs=0.01)


def test_blinks_close_the_eyes_at_their_time_only():
    lids = lid_track([0.525], frames=32, fps=20)
    assert lids[10, 0] == 0.0 and lids[5, 0] == lids[16, 0] == 1.0
    np.testing.assert_array_equal(lids[:, 0], lids[:, 1])
    lids = lid_track([0.525], [1.025], frames=32, fps=20)
    assert tuple(lids[10]) == (0.0, 1.0) and tuple(lids[20]) == (1.0, 0.0)


# ---- scenes


def test_talk_is_repeatable_and_complete():
    one = draw_talk(np.random.default_rng(9), 1003, seconds=1.0)
    two = draw_talk(np.random.default_rng(9), [1003], seconds=1.0)
    assert one.frames.shape == (20, 112, 112, 3) and one.frames.dtype == np.uint8
    assert one.wave.shape == (16000,) and one.wave.dtype == np.float32
    assert np.abs(one.wave).max() <= 1
    assert one.landmarks.shape == (20, 5, 2)
    np.testing.assert_array_equal(one.frames, two.frames)
    np.testing.assert_array_equal(one.wave, two.wave)
    assert one.latents == two.latents
    assert np.shape(one.latents["mouth_track"]) == (20, 4)
    assert one.latents["speaker"] == 1003
    assert one.latents["segments"][0][2] <= 0 and one.latents["segments"][-1][3] >= 1.0


def test_silent_second_face_rests_and_adds_no_sound():
    duo = draw_talk(np.random.default_rng(9), [1003, 1004], seconds=1.0, silent=[1])
    assert [face["silent"] for face in duo.latents["faces"]] == [False, True]
    np.testing.assert_array_equal(duo.plan.faces[1].mouth, np.tile(REST, (20, 1)))
    assert duo.latents["faces"][0]["boxes"][0][0] < duo.latents["faces"][1]["boxes"][0][0]
    both_silent = draw_talk(np.random.default_rng(9), [1003, 1004], seconds=1.0, silent=[0, 1])
    assert np.sqrt(np.mean(both_silent.wave**2)) < 0.05 * np.sqrt(np.mean(duo.wave**2))


def test_other_words_change_the_mouth_and_nothing_else():
    plan = plan_talk(np.random.default_rng(1), 5, seconds=0.5)
    other = respeak(plan, draw_stream(np.random.default_rng(2), seconds=0.5, rate=1.0))
    assert np.abs(other.faces[0].mouth - plan.faces[0].mouth).max() > 0.3
    np.testing.assert_array_equal(other.faces[0].matrices(), plan.faces[0].matrices())
    np.testing.assert_array_equal(other.faces[0].lids, plan.faces[0].lids)


def test_three_speakers_are_refused():
    with pytest.raises(ValueError, match="3 speakers"):
        draw_talk(np.random.default_rng(0), [1, 2, 3], seconds=1.0)
