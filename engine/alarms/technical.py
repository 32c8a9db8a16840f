"""The technical alarms that the engine raises about its streams: all of a run on one clock, kept by the supervisor.

The processor of a stream tells of lead off, noise and gaps itself. That a stream is stale, a model missing, a processor
failed, a clock jumped or the load too high is known to its worker; that a worker, a source, the sinks, the dashboard or
the journal are gone, to the supervisor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from heartwire.engine.alarms.inactivation import AlarmTimes
from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.messages import AlarmCommand, AlarmEvent, AlarmInactivation, Reason

OF_WORKERS = frozenset({"STALE", "MODEL", "PROCESSOR", "OVERLOAD", "CLOCK"})
"""What the worker of a stream finds."""
OF_ENGINE = OF_WORKERS | {"SOURCE_LOST", "WORKER_LOST", "SINK_LOST", "DASHBOARD_LOST", "JOURNAL_LOST"}
"""What is found about a stream, not in its signal."""


class Technical(msgspec.Struct):
    """A technical condition as it was found: whether it holds, and the last sample (or frame) known then."""

    stream: str
    condition: str
    holds: bool
    sample: int
    rate_hz: float = 0.0
    reason: Reason = {}


class EngineAlarms:
    """The technical alarms of the streams of a run, each begun and ended once.

    Parameters
    ----------
    streams
        The ids of the streams.
    times
        The times of the alarm system.
    now_s
        The time on the engine's clock.
    """

    def __init__(self, streams: Iterable[str], times: AlarmTimes, now_s: float) -> None:
        self._boards = {stream: AlarmBoard(stream, "engine", times=times) for stream in streams}
        self._samples = dict.fromkeys(self._boards, 0)
        self.advance(now_s)

    def take(self, found: Technical) -> list[AlarmEvent]:
        """Take what was found of one condition; give the change that it brings."""
        self._samples[found.stream] = max(self._samples[found.stream], found.sample)
        board = self._boards[found.stream]
        if found.holds:
            return list(board.begin(found.condition, found.sample, found.sample, found.rate_hz, found.reason))
        return list(board.end(found.condition, found.sample, found.rate_hz, found.reason))

    def agree(self, streams: Iterable[str], holding: Sequence[Technical]) -> list[AlarmEvent]:
        """Bring the conditions of a worker's streams to what it says holds: a change told before may have been lost."""
        events = [event for found in holding for event in self.take(found)]
        hold = {(found.stream, found.condition) for found in holding}
        for stream in streams:
            for code in self._boards[stream].active():
                if code in OF_WORKERS and (stream, code) not in hold:
                    events += self.lost(code, [stream], holds=False, reason={"rule": "its worker says so"})
        return events

    def lost(self, code: str, streams: Iterable[str], *, holds: bool, reason: Reason) -> list[AlarmEvent]:
        """Begin or end one condition for several streams."""
        found = (Technical(stream, code, holds, self._samples[stream], 0.0, reason) for stream in streams)
        return [event for one in found for event in self.take(one)]

    def advance(self, now_s: float) -> list[AlarmEvent | AlarmInactivation]:
        """Let time pass on the engine's clock, s."""
        return [
            event for stream, board in self._boards.items() for event in board.advance(self._samples[stream], now_s)
        ]

    def command(self, command: AlarmCommand) -> list[AlarmEvent | AlarmInactivation]:
        """Carry out a command.

        Raises
        ------
        CommandRefused
            If it is not valid here and now.
        """
        return self._boards[command.stream].command(command)

    def stand(self, stream: str, events: Sequence[AlarmEvent]) -> list[AlarmEvent]:
        """Take back what stood before a restart."""
        return self._boards[stream].stand(events)

    def active(self, stream: str) -> list[str]:
        """Give the codes of the conditions that hold now."""
        return self._boards[stream].active()
