"""Everything between a file on disk and a batch on the training device."""
