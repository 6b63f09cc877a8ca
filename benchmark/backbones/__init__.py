"""Architectures behind one interface (`registries.encoder.Encoder`): adapters, no training."""
