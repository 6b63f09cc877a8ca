"""InfoMax (VDIM) under equal conditions. Source: Hjelm and Bachman 2020, with AMDIM's bound.

Run: bench run --objective infomax --tasks lrw,dfdc,ucf101. Cost, result: not yet measured.
Two clips that start together, the second at twice the speed; last two stages and the pooled map.
"""

bound = "amdim"
dim = 512
pool = "last"
speeds = ((1,), (2,))
