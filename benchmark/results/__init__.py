"""Records of finished and failed cells: schema, keys, storage, saved predictions, verification."""
