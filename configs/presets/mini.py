"""The comparison on miniatures, tier `base`, on CPU: a backbone that keeps time, 16 frames, 56 px.

Run: bench run --objective glcm,scratch,supervised --tasks lrw,dfdc,ucf101 --preset mini. Result:
see README.
"""

_base_ = "../_base_/cpu.py"
tier = "base"
pretrain_tier = "small"
