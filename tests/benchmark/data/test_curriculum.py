"""Pieces first, sentences later, and the same ones after an interruption."""

from __future__ import annotations

import pytest

from benchmark.data.curriculum import CurriculumDataset
from benchmark.settings import Training
from benchmark.training import train_loader


class Clips:
    """Rows 0-3 are sentences, 4-5 the first stage, 6-15 the second."""

    seed = 5

    def __init__(self):
        self.epoch = None

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 16

    def __getitem__(self, row):
        return row % 16  # beyond the end: of a later pass

    def seeing(self, sampling):
        other = Clips()
        other.sampling = sampling
        return other


def dataset(share=0.5):
    return CurriculumDataset(Clips(), main=4, stages=[(4, 6), (6, 16)], share=share)


def rows(data, epoch):
    data.set_epoch(epoch)
    assert data.clips.epoch == epoch
    return [data[index] for index in range(len(data))]


def test_stages_in_turn_then_sentences():
    data = dataset()
    data.plan(8)
    found = [rows(data, epoch) for epoch in range(8)]
    assert all(sorted(part) == [4, 4, 5, 5] for part in found[:2])  # two samples fill four places
    assert all(set(part) <= set(range(6, 16)) and len(set(part)) == 4 for part in found[2:4])
    assert set(found[2]) != set(found[3])  # ten samples: others in each epoch
    assert found[4:] == [[0, 1, 2, 3]] * 4


def test_an_epoch_is_the_same_whenever_it_is_asked():
    one, two = dataset(), dataset()
    one.plan(8)
    two.plan(8)
    straight = [rows(one, epoch) for epoch in range(8)]
    assert [rows(two, epoch) for epoch in (6, 3, 0)] == [straight[6], straight[3], straight[0]]


@pytest.mark.parametrize(("share", "passes", "easy"), [(0.25, 6, 2), (0.25, 1, 0), (0.0, 10, 0)])
def test_the_share_is_rounded(share, passes, easy):
    data = dataset(share)
    data.plan(passes)
    assert data.easy == easy
    assert rows(data, easy) == [0, 1, 2, 3]
    if easy:
        assert min(rows(data, easy - 1)) >= 4


def test_the_trainer_says_how_long_the_training_is():
    data = dataset()
    recipe = Training(epochs=4, batch_size=2, lr=1.0, clips_per_video=2)
    loader = train_loader(data, recipe, seed=0, workers=0)
    assert data.easy == 4 and len(loader) == 4
    seen = []
    for epoch in range(4):
        loader.sampler.set_epoch(epoch)
        seen.append(sorted(row for batch in loader for row in batch.tolist()))
    assert set(seen[1]) <= set(range(6, 16))
    assert seen[0] == [4, 4, 4, 4, 5, 5, 5, 5] and seen[2] == seen[3] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_other_views_of_the_same_stages():
    data = dataset().seeing("sound too")
    assert data.clips.sampling == "sound too"
    data.plan(8)
    assert sorted(rows(data, 0)) == [4, 4, 5, 5] and rows(data, 7) == [0, 1, 2, 3]
