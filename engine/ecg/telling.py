"""From R peaks to the beats that are told: provisional, confirmed with a class, and revised at the next R."""

from __future__ import annotations

import msgspec

from heartwire.engine.ecg.beat_class import BeatClassifier, Verdict
from heartwire.engine.ecg.qrs import RPeak
from heartwire.engine.ecg.rate import LONGEST_INTERVAL_S
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.inference import Model
from heartwire.engine.messages import Beat, BeatClass, BeatStage, FloatArray
from heartwire.engine.stacking import Asking

_NOT_CLASSED: BeatClass = "Q"


class _Last(msgspec.Struct):
    """The last confirmed beat: where it was told, with which class, and how sure it is that there is a beat."""

    sample: int
    label: BeatClass
    confidence: float


class _State(msgspec.Struct):
    last: _Last | None
    classifier: bytes


class BeatTeller:
    """Tells the beats of one stream.

    Parameters
    ----------
    stream
        The stream's id.
    model
        The beat model; one may serve many streams of the same thread.
    signal
        The two leads analysed, and how sharply the source stands out in each.
    """

    def __init__(self, stream: str, model: Model, signal: Tail) -> None:
        self._stream = stream
        self._classifier = BeatClassifier(model, signal)
        self._last: _Last | None = None

    @property
    def wave(self) -> FloatArray:
        """The last beat as the beat network saw it (`beat_context`): good until the next one."""
        return self._classifier.wave

    def reset(self) -> None:
        """Return to the state of a fresh teller."""
        self._classifier.reset()
        self._last = None

    def interrupt(self) -> None:
        """Take note that samples are missing: the interval to the next beat tells nothing of the last one."""
        self._last = None

    def provisional(self, peak: RPeak, sample: int, decision_sample: int) -> Beat:
        """Tell a beat that nothing is known of but that it seems to be there."""
        return Beat(
            stream=self._stream,
            sample=sample,
            decision_sample=decision_sample,
            label=_NOT_CLASSED,
            confidence=round(peak.confidence, 4),
            stage="provisional",
        )

    def confirmed(self, peak: RPeak, sample: int, decision_sample: int, rate_hz: float) -> Asking[list[Beat]]:
        """Tell a beat with its class; before it the one before, where its class is another one now."""
        verdict, of_last = yield from self._classifier.asking(peak.seen_at, peak.decided_at + 1)
        last = self._last
        told = []
        if last and of_last and of_last.label != last.label and sample - last.sample <= LONGEST_INTERVAL_S * rate_hz:
            told.append(self._beat("revised", last.sample, decision_sample, of_last, last.confidence))
        self._last = _Last(sample, verdict.label, peak.confidence)
        told.append(self._beat("confirmed", sample, decision_sample, verdict, peak.confidence))
        return told

    def _beat(self, stage: BeatStage, sample: int, decision_sample: int, verdict: Verdict, confidence: float) -> Beat:
        return Beat(
            stream=self._stream,
            sample=sample,
            decision_sample=decision_sample,
            label=verdict.label,
            confidence=round(confidence * verdict.confidence, 4),
            stage=stage,
        )

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(_State(self._last, self._classifier.snapshot()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._last = s.last
        self._classifier.restore(s.classifier)
