"""AVSlowFast's pretext, AVS + Rot. Source: Xiao et al. 2020, their code; rotation is ours.

Run: bench run --objective avslowfast --tasks lrw,dfdc,ucf101.

Cost, result: not yet measured. Hands down the pathways that GLCM does. Videos shorter than one clip
and `shift` (3.7 s with clips of 3.2 s) are left out.
"""

every = 4
stages = 3
drop = 0.8
shift = 0.5
switch = 0.5
hard = 0.25
rotation = "one"
