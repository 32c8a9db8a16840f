"""The time of a stream's frames, from their numbers and their rate."""

from __future__ import annotations

import msgspec

from heartwire.engine.messages import XrayFrame

DEFAULT_RATE_HZ = 15.0


class FrameClock(msgspec.Struct):
    """Time from the start of a stream; it goes on where the rate changes, as pulse rates do during a procedure."""

    rate_hz: float = 0.0
    offset_s: float = 0.0
    last_frame: int = 0

    def at_s(self, frame: XrayFrame) -> float:
        """Give the time of the next frame."""
        rate_hz = frame.rate_hz or DEFAULT_RATE_HZ
        if self.rate_hz and rate_hz != self.rate_hz:
            self.offset_s += self.last_frame / self.rate_hz - self.last_frame / rate_hz
        self.rate_hz, self.last_frame = rate_hz, frame.frame
        return self.offset_s + frame.frame / rate_hz
