"""Packs: clips at training resolution in a few large files, read instead of the media files."""
