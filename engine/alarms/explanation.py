"""What made an alarm: the beats of its last seconds and the strip they are seen on, added to its reason."""

from __future__ import annotations

import msgspec

from heartwire.engine.alarms.strips import STRIP_S
from heartwire.engine.messages import AlarmEvent, Beat, Finding


class Explainer:
    """Follows the beats of one ECG stream and explains its alarms with them.

    An alarm that begins is given `strip`, the first and last sample of the 10 s up to its decision, `beat_samples`, the
    R peaks on it, and `beat_classes`, a letter each. Confirmed beats count, with their classes as known then.
    """

    def __init__(self) -> None:
        self.rate_hz = 0.0
        self._beats: dict[int, str] = {}

    def note(self, finding: Finding) -> None:
        """Take the next finding; an alarm that begins is explained."""
        if isinstance(finding, Beat):
            if finding.stage != "provisional":
                self._beats[finding.sample] = finding.label
        elif isinstance(finding, AlarmEvent) and finding.change == "on" and self.rate_hz:
            self._explain(finding)

    def _explain(self, event: AlarmEvent) -> None:
        first = max(0, event.decision_sample + 1 - round(STRIP_S * self.rate_hz))
        for sample in [sample for sample in self._beats if sample < first]:
            del self._beats[sample]
        samples = sorted(sample for sample in self._beats if sample <= event.decision_sample)
        event.reason = {
            **event.reason,
            "strip": [first, event.decision_sample],
            "beat_samples": list(samples),
            "beat_classes": "".join(self._beats[sample] for sample in samples),
        }

    def trim(self, sample: int) -> None:
        """Let go of beats that no alarm at or after this sample can rest on."""
        while self._beats and (first := next(iter(self._beats))) < sample - 3 * STRIP_S * self.rate_hz:
            del self._beats[first]

    def snapshot(self) -> bytes:
        """Give the state."""
        return msgspec.msgpack.encode((self.rate_hz, self._beats))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self.rate_hz, self._beats = msgspec.msgpack.decode(state, type=tuple[float, dict[int, str]])
