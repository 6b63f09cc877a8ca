"""GLCM. Source: Ma et al., ICLR 2021 submission.

Run: bench run --objective glcm --tasks lrw,dfdc,ucf101.

Cost and expected number: see the preset. Raw dot product and symmetric denominator, as in the
paper's equations.
"""

denominator = "symmetric"
normalize = False
every = 4
