"""AVSlowFast 8 x 8, R50, as in the authors' code, which trains with labels: 32 frames in 2.13 s.

Source: Xiao et al. 2020 and their code: SGD 0.1, cosine, 196 epochs, 34 of warm-up, batch 32, wd
1e-4. Not in the suite: lateral connections, the factorised 2-D audio trunk, labels. Run: bench run
--objective avslowfast --tasks ucf101 --preset avslowfast-paper --data ROOT. Cost, result: not yet
measured.
"""

_base_ = "../_base_/paper.py"
video = dict(
    type="resnet3d", depth=50, conv1_kernel=(1, 7, 7), inflate=(0, 0, 1, 1), grid_stride=None
)
audio = dict(width=32)
clip = dict(clip_len=32, seconds=2.1333, size=224)
pretrain = dict(
    epochs=196,
    batch_size=32,
    optimizer="SGD",
    lr=0.1,
    weight_decay=1e-4,
    warmup_steps=0,
    warmup_epochs=34,
)
objectives = dict(
    avslowfast=dict(
        switch=0.4898,
        easy="apart",
        fast_video=dict(base_channels=8, conv1_kernel=(5, 7, 7), inflate=(1, 1, 1, 1)),
    )
)
