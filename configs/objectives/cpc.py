"""CPC on blocks of video. Source: van den Oord et al. 2018; sample and sizes as DPC's, Han 2019.

Run: bench run --objective cpc --tasks lrw,dfdc,ucf101. Cost, result: not yet measured.

Matched setting: eight blocks that together span the standard clip, raw dot product, negatives from
the predicted blocks of the batch.
"""

blocks = 8
predict = 3
dim = 256
width = 256
score = "dot"
negatives = "set"
