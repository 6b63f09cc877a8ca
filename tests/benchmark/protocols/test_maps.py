"""Scores of heat maps against boxes: plain loops, scikit-learn, and cases known in closed form."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from benchmark.data.manifest import Boxes
from benchmark.protocols.maps import (
    SIDE,
    above_median,
    area,
    average_precision,
    box_scores,
    centre_disc,
    ciou,
    highest,
    pointing,
    truth,
)
from benchmark.results.predictions import PredictionTable
from benchmark.results.scores import recompute

QUARTER = Boxes(((0.0, 0.0, 0.5, 0.5),))


def loop_truth(boxes, side):
    found = np.zeros((side, side))
    for y in range(side):
        for x in range(side):
            for x0, y0, x1, y1 in boxes.boxes:
                inside = int(side * x0) <= x < int(side * x1)
                found[y, x] += inside and int(side * y0) <= y < int(side * y1)
            found[y, x] = min(1.0, found[y, x] / boxes.needed)
    return found


def loop_ciou(marked, density):
    both = whole = 0.0
    for mark, value in zip(marked.ravel(), density.ravel(), strict=True):
        both += mark * value
        whole += value + mark * (value == 0)
    return both / whole


def case(seed, *, needed=1):
    """A map with many ties and two or three boxes, 12 x 12."""
    rng = np.random.default_rng(seed)
    low, size = rng.uniform(0, 0.6, (2 + seed % 2, 2)), rng.uniform(0.15, 0.4, (2 + seed % 2, 2))
    boxes = np.concatenate([low, low + size], axis=1)
    return rng.integers(0, 9, (12, 12)) / 8.0, Boxes(tuple(map(tuple, boxes.tolist())), needed)


@pytest.mark.parametrize("needed", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_scores_equal_plain_loops_and_scikit_learn(seed, needed):
    heat, boxes = case(seed, needed=needed)
    density = loop_truth(boxes, 12)
    np.testing.assert_array_equal(truth(boxes, side=12), density)
    middle = sorted(heat.ravel().tolist())[72]
    marked = np.array([[value > middle or value == 1.0 for value in row] for row in heat])
    inside = density > 0
    want_pointing = np.mean(
        [i for i, h in zip(inside.ravel(), heat.ravel(), strict=True) if h == 1]
    )
    found = box_scores(heat, boxes)
    assert found[0] == pytest.approx(loop_ciou(marked, density))
    assert found[2] == pytest.approx(want_pointing)
    assert found[3] == pytest.approx(average_precision_score(inside.ravel(), heat.ravel()))
    assert area(boxes, side=12) == inside.mean()


@pytest.mark.parametrize("seed", range(4))
def test_marking_the_true_area_is_the_mean_over_orders_of_the_tied(seed):
    heat, boxes = case(seed)
    count = int((truth(boxes, side=12) > 0).sum())
    rng, total = np.random.default_rng(0), np.zeros(heat.shape)
    for _ in range(2000):
        order = np.lexsort((rng.permutation(heat.size), -heat.ravel()))
        total.ravel()[order[:count]] += 1
    marked = highest(heat, count)
    assert marked.sum() == pytest.approx(count)
    np.testing.assert_allclose(marked, total / 2000, atol=0.06)


@pytest.mark.parametrize(
    ("heat", "scores"),
    [
        (truth(QUARTER, side=8), (1.0, 1.0, 1.0, 1.0)),  # perfect: a quarter is below the median
        (np.ones((8, 8)), (0.25, 1 / 7, 0.25, 0.25)),  # constant: everything, or 16 / 4 at random
    ],
)
def test_perfect_and_constant_maps(heat, scores):
    assert box_scores(heat, QUARTER) == pytest.approx(scores)


def test_a_reversed_map_and_one_without_ties():
    heat = np.arange(64.0).reshape(8, 8)  # highest at the lower right
    assert above_median(heat).sum() == 31 and above_median(heat)[4:, 1:].all()
    found = box_scores(heat, QUARTER)
    assert found[:3] == (0.0, 0.0, 0.0)
    # the 16 pixels inside come in places 33-36, 41-44, 49-52, 57-60 of the descending order
    places = [32 + 8 * row + column + 1 for row in range(4) for column in range(4)]
    places = [p + 4 for p in places]
    assert found[3] == pytest.approx(np.mean([(i + 1) / p for i, p in enumerate(places)]))


def test_no_box_and_a_saturated_map():
    assert box_scores(np.arange(16.0).reshape(4, 4), Boxes(())) == (0.0, 0.0, 0.0, 0.0)
    heat = np.ones((4, 4))
    heat[0, 0] = 0.0  # the median is the maximum; it is marked all the same
    assert above_median(heat).sum() == 15 and pointing(heat, heat == 0) == 0.0
    assert ciou(np.zeros((2, 2)), np.zeros((2, 2))) == 0.0
    assert average_precision(heat, np.zeros((4, 4), bool)) == 0.0


def test_half_the_boxes_that_are_needed_count_half():
    flickr = Boxes(((0.0, 0.0, 0.5, 0.5), (0.0, 0.0, 0.5, 1.0)), needed=2)
    density = truth(flickr, side=4)
    np.testing.assert_array_equal(density[:, :2], [[1, 1], [1, 1], [0.5, 0.5], [0.5, 0.5]])
    assert ciou(np.ones((4, 4)), density) == pytest.approx(6 / (6 + 8))


def test_the_disc_marks_half_of_the_picture():
    marked = above_median(centre_disc())
    assert marked.mean() == pytest.approx(0.5, abs=0.002) and marked[112, 112]
    np.testing.assert_array_equal(marked, marked[::-1].T)
    radius = SIDE * np.sqrt(0.5 / np.pi)
    assert marked[112].sum() == pytest.approx(2 * radius, abs=2)


def test_the_disc_on_the_official_boxes(real_data):
    path = real_data / "vggss" / "vggss.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    marked, found = above_median(centre_disc()), []
    for entry in json.loads(path.read_text()):
        boxes = [[max(value, 0.0) for value in box] for box in entry["bbox"]]
        found.append(ciou(marked, truth(Boxes(tuple(map(tuple, boxes))))))
    columns = np.tile(np.array(found, np.float32)[:, None], 8)
    assert len(found) == 5158
    assert recompute("ciou", table(columns)).value == pytest.approx(33.95, abs=0.01)
    assert recompute("ciou_auc", table(columns)).value == pytest.approx(37.43, abs=0.01)


def table(score, tag=None):
    names = np.array([f"s{i}" for i in range(len(score))])
    return PredictionTable(
        sample_id=names, group_id=names, target=np.zeros(len(score), int), score=score, tag=tag
    )


def test_metrics_of_saved_scores_equal_a_loop():
    rng = np.random.default_rng(1)
    score = np.round(rng.uniform(0, 1, (40, 8)) * 20).astype(np.float32) / 20  # on the thresholds
    found = table(score)
    for place, name in enumerate(("ciou", "ciou_area", "pointing", "mask_ap")):
        for prefix, column in (("", place), ("disc_", place + 4)):
            values = [round(float(value) * 20) for value in score[:, column]]
            if not name.startswith("ciou"):
                want = 100 * np.mean(values) / 20
                assert recompute(prefix + name, found).value == pytest.approx(want)
                continue
            want = [sum(value >= step for value in values) / 40 for step in range(21)]
            assert recompute(prefix + name, found).value == pytest.approx(100 * want[10])
            steps = sum((a + b) / 2 for a, b in pairwise(want))
            assert recompute(f"{prefix}{name}_auc", found).value == pytest.approx(100 * steps / 20)


def test_scores_by_tag_are_over_that_tag_alone():
    score = np.zeros((4, 8), np.float32)
    score[:2, :3] = 1.0
    found = table(score, tag=np.array(["sync", "sync", "semantic", "semantic"]))
    for name in ("ciou", "ciou_auc", "pointing"):
        apart = [recompute(f"{name}:{tag}", found) for tag in ("sync", "semantic")]
        assert (apart[0].value, apart[0].n) == (pytest.approx(100.0), 2)
        assert apart[1].value == pytest.approx(2.5 if name == "ciou_auc" else 0.0)
        assert apart[1].n == 2


def test_other_predictions_are_refused():
    with pytest.raises(ValueError, match="8 scores a clip, found 1"):
        recompute("ciou", table(np.zeros((2, 1), np.float32)))
