"""AVTS. Source: Korbar et al. 2018, from memory and AVSlowFast's public code.

Run: bench run --objective avts --tasks lrw,dfdc,ucf101.

Cost, result: not yet measured. Videos shorter than two clips and the gap (6.9 s with clips of 3.2
s) are left out; gap=-2.7 keeps those of 3.7 s, whose hard negatives then overlap.
"""

gap = 0.5
switch = 0.5
hard = 0.25
