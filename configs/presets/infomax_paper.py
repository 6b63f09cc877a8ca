"""VDIM's own recipe as far as it is known. Needs K-AV in `kav_manifest.csv` form.

Source: Hjelm and Bachman 2020 (public notes: 32 frames, downsampling by 2, jitter and grey; 128
pixels from memory); Adam 2e-4 with 500 warm-up steps and weight decay 1e-5 from AMDIM's code, whose
betas (0.8, 0.999) the schema does not hold. Backbone: R(2+1)D-18 in place of their trunk, two last
stages in place of layers 5, 6 and 9. Not known, chosen: epochs, clip seconds.
Run: bench run --objective infomax --tasks ucf101 --preset infomax-paper --data ROOT. Cost, result:
not yet measured.
"""

_base_ = "../_base_/paper.py"
video = dict(type="r2plus1d_18")
clip = dict(clip_len=32, seconds=3.2, size=128)
pretrain = dict(
    lr=2e-4,
    weight_decay=1e-5,
    warmup_steps=500,
    augment=dict(scale=(0.3, 1.0), flip=0.5, grey=0.25, jitter=0.4),
)
objectives = dict(infomax=dict(dim=1024, speeds=((1, 2), (1, 2))))
