"""heartwire: real-time streaming analysis of ECG and interventional X-ray."""

from heartwire.version import __version__

__all__ = ["__version__"]
