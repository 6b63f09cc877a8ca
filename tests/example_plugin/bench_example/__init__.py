"""A third-party package for `bench`: an objective and a task."""
