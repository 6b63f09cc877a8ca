"""The leaderboard on miniatures, tier `base`: 3-D ResNet-18 of 16 channels, 16 frames, 64 px.

Run: bench run --suite leaderboard --jobs 12 --out results/leaderboard. Cost, result: see README
and results/FINDINGS.md: one seed of the core block is some eight minutes of an H100. Epochs, crops,
augmentations and heads as in the preset `mini`, but 30 epochs of lip reading; batch 32, the rates
of finetuning risen by the square root of two.
"""

_base_ = "../_base_/cpu.py"
tuning = (
    "by hand for the preset mini, on scratch and supervised only, by validation parts; the rate of "
    "pretraining is the same for all, but where a suite's sweep has set it"
)
tier = "base"
pretrain_tier = "small"
precision = "auto"
workers = 1
video = dict(base_channels=16)
audio = dict(width=32)
clip = dict(size=64)
pretrain = dict(
    epochs=30, lr=2e-3, crop="speaker", augment=dict(scale=(0.5, 1.0), flip=0.5, grey=0.2)
)
finetune = dict(
    epochs=24,
    batch_size=32,
    lr=1.4e-3,
    clip_grad=5.0,
    features="local",
    pooling="max",
    val_interval=2,
)
tasks = dict(
    lrw=dict(finetune=dict(epochs=30, lr=2.1e-3, augment=dict(rotate=8.0, zoom=0.15, shift=1))),
    lrs2=dict(finetune=dict(epochs=30, lr=2.1e-3, augment=dict(rotate=8.0, zoom=0.15, shift=1))),
    dfdc=dict(size=72, clip_len=8, dropout=0.1, finetune=dict(augment=dict(jitter=0.2))),
    ucf101=dict(dropout=0.1, finetune=dict(augment=dict(scale=(0.8, 1.0), jitter=0.2))),
)
