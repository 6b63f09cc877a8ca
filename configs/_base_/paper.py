"""GLCM's own recipe (Ma et al., ICLR 2021 submission, sec. 4), shared by the paper presets.

Stated there: 3D-ResNet18 twice, 1D-ResNet18, 10 fps, 112 x 112, 32 frames, log-mel 80, Adam 1e-3
after 500 warm-up steps, batch 32, crop / flip / grey / temporal jitter. Not stated, chosen: 30
epochs, cosine decay, and all of the finetuning (chosen).
"""

tier = "base"
pretrain_data = "kav"
video = dict(type="r3d_18", temporal_stride=None, grid_stride=16)
audio = dict(type="resnet1d_18")
clip = dict(clip_len=32, seconds=3.2, size=112)
precision = "auto"
workers = 8
pretrain = dict(
    epochs=30,
    batch_size=32,
    optimizer="Adam",
    lr=1e-3,
    warmup_steps=500,
    augment=dict(scale=(0.2, 1.0), flip=0.5, grey=0.2),
)
finetune = dict(
    epochs=20,
    batch_size=32,
    lr=1e-3,
    encoder_lr_scale=0.1,
    weight_decay=0.02,
    warmup_epochs=1,
    clips_per_video=5,
    test_clips=10,
)
tasks = dict(lrw=dict(finetune=dict(batch_size=64, clips_per_video=1, test_clips=1)))
