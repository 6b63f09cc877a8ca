"""mini-DCASE: scenes in the layout CrissCross reads, whose events keep apart train and test."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

import numpy as np
import pytest

from benchmark.data.miniature.audit import BATTERIES
from benchmark.data.miniature.audit_base import Subject
from benchmark.data.miniature.audit_checks import EVERY_SET
from benchmark.data.miniature.audit_sound import dcase_sources
from benchmark.data.miniature.build import ensure, verify
from benchmark.data.miniature.dcase import CLASSES, EVENTS, SCENES, MiniDCASE, MiniDCASE50

SETS = {"mini-dcase": f"{__name__}:FewDCASE"}
OWNERS = {  # classes of the challenge of 2013
    "bus",
    "busystreet",
    "office",
    "openairmarket",
    "park",
    "quietstreet",
    "restaurant",
    "supermarket",
    "tube",
    "tubestation",
}


class FewDCASE(MiniDCASE):
    """One clip of three scenes in each split."""

    def items(self, tier):
        few = [item for item in super().items(tier) if item.plan["number"] == 1]
        return [item for item in few if item.label in CLASSES[::4]]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    cache = tmp_path_factory.mktemp("dcase")
    return ensure("mini-dcase", tier="ci", cache=cache, jobs=1, sets=SETS)


@pytest.mark.parametrize(("dataset", "count"), [(MiniDCASE(), 10), (MiniDCASE50(), 50)])
def test_sizes_and_names(dataset, count):
    items = dataset.items("base")
    assert set(CLASSES) == OWNERS
    assert Counter((item.split, item.label) for item in items) == {
        (split, name): count for split in ("train", "test") for name in OWNERS
    }
    for item in items:
        place = "scenes_stereo" if item.split == "train" else "scenes_stereo_testset"
        path = PurePosixPath(item.path)
        assert path.parent.as_posix() == f"set1/{place}/{place}"
        assert path.name[:-6] == item.label and path.suffix == ".wav"
    planned = {item.path: item for item in items}
    assert all(planned[item.path] == item for item in dataset.items("ci"))
    assert dataset.lists(items) == {}


def test_both_sets_share_no_seed():
    ten, fifty = ({item.seed for item in d.items("base")} for d in (MiniDCASE(), MiniDCASE50()))
    assert len(ten) == 200 and len(fifty) == 1000 and not ten & fifty


def test_a_clip_is_drawn_alone_and_again():
    item = MiniDCASE().items("ci")[7]
    first, again = MiniDCASE().draw(item), MiniDCASE().draw(item)
    np.testing.assert_array_equal(first.wave, again.wave)
    assert first.latents == again.latents
    assert first.frames is None and first.wave.shape == (160_000,)
    assert first.wave.dtype == np.float32


def test_events_follow_the_rates_and_keep_to_their_split():
    dataset = MiniDCASE()
    items = [item for item in MiniDCASE50().items("base") if item.label == "restaurant"]
    counts = np.zeros(len(EVENTS))
    sources = {"train": set(), "test": set()}
    for item in items[30:70]:
        _, happened = dataset._events(item)
        for kind, source, start, seconds in happened:
            counts[kind] += 1
            sources[item.split].add(source)
            assert 0 <= start <= 10 - seconds
    assert max(sources["train"]) < 20 <= min(sources["test"])
    expected = 40 * np.array(SCENES["restaurant"][0])
    assert (np.abs(counts - expected) <= 4 * np.sqrt(expected)).all()  # Poisson, four s.d.


def test_contrast_pulls_rates_and_backgrounds_together():
    class Flat(MiniDCASE):
        difficulty = {  # noqa: RUF012
            **MiniDCASE.difficulty,
            "rate_contrast": 0.0,
            "background_contrast": 0.0,
            "background_spread": 0.0,
        }

    flat = Flat()
    rates = np.array([flat.rates(name) for name in CLASSES])
    np.testing.assert_allclose(rates, np.tile(rates[0], (10, 1)))
    assert MiniDCASE().rates("park") == pytest.approx(SCENES["park"][0])
    items = {item.label: item for item in flat.items("ci") if item.split == "test"}
    first, second = (flat._background(items[name]) for name in ("bus", "park"))
    assert first["corner"] == pytest.approx(second["corner"])
    logs = np.log([background[0] for _, background in SCENES.values()])
    assert first["corner"] == pytest.approx(np.exp(logs.mean()))


def test_the_audit_of_a_small_set_passes_what_is_exact(built):
    assert verify(built) == []
    subject = Subject(built)
    results = [r for check in (*EVERY_SET, *BATTERIES["mini-dcase"]) for r in check(subject)]
    assert [result.line() for result in results if result.passed is False] == []
    assert len([result for result in results if result.passed]) == 7
    assert len([result for result in results if result.passed is None]) == 4
    subject.rows[-1]["events"].append(subject.rows[0]["events"][0])  # heard in train and in test
    assert dcase_sources(subject)[0].value == 1
