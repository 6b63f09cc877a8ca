"""The comparison on miniatures, tier `base`, on CPU: a backbone that keeps time, 16 frames, 56 px.

Run: bench run --objective glcm,scratch,supervised --tasks lrw,dfdc,ucf101 --preset mini.
Cost, result: see README. Finetuned on the local pathway alone, for every objective: with the global
one (2 to 4 frames here) scratch did worse on mini-LRW (one seed).
"""

_base_ = "../_base_/cpu.py"
tier = "base"
pretrain_tier = "small"
pretrain = dict(epochs=15)
finetune = dict(epochs=16, batch_size=16, lr=2e-3, features="local", val_interval=2)
tasks = dict(
    lrw=dict(finetune=dict(epochs=40, val_interval=4)),
    dfdc=dict(finetune=dict(epochs=10)),
    ucf101=dict(finetune=dict(augment=dict(scale=(0.6, 1.0), jitter=0.2))),
)
