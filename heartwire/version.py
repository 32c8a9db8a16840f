"""The version of heartwire."""

__version__ = "0.1.0"
