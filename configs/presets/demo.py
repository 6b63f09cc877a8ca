"""Everything from the first line to the last on generated clips, in minutes.

Its scores mean nothing.

Run: bench run --objective glcm --tasks lrw,dfdc,ucf101. Cost: see README. Tier `ci`: a few clips a
class.
"""

_base_ = "../_base_/cpu.py"
tier = "ci"
pretrain = dict(epochs=4, batch_size=16)
finetune = dict(epochs=6, batch_size=16)
tasks = dict(esc50=dict(folds=(1,)), esc10=dict(folds=(1,)))
