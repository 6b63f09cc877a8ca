"""Reading is compared on the same pictures, and ratios are those of the turns."""

import numpy as np
import pytest

from benchmark.perf import data
from benchmark.perf.data import DECORD, DECORD_SOUND, FILES, FILES_SILENT, JPEG, RAW, READY
from benchmark.perf.data_clips import drawn

pytest.importorskip("mmaction", reason="mmaction2 runs on Linux x86-64 only")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("clips"), 1)


def test_every_way_reads_the_same_clip(manifest, tmp_path):
    ways = data.readers(manifest, tmp_path, span=3.2)
    whole, _ = ways[DECORD](0, 0)
    other, _ = ways[DECORD](0, 1)
    assert not np.array_equal(whole, other)  # another turn, another moment
    for name, read in ways.items():
        pictures, sound = read(0, 0)
        assert pictures.shape == (32, 112, 112, 3)
        assert pictures.dtype == np.uint8
        assert (sound is None) == (name in data.SILENT)
        apart = np.abs(pictures.astype(int) - whole).mean()
        assert apart < (8 if name == JPEG else 0.5), name  # a pack's own frame rate: see its tests
    again, _ = ways[RAW](0, 1)
    assert np.abs(again.astype(int) - other).mean() < 0.5


def test_sound_is_that_of_the_pictures(manifest, tmp_path):
    ways = data.readers(manifest, tmp_path, span=3.2)
    _, ours = ways[FILES](0, 1)
    _, theirs = ways[DECORD_SOUND](0, 1)
    assert ours.shape == (80, 128)
    # mmaction2 begins a frame late and ends where the last frame begins, then zeros: 2.8 s of 3.2
    loud = ours.reshape(80, 64, 2).mean((0, 2))[:56]
    also = theirs[:, :320].reshape(80, 64, 5).mean((0, 2))[:56]
    found = [float(np.corrcoef(loud[lag : lag + 50], also[:50])[0, 1]) for lag in range(4)]
    assert max(found) > 0.9, found


def taken(**seconds):
    names = {"decord": DECORD, "sound": DECORD_SOUND, "files": FILES, "silent": FILES_SILENT}
    names |= {"jpeg": JPEG, "raw": RAW, "ready": READY}
    return {names[name]: values for name, values in seconds.items()}


def test_ratios_are_taken_within_turns():
    found = data.summarise(
        taken(
            decord=[1.0, 2.0, 4.0], sound=[1.5, 3.0, 6.0], files=[1.0, 2.0, 4.0],
            silent=[0.5, 1.0, 2.0], jpeg=[0.15, 0.3, 0.6], raw=[0.05, 0.1, 0.2],
        )
    )  # fmt: skip
    ways = {way.name: way for way in found}
    assert ways[FILES].alike == pytest.approx(1.5)
    assert ways[FILES].pictures == pytest.approx(1.0)
    assert ways[FILES_SILENT].alike == pytest.approx(2.0)
    assert ways[JPEG].pictures == pytest.approx(20 / 3)
    assert ways[JPEG].alike == pytest.approx(10.0)
    assert ways[RAW].quartiles == pytest.approx((30.0, 30.0))
    assert {way.name for way in found if way.below} == {JPEG}
    assert ways[DECORD].limit is None


def test_a_slow_reader_is_told():
    found = data.summarise(taken(decord=[1.0], sound=[1.4], files=[1.0], silent=[0.7]))
    assert {way.name for way in found if way.below} == {FILES, FILES_SILENT}
    assert all(way.facts()["below"] == way.below for way in found)
