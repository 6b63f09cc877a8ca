"""Statistics of the reports: pure functions of arrays and prediction tables, no records.

intervals   Student t over seeds, bootstrap over groups, Wilson for a share
paired      two objectives on the same test samples, over seeds and groups; McNemar as a cross-check
decisions   Holm's correction; what cannot be told from the best
power       the smallest difference that a test would find
ranks       average rank, Friedman, Nemenyi's critical difference, wins: over complete blocks only
gains       normalised gain between scratch and supervised; local against global tasks
agreement   Kendall's tau against a published order
"""

from benchmark.statistics.agreement import Agreement, kendall
from benchmark.statistics.decisions import holm, indistinguishable
from benchmark.statistics.gains import Dissociation, dissociation, normalised_gain
from benchmark.statistics.intervals import LEVEL, bootstrap_interval, interval, wilson_interval
from benchmark.statistics.paired import (
    Difference,
    McNemar,
    mcnemar,
    paired_difference,
    seed_difference,
)
from benchmark.statistics.power import minimum_detectable_effect, signed_rank_floor
from benchmark.statistics.ranks import (
    AverageRanks,
    Friedman,
    average_ranks,
    complete_blocks,
    critical_difference,
    friedman,
    nemenyi,
    not_separated,
    win_matrix,
)

__all__ = [
    "LEVEL",
    "Agreement",
    "AverageRanks",
    "Difference",
    "Dissociation",
    "Friedman",
    "McNemar",
    "average_ranks",
    "bootstrap_interval",
    "complete_blocks",
    "critical_difference",
    "dissociation",
    "friedman",
    "holm",
    "indistinguishable",
    "interval",
    "kendall",
    "mcnemar",
    "minimum_detectable_effect",
    "nemenyi",
    "normalised_gain",
    "not_separated",
    "paired_difference",
    "seed_difference",
    "signed_rank_floor",
    "wilson_interval",
    "win_matrix",
]
