"""Scores of predictions against targets, their candidates, and InfoNCE over them."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from objectives.parts.predictive import (
    Choice,
    accuracy,
    chance,
    check_choice,
    cpc_choice,
    dpc_choice,
    info_nce,
    recall,
    similarity,
    within_video,
)

NEGATIVES = ("set", "other_videos", "same_video", "all")


def drawn(*shapes, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=rng, dtype=torch.float64) for shape in shapes]


def score_of(p, z, score, temperature):
    dot = sum(float(a) * float(b) for a, b in zip(p, z, strict=True))
    if score == "mean":
        dot /= len(z)
    if score == "cosine":
        dot /= math.sqrt(float((p * p).sum()) * float((z * z).sum()))
    return dot / temperature


def allowed(row, column, *, negatives, start, steps):
    """Whether block (b2, n) is a candidate of row (b, t, k), from the definition of each set."""
    (b, t, k), (b2, n) = row, column
    positive = (b2, n) == (b, start + t + k)
    return (
        positive
        or {
            "set": start + t <= n < start + t + steps,
            "other_videos": b2 != b and n == start + t + k,
            "same_video": b2 == b,
            "all": True,
        }[negatives]
    )


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize(
    ("score", "temperature", "used"), [("dot", None, 1), ("mean", 0.5, 0.5), ("cosine", None, 0.1)]
)
def test_cpc_equals_a_plain_loop(negatives, score, temperature, used):
    videos, times, steps, blocks, start = 3, 2, 2, 6, 3
    predicted, targets = drawn((videos, times, steps, 4), (videos, blocks, 4))
    total = 0.0
    for row in itertools.product(range(videos), range(times), range(steps)):
        b, t, k = row
        scores = {
            (b2, n): score_of(predicted[row], targets[b2, n], score, used)
            for b2, n in itertools.product(range(videos), range(blocks))
            if allowed(row, (b2, n), negatives=negatives, start=start, steps=steps)
        }
        total += math.log(sum(map(math.exp, scores.values()))) - scores[b, start + t + k]
    choice = cpc_choice(
        predicted,
        targets,
        start=start,
        negatives=negatives,
        score=score,
        temperature=temperature,
    )
    assert float(info_nce(choice)) == pytest.approx(total / (videos * times * steps), rel=1e-10)


@pytest.mark.parametrize(
    ("negatives", "count"), [("set", 4 * 2), ("other_videos", 4), ("same_video", 6), ("all", 24)]
)
def test_equal_scores_give_the_log_of_the_number_of_candidates(negatives, count):
    zeros = torch.zeros(4, 3, 2, 5), torch.zeros(4, 6, 5)
    choice = cpc_choice(*zeros, start=2, negatives=negatives)
    assert float(info_nce(choice)) == pytest.approx(math.log(count), rel=1e-6)
    assert float(chance(choice)) == pytest.approx(1 / count)


def test_dpc_equals_a_plain_loop_over_cells():
    predicted, targets = drawn((2, 3, 4, 2, 2), (2, 3, 4, 2, 2))
    cells = list(itertools.product(range(2), range(3), range(2), range(2)))
    total = 0.0
    for b, p, y, x in cells:
        scores = [
            float(predicted[b, p, :, y, x] @ targets[b2, p2, :, y2, x2]) for b2, p2, y2, x2 in cells
        ]
        right = scores[cells.index((b, p, y, x))]
        total += math.log(sum(map(math.exp, scores))) - right
    choice = dpc_choice(predicted, targets)
    assert float(info_nce(choice)) == pytest.approx(total / len(cells), rel=1e-10)


def test_dpc_census_of_negatives():
    """Each row: 1 positive, P - 1 temporal, P (S - 1) spatial, (B - 1) P S easy ones."""
    videos, blocks, side = 3, 2, 2
    mark = torch.arange(videos * blocks * side * side, dtype=torch.float64) + 1
    targets = mark.view(videos, blocks, 1, side, side)
    choice = dpc_choice(torch.ones_like(targets), targets)  # each column's score is its mark
    assert torch.equal(choice.scores, mark.expand(len(mark), -1))
    split = choice.scores.view(videos, blocks, side**2, videos, blocks, side**2)
    for b, p, s in itertools.product(range(videos), range(blocks), range(side**2)):
        row = split[b, p, s]
        assert row[b, p, s] == targets[b, p, 0].flatten()[s]
        kinds = (row[b, :, s].numel() - 1, row[b].numel() - blocks, row.numel() - row[b].numel())
        assert kinds == (blocks - 1, blocks * (side**2 - 1), (videos - 1) * blocks * side**2)


def test_dpc_of_one_cell_is_cpc_of_the_last_context():
    predicted, targets = drawn((3, 1, 2, 4), (3, 6, 4))
    sparse = cpc_choice(predicted, targets, start=4)
    dense = dpc_choice(predicted[:, 0, ..., None, None], targets[:, 4:, :, None, None])
    assert float(info_nce(sparse)) == pytest.approx(float(info_nce(dense)), rel=1e-12)
    assert float(accuracy(sparse)) == float(accuracy(dense))


@pytest.mark.parametrize("score", ["dot", "cosine"])
def test_shuffled_targets_are_worse_and_order_of_videos_is_nothing(score):
    (targets,) = drawn((4, 2, 16, 2, 2))
    right = float(info_nce(dpc_choice(3 * targets, targets, score=score)))
    wrong = float(info_nce(dpc_choice(3 * targets, targets.roll(1, dims=0), score=score)))
    order = torch.tensor([2, 0, 3, 1])
    moved = dpc_choice(3 * targets[order], targets[order], score=score)
    assert right < 0.2 < 3 < wrong
    assert float(info_nce(moved)) == pytest.approx(right, rel=1e-9)


def test_order_of_other_videos_changes_columns_only():
    predicted, targets = drawn((3, 2, 2, 4), (3, 5, 4))
    before = cpc_choice(predicted, targets, start=2).scores.view(3, 4, 3, 5)
    order = torch.tensor([0, 2, 1])
    after = cpc_choice(predicted[order], targets[order], start=2).scores.view(3, 4, 3, 5)
    torch.testing.assert_close(after[0], before[0][:, order])


def test_within_video_keeps_the_columns_of_the_row():
    predicted, targets = drawn((3, 2, 2, 4), (3, 5, 4))
    choice = cpc_choice(predicted, targets, start=2)
    own = within_video(choice, 3)
    assert own.scores.shape == (12, 5)
    for row in range(12):
        b = row // 4
        torch.testing.assert_close(own.scores[row], choice.scores[row, 5 * b : 5 * b + 5])
        assert int(own.positive[row]) == int(choice.positive[row]) - 5 * b
    assert float(chance(own)) == pytest.approx(1 / 2)


def test_accuracy_counts_ranks_and_gives_ties_to_the_first():
    scores = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    choice = Choice(scores, torch.tensor([0, 1, 0, 2]))
    assert [float(accuracy(choice, top=n)) for n in (1, 2, 3, 9)] == [0.5, 0.75, 1.0, 1.0]


def test_recall_is_a_mixture_of_slots():
    (memory,) = drawn((3, 4))
    sure = torch.full((1, 3, 2, 1), -1e3, dtype=torch.float64)
    sure[:, 1] = 0
    torch.testing.assert_close(recall(sure, memory)[0, :, 0, 0], memory[1])
    even = recall(torch.zeros(1, 3, 2, 1, dtype=torch.float64), memory)
    torch.testing.assert_close(even[0, :, 1, 0], memory.mean(dim=0))


def test_computed_in_float32_under_autocast():
    predicted, targets = (x.float() for x in drawn((3, 2, 2, 4), (3, 5, 4)))
    want = info_nce(cpc_choice(predicted, targets, start=2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        choice = cpc_choice(predicted, targets, start=2)
        assert choice.scores.dtype == torch.float32
        assert float(info_nce(choice)) == float(want)


@pytest.mark.parametrize(("options", "said"), [
    ({"score": "l2"}, "dot.*mean.*cosine.*l2"),
    ({"negatives": "queue"}, "set.*other_videos.*queue"),
    ({"temperature": 0.0}, "positive"),
])  # fmt: skip
def test_unknown_options_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        check_choice(**{"score": "dot", "temperature": None, **options})


@pytest.mark.parametrize(("negatives", "steps"), [("set", 1), ("other_videos", 3)])
def test_rows_without_negatives_are_refused(negatives, steps):
    with pytest.raises(ValueError, match="no negative"):
        cpc_choice(torch.ones(1, 1, steps, 2), torch.ones(1, 5, 2), start=1, negatives=negatives)
    with pytest.raises(ValueError, match="no negative"):
        dpc_choice(torch.ones(1, 1, 2, 1, 1), torch.ones(1, 1, 2, 1, 1))


def test_similarity_of_stacks():
    predicted, targets = drawn((2, 3, 5), (2, 4, 5))
    got = similarity(predicted, targets, score="mean", temperature=2.0)
    assert got.shape == (2, 3, 4)
    assert float(got[1, 2, 3]) == pytest.approx(
        score_of(predicted[1, 2], targets[1, 3], "mean", 2.0)
    )
