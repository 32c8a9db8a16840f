"""Which signals are given for the alarms of a stream: pauses with their time, off with its reminder."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from heartwire.engine.alarms.states import OFF, PAUSED, SILENT, InactivationInput, inactivation_after
from heartwire.engine.errors import CommandRefused
from heartwire.engine.messages import AlarmInactive

_FOREVER_S = float("inf")


class AlarmTimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The times of the alarm system, seconds."""

    escalate_after_s: float = 120.0
    """How long a condition that escalates is left unacknowledged before its priority is raised."""
    audio_pause_s: float = 120.0
    """How long the sound is paused where the command does not say."""
    alarm_pause_s: float = 120.0
    """The same for all signals."""
    longest_pause_s: float = 600.0
    """A longer pause is refused."""
    remind_after_s: float = 180.0
    """How often a signal that is off is reminded of."""
    confirm_within_s: float = 30.0
    """How long a condition that held before a restart is believed without being found again."""


class _Inactive(msgspec.Struct):
    """One inactivation and when it is due: to end, where it is a pause; to be reminded of, where it is off."""

    state: AlarmInactive
    due_s: float


class Inactivations:
    """The inactivations of one alarm board, by condition; "" is all of them.

    Parameters
    ----------
    times
        The times of the alarm system.
    """

    def __init__(self, times: AlarmTimes) -> None:
        self.times = times
        self._inactive: dict[str, _Inactive] = {}

    def state(self, condition: str) -> AlarmInactive:
        """Give the inactivation of a condition alone, or of all ("")."""
        return self._inactive[condition].state if condition in self._inactive else "enabled"

    def of(self, condition: str) -> AlarmInactive:
        """Give the inactivation that holds for a condition: its own or that of all, whichever silences more."""
        own, all_ = self.state(condition), self.state("")
        return own if own in SILENT or all_ == "enabled" else all_

    @property
    def due_s(self) -> float:
        """When the next pause ends or the next reminder is due."""
        return min((inactive.due_s for inactive in self._inactive.values()), default=_FOREVER_S)

    def take(self, condition: str, happens: InactivationInput, lasts_s: float, now_s: float) -> float:
        """Carry out a command; give how long its pause lasts, 0 where it has no end.

        Raises
        ------
        CommandRefused
            If it is not valid in this state, or the pause is too long.
        """
        before = self.state(condition)
        then = inactivation_after(before, happens)
        if then is None:
            msg = f"{happens}: the signals of {condition or 'all conditions'} are {before} already"
            raise CommandRefused(msg)
        if then in PAUSED:
            lasts_s = lasts_s or (self.times.audio_pause_s if then == "audio-paused" else self.times.alarm_pause_s)
            if not 0 < lasts_s <= self.times.longest_pause_s:
                msg = f"{happens} of {lasts_s:g} s: expected up to {self.times.longest_pause_s:g} s"
                raise CommandRefused(msg)
        elif lasts_s:
            msg = f"{happens}: only a pause has a time"
            raise CommandRefused(msg)
        if then == "enabled":
            del self._inactive[condition]
        else:
            self._inactive[condition] = _Inactive(then, now_s + (lasts_s or self.times.remind_after_s))
        return lasts_s

    def due(self, now_s: float) -> Iterator[tuple[str, AlarmInactive, bool]]:
        """Give what is due: condition, the state it is in from now on, and whether that is a reminder only."""
        for condition, inactive in list(self._inactive.items()):
            if now_s < inactive.due_s:
                continue
            if inactive.state in OFF:
                inactive.due_s = now_s + self.times.remind_after_s
                yield condition, inactive.state, True
            else:
                del self._inactive[condition]
                yield condition, "enabled", False

    def reset(self) -> None:
        """Enable every signal."""
        self._inactive.clear()

    def snapshot(self) -> bytes:
        """Give the state."""
        return msgspec.msgpack.encode(self._inactive)

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self._inactive = msgspec.msgpack.decode(state, type=dict[str, _Inactive])
