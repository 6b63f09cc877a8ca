"""Pretext objectives, one file each; the file's name is the objective's name."""
