"""Temporal order under equal conditions. Source: Jenni, Black and Collomosse, AAAI 2023.

Run: bench run --objective temporal_order --tasks lrw,dfdc,ucf101. Cost, result: not yet measured.
Clips of a quarter of the standard seconds at twice its frame rate, two speeds, both directions.
"""

speeds = (1, 2)
reverse = 0.5
part = 0.25
density = 2.0
orders = ("vv", "aa", "va")
contrasts = ("vv", "va")
queue = 16384
negatives = 1024
