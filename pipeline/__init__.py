"""Lineup's stages: plain Python that knows nothing of schedulers or of version control."""

__version__ = "0.1.0"
