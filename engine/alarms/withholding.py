"""Between the rules and the board: a high-priority alarm that the pulse speaks against is withheld.

While one is, `WITHHELD` (technical, low) says which and how likely it is true. The verdict is asked again at every hop
as long as the rule holds, so an alarm that turns out true is late, not lost.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.alarms.verification import KINDS, Verifier
from heartwire.engine.ecg.evidence import Evidence
from heartwire.engine.ecg.step import Step
from heartwire.engine.messages import AlarmEvent, Reason

_REPEATED_WITHIN_S = 4.0
_ONCE = ("ASYSTOLE", "VF", "VT")
"""Their rules speak once, at the begin and at the end; the others at every beat beyond the limit."""


class _Withheld(msgspec.Struct):
    """An alarm withheld: where its condition began, its reason, and the last sample at which the rule spoke."""

    onset_sample: int
    reason: Reason
    spoken_at: int


class Withholding:
    """Asks the verdict before alarms of one stream begin.

    Parameters
    ----------
    board
        The conditions of the stream.
    verifier
        The verdict; None: nothing is withheld.
    """

    def __init__(self, board: AlarmBoard, verifier: Verifier | None) -> None:
        self._board = board
        self._verifier = verifier
        self._evidence = Evidence()
        self._withheld: dict[str, _Withheld] = {}

    def concerns(self, step: Step) -> bool:
        """Tell whether anything is to be learned from a step: without a pulse nothing is ever asked."""
        return self._verifier is not None and (bool(step.pulses) or self._evidence.any_pulse)

    def step(self, step: Step) -> Iterator[AlarmEvent]:
        """Take what the analyser's next step says; give alarms that are withheld no longer."""
        self._evidence.step(step)
        if step.missing is not None:
            yield from self._drop(list(self._withheld), step)
        if step.hop is None:
            return
        for code, kept in list(self._withheld.items()):
            if code in _ONCE:
                yield from self.begin(code, kept.onset_sample, step, kept.reason)
            elif step.sample - kept.spoken_at > _REPEATED_WITHIN_S * step.rate_hz:
                yield from self._drop([code], step)

    def begin(self, code: str, onset_sample: int, step: Step, reason: Reason) -> Iterator[AlarmEvent]:
        """Begin a condition on the board, unless the verdict holds it false."""
        asked = code in KINDS and self._evidence.enough_pulses and not self._given_anyway(code)
        if asked and self._verifier is not None:
            truth = self._verifier.truth(code, self._evidence.features(step.sample / step.rate_hz))
            reason = {**reason, "truth": round(truth, 3)}
            if truth < self._verifier.least:
                if self._withheld and code not in self._withheld:
                    # So that each is told with its own reason.
                    another: Reason = {"rule": "another alarm is withheld too"}
                    yield from self._board.end("WITHHELD", step.sample, step.rate_hz, another)
                self._withheld[code] = _Withheld(onset_sample, reason, step.sample)
                why: Reason = {"rule": "held false by pulse and signal", "condition": code, "truth": round(truth, 3)}
                yield from self._board.begin("WITHHELD", onset_sample, step.sample, step.rate_hz, why)
                return
            yield from self._drop([code], step)
        yield from self._board.begin(code, onset_sample, step.sample, step.rate_hz, reason)

    def end(self, code: str, step: Step, reason: Reason) -> Iterator[AlarmEvent]:
        """End a condition, on the board or withheld."""
        yield from self._drop([code], step)
        yield from self._board.end(code, step.sample, step.rate_hz, reason)

    def end_all(self, step: Step, reason: Reason) -> Iterator[AlarmEvent]:
        """End every physiological condition, on the board or withheld."""
        yield from self._drop(list(self._withheld), step)
        for code in self._board.active():
            if CONDITIONS[code].kind == "physiological":
                yield from self._board.end(code, step.sample, step.rate_hz, reason)

    def _given_anyway(self, code: str) -> bool:
        """Tell whether a condition is on already, or another that is on says more."""
        return any(code == other or code in CONDITIONS[other].covers for other in self._board.active())

    def _drop(self, codes: list[str], step: Step) -> Iterator[AlarmEvent]:
        dropped = [self._withheld.pop(code) for code in codes if code in self._withheld]
        if dropped and not self._withheld:
            yield from self._board.end("WITHHELD", step.sample, step.rate_hz, {"rule": "nothing withheld any more"})

    def reset(self) -> None:
        """Forget everything."""
        self._evidence.reset()
        self._withheld.clear()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self._evidence.snapshot(), self._withheld))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        evidence, self._withheld = msgspec.msgpack.decode(state, type=tuple[bytes, dict[str, _Withheld]])
        self._evidence.restore(evidence)
