"""Output layers of tasks: small, the same for every objective."""
