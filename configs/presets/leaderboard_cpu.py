"""The leaderboard where no GPU is at hand: 3-D ResNet-18 of 8 channels, 64 px, tier `base`.

Run: bench run --suite leaderboard-cpu --jobs 2 --out results/leaderboard-cpu. Cost, result: see
results/FINDINGS.md. Crops, augmentations, rates and heads as in the preset `mini`; fewer epochs,
bf16 and convolutions laid out channels last. Not tier `small`: from its 20 clips a word scratch
learns nothing that holds for other speakers (mini-LRW 4.0 %, chance 5), which ranks nobody.
"""

_base_ = "../_base_/cpu.py"
tuning = (
    "none of its own: as the preset mini, by hand on scratch and supervised only, by validation "
    "parts; epochs by what two cores carry; tier by test scores of scratch"
)
tier = "base"
pretrain_tier = "small"
precision = "bf16"
channels_last = True
clip = dict(size=64)
pretrain = dict(
    epochs=10, lr=2e-3, crop="speaker", augment=dict(scale=(0.5, 1.0), flip=0.5, grey=0.2)
)
finetune = dict(
    epochs=12,
    batch_size=16,
    lr=1e-3,
    clip_grad=5.0,
    features="local",
    pooling="max",
    val_interval=3,
)
tasks = dict(
    lrw=dict(finetune=dict(lr=1.5e-3, augment=dict(rotate=8.0, zoom=0.15, shift=1))),
    lrs2=dict(finetune=dict(lr=1.5e-3, augment=dict(rotate=8.0, zoom=0.15, shift=1))),
    dfdc=dict(size=72, clip_len=8, dropout=0.1, finetune=dict(epochs=9, augment=dict(jitter=0.2))),
    ucf101=dict(dropout=0.1, finetune=dict(augment=dict(scale=(0.8, 1.0), jitter=0.2))),
    hmdb51=dict(dropout=0.1, finetune=dict(augment=dict(scale=(0.8, 1.0), jitter=0.2))),
)
