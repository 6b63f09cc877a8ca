"""DPC. Source: Han, Xie and Zisserman, ICCV workshops 2019 (arXiv 1909.04656).

Run: bench run --objective dpc --tasks lrw,dfdc,ucf101. Cost, result: not yet measured.

Matched setting: eight blocks that together span the standard clip. MemDPC (Han et al. 2020):
-o objectives.dpc.memory=1024 -o objectives.dpc.both_ways=True.
"""

blocks = 8
predict = 3
dim = 256
kernel = 1
dropout = 0.1
score = "dot"
