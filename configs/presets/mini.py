"""The comparison on miniatures, tier `base`, on CPU: a backbone that keeps time, 16 frames, 56 px.

Run: bench run --objective glcm,scratch,supervised --tasks lrw,dfdc,ucf101 --preset mini. Result:
see README.
"""

_base_ = "../_base_/cpu.py"
tier = "base"
pretrain_tier = "small"
pretrain = dict(epochs=20)
finetune = dict(epochs=20, batch_size=16, lr=2e-3)
tasks = dict(
    lrw=dict(finetune=dict(epochs=30, val_interval=2)),
    ucf101=dict(finetune=dict(augment=dict(scale=(0.6, 1.0), jitter=0.2))),
)
