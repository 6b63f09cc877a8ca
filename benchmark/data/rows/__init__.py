"""The rows of a manifest: their columns, what is refused in them, their hashes, their two files."""
