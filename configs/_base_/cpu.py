"""A backbone small enough for two CPU cores, and the recipe both CPU presets share.

resnet3d: depth 18, 8 base channels, 3-D kernels in the last two stages only, every frame kept.
"""

pretrain_data = "mini-kav"
video = dict(
    type="resnet3d",
    base_channels=8,
    inflate=(0, 0, 1, 1),
    conv1_kernel=(3, 5, 5),
    temporal_stride=1,
    grid_stride=16,
)
audio = dict(type="resnet1d_18", width=16)
clip = dict(clip_len=16, seconds=1.6, size=56)
precision = "fp32"
frame_cache = True
pretrain = dict(
    epochs=10,
    batch_size=32,
    lr=1e-3,
    weight_decay=1e-4,
    warmup_epochs=1,
    clip_grad=5.0,
    augment=dict(scale=(0.3, 1.0), flip=0.5, grey=0.2),
)
finetune = dict(
    epochs=20,
    batch_size=32,
    lr=1e-3,
    weight_decay=0.02,
    warmup_epochs=1,
    test_clips=1,
)
objectives = dict(
    glcm=dict(normalize=True, temperature=0.07),
    moco=dict(queue=512, momentum=0.99, drop_own=True),  # 1,500 clips: a queue well below
    cpc=dict(blocks=4, predict=2, score="cosine"),
    dpc=dict(blocks=4, predict=2, score="cosine"),
    infomax=dict(dim=128, together=False),
    crisscross=dict(dim=256, hidden=256, bottleneck=64),
    avts=dict(gap=-0.8),  # starts at least 0.8 s apart: two spans of 1.6 s fit no video of 3.2 s
    temporal_order=dict(queue=1024, negatives=256),
)
tasks = dict(
    lrw=dict(size=36, lip_frac=0.5, fps=10, width=128, hidden=64, layers=1),
    lrs2=dict(size=36, lip_frac=0.5, fps=10, width=128, hidden=64, layers=1),
    dfdc=dict(clip_len=32, seconds=3.2),
    ucf101=dict(clip_len=8, fps=2.5, folds=(1,)),
    hmdb51=dict(clip_len=8, fps=2.5, folds=(1,)),
    esc50=dict(probe=dict(clips=2)),
    dcase=dict(probe=dict(clips=5)),
    kinetics_sound=dict(clip_len=16, fps=5.0, inputs=("a", "v", "av")),
    fingerprint=dict(clip_len=16, fps=5.0, inputs=("v", "a", "av")),
    localise=dict(size=96, clip_len=16, seconds=1.6),  # zoomed in as training crops are
    grid_words=dict(size=36, width=128, hidden=64, layers=1),
)
