"""CrissCross's own recipe (Sarkar and Etemad, AAAI 2023; released code), pretraining only.

Run: bench run --objective crisscross --tasks ucf101 --preset crisscross-paper --data ROOT.

Cost, result: not yet measured. As released: R(2+1)D-18, 8 frames in 0.5 s at 112 px, 2 s of sound,
batch 2048 over all processes, Adam under LARC, predictors at a constant rate. Differs: 1-D audio
ResNet-18 instead of 2-D; sound is not augmented; no blur, no cut-out; finetuning is the suite's.
"""

_base_ = "../_base_/paper.py"

video = dict(type="r2plus1d_18_avid", grid_stride=None)
clip = dict(clip_len=8, seconds=0.5, size=112)
pretrain = dict(
    epochs=100,
    clips_per_video=5,
    batch_size=2048,
    optimizer="Adam",
    lr=2e-4,
    final_lr=1e-4,
    warmup_steps=0,
    warmup_epochs=2,
    warmup_lr=0.0,
    weight_decay=1e-4,
    larc=1e-3,
    lr_scale=dict(predictors=10.0),
    constant_lr=("predictors",),
    augment=dict(scale=(0.08, 1.0), flip=0.5, jitter=(0.4, 0.4, 0.4, 0.2), grey=0.2),
)
objectives = dict(
    crisscross=dict(relaxation="mild", audio_seconds=2.0, audio_steps=200, strict_sync=False)
)
