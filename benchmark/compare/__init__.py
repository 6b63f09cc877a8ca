"""Two objectives compared from their records: which may be paired, and what the pairs say."""

from benchmark.compare.pairs import Block, LeftOut, pair_records
from benchmark.compare.setup import settings
from benchmark.compare.sides import Side
from benchmark.compare.verdicts import Comparison, compare

__all__ = ["Block", "Comparison", "LeftOut", "Side", "compare", "pair_records", "settings"]
