import re
from collections import Counter

import numpy as np
import pytest

from benchmark.data.miniature.lrw import MiniLRW
from benchmark.data.miniature.viseme import WORDS, draw_word, family_of


@pytest.fixture(scope="module")
def ci():
    return MiniLRW().items("ci")


@pytest.mark.parametrize(
    ("tier", "sizes"), [("base", (80, 10, 25)), ("small", (20, 5, 15)), ("ci", (3, 1, 2))]
)
def test_every_word_has_the_specified_number_of_clips(tier, sizes):
    items = MiniLRW().items(tier)
    counts = Counter((item.label, item.split) for item in items)
    expected = dict(zip(("train", "val", "test"), sizes, strict=True))
    assert counts == {(word, split): n for word in WORDS for split, n in expected.items()}


def test_smaller_tiers_are_parts_of_larger_ones():
    base = {item.path: item for item in MiniLRW().items("base")}
    assert len(base) == 2300 == len({item.seed for item in base.values()})
    for tier in ("ci", "small"):
        assert all(base[item.path] == item for item in MiniLRW().items(tier))


def test_speakers_are_disjoint_and_not_tied_to_words():
    items = MiniLRW().items("base")
    pools = {s: {i.group for i in items if i.split == s} for s in ("train", "val", "test")}
    assert [len(pools[split]) for split in ("train", "val", "test")] == [70, 10, 20]
    assert len(set().union(*pools.values())) == 100
    test = Counter((item.label, item.group) for item in items if item.split == "test")
    assert max(test.values()) == 2 and len(test) == 400  # 25 clips over 20 speakers, every word


def test_layout_and_sidecar(ci):
    item = ci[0]
    assert re.fullmatch(r"lrw_mp4/([A-Z]{5})/train/\1_00001\.mp4", item.path)
    clip = MiniLRW().draw(item)
    ((path, text),) = clip.sidecars.items()
    assert path == item.path.replace(".mp4", ".txt")
    lines = text.splitlines()
    assert len(lines) == 5
    start, stop = clip.latents["word_interval"]
    seconds = float(re.fullmatch(r"Duration: (\d\.\d\d) seconds", lines[4]).group(1))
    assert seconds == pytest.approx(stop - start, abs=0.006)
    assert MiniLRW().lists(ci) == {}


def test_clips_are_repeatable_in_any_order(ci):
    first = {item.path: MiniLRW().draw(item) for item in ci[:3]}
    for item in reversed(ci[:3]):
        again = MiniLRW().draw(item)
        np.testing.assert_array_equal(first[item.path].frames, again.frames)
        np.testing.assert_array_equal(first[item.path].wave, again.wave)
        np.testing.assert_array_equal(first[item.path].landmarks, again.landmarks)
        assert first[item.path].latents == again.latents
        assert first[item.path].crf == again.crf


def test_clip_shapes_and_truth(ci):
    for item in ci[6:60:18]:
        clip = MiniLRW().draw(item)
        assert clip.frames.shape == (32, 112, 112, 3) and clip.frames.dtype == np.uint8
        assert clip.wave.shape == (25600,) and clip.wave.dtype == np.float32
        assert clip.landmarks.shape == (32, 5, 2) and clip.landmarks.dtype == np.float32
        assert clip.fps == 20 and 23 <= clip.crf <= 28
        truth = clip.latents
        start, stop = truth["word_interval"]
        spelled = [v for v, _, a, b in truth["segments"] if start <= (a + b) / 2 < stop]
        assert "".join(spelled) == item.label == truth["word"]
        assert truth["family"] == family_of(item.label)
        assert f"speaker_{truth['speaker']:04d}" == item.group
        assert np.shape(truth["mouth_track"]) == (32, 4)
        error = clip.landmarks - np.array(truth["faces"][0]["landmarks"])
        assert 0 < np.abs(error).max() < 25


def test_only_order_tells_the_words_of_a_family():
    """Mean mouth shapes of two words of a family lie closer than those of two families."""
    rng = np.random.default_rng(0)

    def mean_track(word):
        tracks = [
            draw_word(rng, word, seconds=1.6, rate=1.0, offset=0.3)[0].mouth(frames=32, fps=20)
            for _ in range(150)
        ]
        return np.mean(tracks, axis=(0, 1))

    means = {word: mean_track(word) for word in ("LAUCF", "LCUAF", "FIUCA", "FCUIA")}
    within = np.linalg.norm(means["LAUCF"] - means["LCUAF"])
    across = np.linalg.norm(means["LAUCF"] - means["FIUCA"])
    assert within < 0.03 < across


def test_difficulty_is_named_scalars():
    difficulty = MiniLRW().difficulty
    assert difficulty["viseme_seconds"] == 0.13
    assert difficulty["boundary_offset_seconds"] == 0.30
    assert difficulty["articulation_jitter"] == 0.25
    assert all(isinstance(value, float) for value in difficulty.values())
