"""The harness: pretrains objectives, evaluates encoders on tasks, keeps records, prints tables."""

__version__ = "0.1.0"
