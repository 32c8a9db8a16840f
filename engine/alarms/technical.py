"""Technical alarms of a stream, raised by whoever hosts its processor.

The processor itself tells of lead off, noise and gaps; that the stream is stale, a model missing, the processor failed,
the clock jumped or the load too high is known outside it.
"""

from __future__ import annotations

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.messages import AlarmEvent, Reason


class TechnicalAlarms:
    """Makes and ends the technical alarms of one stream, each once.

    Parameters
    ----------
    stream
        The stream they belong to.

    Examples
    --------
    >>> alarms = TechnicalAlarms("bed-1/ecg")
    >>> [event.change for event in alarms.begin("STALE", sample=2500, rate_hz=250.0, reason={"silent_s": 3.0})]
    ['on']
    >>> [event.change for event in alarms.begin("STALE", sample=2500, rate_hz=250.0)]
    []
    >>> [event.change for event in alarms.end("STALE", sample=2600, rate_hz=250.0)]
    ['off']
    """

    def __init__(self, stream: str) -> None:
        self._board = AlarmBoard(stream)

    def begin(
        self,
        code: str,
        *,
        sample: int,
        rate_hz: float = 0.0,
        onset_sample: int | None = None,
        reason: Reason | None = None,
    ) -> list[AlarmEvent]:
        """Give the event that begins a condition; none where it is on already.

        Parameters
        ----------
        code
            A technical condition's code.
        sample
            The last sample (or frame) known when it was decided.
        rate_hz
            Samples (or frames) a second, 0 where unknown.
        onset_sample
            Where it began; None: at `sample`.
        reason
            The rule and the values that decided.

        Raises
        ------
        ValueError
            If the code is not that of a technical condition.
        """
        if code not in CONDITIONS or CONDITIONS[code].kind != "technical":
            msg = f"{code!r} is no technical condition"
            raise ValueError(msg)
        onset = sample if onset_sample is None else onset_sample
        return list(self._board.begin(code, onset, sample, rate_hz, reason or {}))

    def end(self, code: str, *, sample: int, rate_hz: float = 0.0, reason: Reason | None = None) -> list[AlarmEvent]:
        """Give the event that ends a condition; none where it is not on."""
        return list(self._board.end(code, sample, rate_hz, reason or {}))

    def active(self) -> list[str]:
        """Give the codes of the conditions that hold now."""
        return self._board.active()

    def snapshot(self) -> bytes:
        """Give the state of every condition."""
        return self._board.snapshot()

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self._board.restore(state)
