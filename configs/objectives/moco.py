"""MoCo under equal conditions. Sources: He et al. 2020 (v1), Chen et al. 2020 (v2's head).

Run: bench run --objective moco --tasks lrw,dfdc,ucf101.

Cost, result: not yet measured. Two clips of a video, one of them the query; K, T and m as chosen
for 15,000 videos at batch 32 (Feichtenhofer et al. 2021 have T = .1, m = .994 along a cosine).
Ma et al. compare with a MoCo whose settings they do not state.
"""

clips = 2
symmetric = False
head_layers = 2
dim = 128
queue = 4096
temperature = 0.1
momentum = 0.994
anneal = True
splits = 8
