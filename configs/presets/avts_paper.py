"""AVTS as its authors trained it, as far as known: MC3-18, clips of 25 frames and 1 s, 224 pixels.

Source: Korbar et al. 2018, from memory: 90 epochs, hard negatives after 50. Not known, chosen: SGD
and its rate. Not in the schema: the VGG over 40 bands; the audio trunk is GLCM's. Run: bench run
--objective avts --tasks ucf101 --preset avts-paper --data ROOT. Cost, result: not yet measured.
"""

_base_ = "../_base_/paper.py"
video = dict(type="mc3_18", grid_stride=None)
clip = dict(clip_len=25, seconds=1.0, size=224)
pretrain = dict(epochs=90, optimizer="SGD", lr=0.01, weight_decay=1e-4)
objectives = dict(avts=dict(gap=0.5, switch=0.5556, hard=0.25, easy="apart"))
