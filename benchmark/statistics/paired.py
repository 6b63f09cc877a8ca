"""Two objectives on the same test samples: the mean difference, its interval, its p value.

Two things vary: trainings (seeds) and test samples (drawn as whole groups: a speaker, a source
video). Every seed is tested on the same groups, so the two are crossed, and

    Var(mean difference) = seeds / S + groups / G + interaction / (S G).

The plain two-level bootstrap (draw seeds, then groups, take percentiles) covers 95 % only while
sampling noise is large: where trainings differ more than test samples do, three seeds show too
little of their spread, and it covers 75 % where it claims 95 (simulated in the tests). Here the
groups are bootstrapped, the seeds enter by their variance, and the interval is Student's t with
the degrees of freedom of Satterthwaite 1946, never narrower than over groups alone (seeds that
agree by chance would give p of .001 six times too often). It covers 93 to 97 % from three seeds on,
up to 99 % where trainings do not differ at all, about 90 % for two seeds that differ much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.results.predictions import PredictionTable
from benchmark.results.scores import hits
from benchmark.statistics.intervals import LEVEL
from benchmark.statistics.resampling import group_draws
from benchmark.statistics.variance import Spread, crossed_spreads

Seeds = Sequence[Sequence[PredictionTable]]  # tables[seed][fold]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Mean of a - b in the unit of the metric (percent), over `seeds` pairs of trainings.

    half_width: of the interval of `level`; p: two-sided; both None where nothing can vary (one seed
    and fewer than two groups), p also where nothing did. standard_error, degrees: what both rest
    on, for `minimum_detectable_effect`. groups: test groups, None where predictions were not used.
    With one seed the interval says how the result would vary over other test groups, not over
    trainings.
    """

    mean: float
    half_width: float | None
    p: float | None
    standard_error: float | None
    degrees: float | None
    seeds: int
    groups: int | None
    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Samples that only a, or only b, got right; p: exact, two-sided."""

    only_a: int
    only_b: int
    p: float


def paired_difference(
    a: Seeds,
    b: Seeds,
    metric: str,
    *,
    rounds: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
) -> Difference:
    """Mean over seeds and folds of metric(a) - metric(b), in percent, with interval and p.

    a[s][f] and b[s][f]: the predictions of fold f by the trainings of seed s, on the same samples.
    A seed's score is the mean over its folds. Groups are drawn with replacement from all folds
    together, the same draw for a and b and every seed; draws for which the metric does not exist
    (an AUC with one class) are left out, and the groups' share of the variance with them where that
    is more than half.
    Raises ValueError where seeds, folds or samples of a and b are not the same.
    """
    _check_pairs(a, b)
    ours = group_draws(a, metric, rounds=rounds, seed=seed)
    theirs = group_draws(b, metric, rounds=rounds, seed=seed)
    draws = ours.draws - theirs.draws
    draws = draws[np.isfinite(draws).all(axis=1)]
    spreads = crossed_spreads(
        ours.score - theirs.score,
        draws=draws if 2 * len(draws) > rounds else None,
        groups=ours.groups,
    )
    return _difference(ours.score - theirs.score, spreads, groups=ours.groups, level=level)


def seed_difference(a: Sequence[float], b: Sequence[float], *, level: float = LEVEL) -> Difference:
    """The paired t test over seeds alone: a (S,) and b (S,) scores of the same seeds, in order.

    For where no predictions are left. It needs two seeds, and knows nothing of the test samples.
    """
    if len(a) != len(b) or not len(a):
        raise ValueError(f"paired scores need the same seeds on both sides; got {len(a)}, {len(b)}")
    gap = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return _difference(gap, crossed_spreads(gap, draws=None, groups=0), groups=None, level=level)


def mcnemar(a: Sequence[PredictionTable], b: Sequence[PredictionTable]) -> McNemar:
    """McNemar's exact test of top-1 accuracy: the folds of one training each, on the same samples.

    Under the null hypothesis a sample that only one gets right is as likely either's: binomial with
    1/2 (McNemar 1947). A sample counts as right where its target alone has the highest score.
    It takes samples for independent: where several share a group it is too sure, and
    `paired_difference` is the honest one.
    Raises ValueError where the samples differ.
    """
    from scipy.stats import binomtest

    only_a = only_b = 0
    for ours, theirs in zip(a, b, strict=True):
        _check_samples(ours, theirs)
        right_a, right_b = hits(ours) == 1, hits(theirs) == 1
        only_a += int((right_a & ~right_b).sum())
        only_b += int((right_b & ~right_a).sum())
    count = only_a + only_b
    p = float(binomtest(only_a, count, 0.5).pvalue) if count else 1.0
    return McNemar(only_a=only_a, only_b=only_b, p=p)


def _difference(
    gap: NDArray[Any], spreads: Sequence[Spread], *, groups: int | None, level: float
) -> Difference:
    """The widest t interval of a mean over seeds among those of `spreads`, and its test."""
    from scipy.stats import t

    mean = float(gap.mean())
    half = p = error = degrees = None
    for spread in spreads:
        reach = float(t.ppf(0.5 + level / 2, spread.degrees)) * math.sqrt(spread.variance)
        if half is None or reach > half:
            half, error, degrees = reach, math.sqrt(spread.variance), spread.degrees
    if error and degrees:
        p = 2 * float(t.sf(abs(mean) / error, degrees))
    elif spreads and not mean:
        p = 1.0
    return Difference(
        mean=mean,
        half_width=half,
        p=p,
        standard_error=error,
        degrees=degrees,
        seeds=len(gap),
        groups=groups,
        level=level,
    )


def _check_pairs(a: Seeds, b: Seeds) -> None:
    shapes = [[len(folds) for folds in side] for side in (a, b)]
    if shapes[0] != shapes[1] or not shapes[0] or not all(shapes[0]) or len(set(shapes[0])) > 1:
        raise ValueError(
            f"a paired comparison needs the same seeds and folds on both sides; "
            f"got folds per seed {shapes[0]} and {shapes[1]}"
        )
    for ours, theirs in zip(a, b, strict=True):
        for fold, reference in enumerate(a[0]):
            _check_samples(ours[fold], reference)
            _check_samples(theirs[fold], reference)


def _check_samples(a: PredictionTable, b: PredictionTable) -> None:
    for name in ("sample_id", "group_id", "target"):
        ours, theirs = getattr(a, name), getattr(b, name)
        if not np.array_equal(ours, theirs):
            raise ValueError(
                f"a paired comparison needs the same test samples in the same order; {name} of "
                f"{len(ours)} and {len(theirs)} samples differs"
            )
