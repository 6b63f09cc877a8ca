"""Where a run is done: here, in several processes a model, by SLURM, on a Ray cluster."""
