"""Generated stand-ins for the datasets, in the owners' layouts, with known ground truth."""
