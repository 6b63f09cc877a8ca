"""GLCM's full recipe: 240,000 clips of K-AV. Needs K-AV in `kav_manifest.csv` form.

Source: Ma et al., ICLR 2021 submission, sec. 4, Tables 1 to 3. Run: bench run --objective glcm
--tasks lrw,dfdc,ucf101 --preset paper-240k --data ROOT. Cost, result: not yet measured. Published:
LRW 88.9, UCF101 91.2.
"""

_base_ = "../_base_/paper.py"
pretrain_clips = 240_000
