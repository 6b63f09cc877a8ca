"""The leaderboard on two CPU cores: a smaller backbone, fewer epochs, three seeds.

Run: bench run --suite leaderboard-cpu --jobs 2 --out results/leaderboard-cpu

Objectives, anchors and hypotheses as in the suite `leaderboard`, written down before anything was
run; the rate of pretraining is chosen on 3 epochs and tier `small`.
"""

_base_ = "leaderboard.py"
preset = "leaderboard-cpu"
sweep = dict(overrides=("tier=small", "pretrain.epochs=3"))
blocks = dict(
    core=dict(seeds=3),
    glcm=dict(tasks=("lrw", "dfdc", "ucf101")),
    size=dict(
        variants={
            "3,000 clips": ("pretrain_tier=base", "pretrain_clips=3000", "pretrain.epochs=5"),
            "6,000 clips": ("pretrain_tier=base", "pretrain.epochs=2"),
        }
    ),
)
