"""Maps of similarity from encoders' outputs: plain loops, known cases, up-sampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.protocols import maps
from benchmark.protocols.localise import heat, own_similarity, project, similarity
from benchmark.results import scores_boxes


def projection(size, channels, *, segments=1, unit=False, seed=0):
    rng = np.random.default_rng([seed, size, channels])
    return {
        "weight": torch.from_numpy(rng.normal(size=(size, channels * segments))).float(),
        "bias": torch.from_numpy(rng.normal(size=size)).float(),
        "pathway": "clip",
        "segments": segments,
        "unit": unit,
    }


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("segments", [1, 2])
def test_similarity_equals_a_plain_loop(segments, unit):
    rng = np.random.default_rng(0)
    seen, heard = rng.normal(size=(2, 3, 4, 2, 3)), rng.normal(size=(2, 5, 6))
    alignment = {
        "video": projection(4, 3, segments=segments, unit=unit),
        "audio": projection(4, 5, segments=segments, unit=unit, seed=1),
    }
    found = similarity(torch.from_numpy(seen), torch.from_numpy(heard), alignment).numpy()

    def vector(rows, name):  # (C, T) of one place
        parts = np.array_split(rows, segments, axis=1)  # T divides by the stretches here
        flat = np.stack([part.mean(axis=1) for part in parts], axis=1).ravel()
        weight, bias = (alignment[name][key].numpy() for key in ("weight", "bias"))
        out = weight @ flat + bias
        return out / np.linalg.norm(out) if unit else out

    for clip in range(2):
        sound = vector(heard[clip], "audio")
        for row in range(2):
            for column in range(3):
                want = sound @ vector(seen[clip, :, :, row, column], "video")
                assert found[clip, row, column] == pytest.approx(want, rel=1e-4)


def test_a_cell_is_projected_by_its_own_values_alone():
    one = projection(4, 3)
    clip = torch.randn(1, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    other = clip.clone()
    other[..., 0, 0] += 1.0
    changed = (project(clip, one) != project(other, one)).any(dim=1)[0]
    assert changed.sum() == 1 and changed[0, 0]


def test_the_fallback_finds_what_is_seen_most_of():
    seen = torch.zeros(1, 2, 1, 1, 4)
    seen[0, 0, 0, 0, :3], seen[0, 1, 0, 0, 3] = 1.0, 1.0  # three cells alike, one apart
    found = own_similarity(seen)[0, 0]
    mean = np.array([0.75, 0.25]) / np.hypot(0.75, 0.25)
    np.testing.assert_allclose(found, [mean[0]] * 3 + [mean[1]], rtol=1e-6)


def test_maps_are_bilinear_from_0_to_1():
    grids = torch.tensor([[[0.0, 1.0], [2.0, 3.0]], [[5.0, 5.0], [5.0, 5.0]]])
    found = heat(grids, side=4)
    np.testing.assert_array_equal(found[1], np.zeros((4, 4)))  # nothing stands out
    steps = np.array([0.0, 0.25, 0.75, 1.0])  # centres of pixels between centres of cells
    np.testing.assert_allclose(found[0], (2 * steps[:, None] + steps[None]) / 3)


def test_where_a_clip_counts_as_located_is_one_number():
    assert maps.SUCCESS == scores_boxes.SUCCESS
