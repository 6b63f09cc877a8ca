"""CPC for video as nearly as there is one: DPC's sample, CPC's optimiser.

Source: van den Oord et al. 2018 has no video; Adam 2e-4 and the bias-free linear maps from
facebookresearch/CPC_audio. Run: bench run --objective cpc --tasks ucf101 --preset cpc-paper --data
ROOT. Cost, result: not yet measured. Eight blocks of five frames at 10 fps. Chosen: backbone,
epochs, batch, augmentation.
"""

_base_ = "../_base_/paper.py"

clip = dict(clip_len=40, seconds=4.0, size=112)
pretrain = dict(
    optimizer="Adam",
    lr=2e-4,
    warmup_steps=0,
    schedule="constant",
    augment=dict(scale=(0.5, 1.0), flip=0.5, jitter=(0.5, 0.5, 0.5, 0.25), grey=0.5),
)
objectives = dict(cpc=dict(blocks=8, predict=3))
