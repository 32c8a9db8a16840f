"""Tips in space from two X-ray streams as JSON lines: `STEM.biplane.jsonl` of the first, a line a device and pair.

::

    [[sink]]
    kind = "biplane"
    first = "lab-1/xray"
    second = "lab-1/lateral/xray"
    out = "results"
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import msgspec

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import CatheterFix, Message, Projection
from heartwire.engine.sink import OpenSink, Sink
from heartwire.engine.xray.biplane import Biplane
from heartwire.streams.sinks.lines import LineFiles, make_folder


class BiplaneSink(Sink):
    """Writes `BiplaneTip`s into the folder `out`.

    Parameters
    ----------
    first, second
        The two X-ray streams.
    projections
        Where source and detector stand, by stream, for streams whose frames do not say.
    apart_s
        Frames further apart in capture time are no pair.
    """

    wants: ClassVar[tuple[type[Any], ...]] = (CatheterFix,)

    out: str
    first: str
    second: str
    projections: dict[str, Projection] = msgspec.field(default_factory=dict)
    apart_s: float = 0.02

    def __post_init__(self) -> None:
        if self.first == self.second:
            msg = f"sink biplane needs two streams, not {self.first!r} twice"
            raise ConfigError(msg)
        if not 0.0 <= self.apart_s < math.inf:
            msg = f"sink biplane: apart_s must be 0 or more, not {self.apart_s:g}"
            raise ConfigError(msg)

    def open(self) -> OpenSink:
        """Start writing."""
        biplane = Biplane(self.first, self.second, self.projections, self.apart_s)
        return _Tips(LineFiles(make_folder(self.out), "biplane.jsonl"), biplane, self.first)


class _Tips:
    def __init__(self, files: LineFiles, biplane: Biplane, stream: str) -> None:
        self._files = files
        self._biplane = biplane
        files.begin(stream)

    def write(self, message: Message) -> None:
        if isinstance(message, CatheterFix):
            for tip in self._biplane.take(message):
                self._files.write(tip.stream, tip)

    def close(self) -> None:
        self._files.close()
