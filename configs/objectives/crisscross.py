"""CrissCross. Source: Sarkar and Etemad, AAAI 2023 (arXiv 2111.05329), and its released code.

Run: bench run --objective crisscross --tasks lrw,dfdc,ucf101.

Cost, result: not yet measured. Matched setting: sound and picture span the same seconds. A video
must last 1.5 spans ("mild"); longer for "medium" and "extreme" (2).
"""

relaxation = "mild"
families = ("intra", "sync", "async")
dim = 2048
hidden = 2048
bottleneck = 512
