"""What objectives are made of: losses as pure functions, and small modules."""
