"""Real media on two CPU cores: letters and words of one GRID speaker, ESC-10, UCF101.

Run: bench run --suite leaderboard-real --jobs 2 --out results/leaderboard-real
  --data grid=GRID_ROOT --data grid_words=GRID_ROOT
  --data esc50=ESC50_ROOT --data ucf101=UCF101_ROOT

Pretrained on the clips of that GRID speaker with their sound, as many steps as the suite
`leaderboard-cpu`; no sweep. Clips of 1.4 s, not 1.6: a video of GRID is 3 s long and InfoMax takes
two clips of it. One seed: folds of sentences and of recordings are what varies.
"""

_base_ = "leaderboard.py"
preset = "leaderboard-cpu"
anchors = ("scratch", "random")
sweep = None
blocks = dict(
    _replace_=True,
    letters=dict(
        tasks=("grid_words",),
        protocol="linear",
        overrides=("pretrain_data=grid", "pretrain.epochs=15", "clip.seconds=1.4"),
    ),
    words=dict(
        tasks=("grid_words",),
        protocol="linear",
        overrides=(
            "pretrain_data=grid",
            "pretrain.epochs=15",
            "clip.seconds=1.4",
            "tasks.grid_words.slots=all",
        ),
    ),
    sound=dict(
        tasks=("esc10",), overrides=("pretrain_data=grid", "pretrain.epochs=15", "clip.seconds=1.4")
    ),
    action=dict(
        tasks=("ucf101",),
        overrides=("pretrain_data=grid", "pretrain.epochs=15", "clip.seconds=1.4"),
    ),
)
hypotheses = dict(_replace_=True)
