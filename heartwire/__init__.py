"""heartwire: real-time streaming analysis of ECG and interventional X-ray.

The names here are public; more live in `heartwire.engine`, `heartwire.models`, `heartwire.streams` and
`heartwire.benchmarks`.
"""

from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.config import Config, read_config
from heartwire.engine.errors import ConfigError, HeartwireError, InputError, MalformedMessage, ModelError, SourceError
from heartwire.engine.messages import (
    AlarmEvent,
    Beat,
    CatheterFix,
    EcgChunk,
    EndOfStream,
    Gap,
    HeartRate,
    Overlay,
    Rhythm,
    SignalQuality,
    XrayFrame,
)
from heartwire.engine.processor import Processor
from heartwire.engine.sink import Sink
from heartwire.engine.source import Source
from heartwire.version import __version__

__all__ = [
    "AlarmEvent",
    "Beat",
    "CatheterFix",
    "Config",
    "ConfigError",
    "EcgChunk",
    "EndOfStream",
    "Gap",
    "HeartRate",
    "HeartwireError",
    "InputError",
    "MalformedMessage",
    "ModelError",
    "Overlay",
    "Processor",
    "Publisher",
    "Rhythm",
    "SignalQuality",
    "Sink",
    "Source",
    "SourceError",
    "Subscriber",
    "XrayFrame",
    "__version__",
    "read_config",
]
