"""Temporal order with the four speeds of its predecessor. Needs K-AV in `kav_manifest.csv` form.

Source: Jenni, Black and Collomosse, AAAI 2023, of which the abstract alone was available; 16
frames, speeds 1 to 8, AdamW 3e-4 with cosine decay and weight decay 1e-4 are those of Jenni et al.
2020 ("Video Representation Learning by Recognizing Temporal Transformations", authors' code). Not
known, chosen: everything else; 25 frames a second make a clip of 0.64 to 5.12 s.
Run: bench run --objective temporal_order --tasks ucf101 --preset temporal-order-paper --data ROOT.
Cost, result: not yet measured.
"""

_base_ = "../_base_/paper.py"
clip = dict(clip_len=16, seconds=0.64, size=112)
pretrain = dict(optimizer="AdamW", lr=3e-4, weight_decay=1e-4)
objectives = dict(temporal_order=dict(speeds=(1, 2, 4, 8), part=1.0, density=1.0))
