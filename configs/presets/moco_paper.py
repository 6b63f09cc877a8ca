"""rho-MoCo's own recipe (Feichtenhofer et al., CVPR 2021; released code), pretraining only.

Run: bench run --objective moco --tasks ucf101 --preset moco-paper --data ROOT.

Cost, result: not yet measured. Published: UCF101 94.5 (K400). As released: Slow-R50, four clips of
8 frames every 8th of 30 a second, 224 px, SGD at .1 for 64 videos, 35 epochs of warm-up. Differs:
weight decay reaches batch norm too; colours are jittered in every clip instead of 80 %; no blur;
finetuning is the suite's. Their 65,536 keys suit sets of several times as many videos.
"""

_base_ = "../_base_/paper.py"
video = dict(
    _replace_=True,
    type="resnet3d",
    depth=50,
    inflate=(0, 0, 1, 1),
    conv1_kernel=(1, 7, 7),
)
clip = dict(clip_len=8, seconds=2.1333, size=224)
pretrain = dict(
    epochs=200,
    batch_size=64,
    optimizer="SGD",
    lr=0.1,
    weight_decay=1e-4,
    warmup_steps=0,
    warmup_epochs=35,
    augment=dict(scale=(0.2, 0.766), flip=0.5, jitter=(0.6, 0.6, 0.6, 0.15), grey=0.2),
)
objectives = dict(
    moco=dict(
        clips=4,
        symmetric=True,
        head_layers=3,
        queue=65_536,
        reduction="sum",
        fill_first=True,
    )
)
