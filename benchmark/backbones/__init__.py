"""Architectures behind one interface (`registries.encoder.Encoder`): thin adapters, no training code."""
