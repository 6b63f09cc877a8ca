"""GLCM's comparison of objectives (Table 4).

15,000 clips of K-AV. Needs K-AV in `kav_manifest.csv` form.

Source: Ma et al., ICLR 2021 submission, sec. 4 and Table 4. Run: bench run --objective glcm
--tasks lrw,dfdc,ucf101 --preset paper-15k --data ROOT. Cost, result: not yet measured. Published:
LRW 83.7, DFDC 90.1.
"""

_base_ = "../_base_/paper.py"
pretrain_clips = 15_000
