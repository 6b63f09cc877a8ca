"""DPC's own recipe (Han et al. 2019; released code, 128 pixels), pretraining only.

Run: bench run --objective dpc --tasks ucf101 --preset dpc-paper --data ROOT.

Cost, result: not yet measured. Published: UCF101 68.2 from Kinetics-400 with their ResNet-18 at 128
pixels. Eight blocks of five frames. Differs: at 10 fps they span 4 s, while theirs, every fifth
native frame, span 6.7 s (-o clip.seconds=6.7); the trunk is like their 2D3D-ResNet18, 2-D in two
stages, but with 512 channels; colours change per clip, not per frame, and grey is luminance, not a
random channel; batch norms do not see past and future together; finetuning is the suite's.
"""

_base_ = "../_base_/paper.py"

video = dict(
    _replace_=True,
    type="resnet3d",
    inflate=(0, 0, 1, 1),
    conv1_kernel=(1, 7, 7),
    temporal_strides=(1, 1, 2, 2),
)
clip = dict(clip_len=40, seconds=4.0, size=128)
pretrain = dict(
    epochs=300,
    batch_size=128,
    optimizer="Adam",
    lr=1e-3,
    weight_decay=1e-5,
    warmup_steps=0,
    schedule="constant",
    augment=dict(scale=(0.5, 1.0), flip=0.5, jitter=(0.5, 0.5, 0.5, 0.25), grey=0.5),
)
objectives = dict(dpc=dict(blocks=8, predict=3))
