"""The alarm conditions of one stream through their life cycle, and the commands that steer it.

The states and what leads from one to the other are the tables of `heartwire.engine.alarms.states`. Each change gives
one `AlarmEvent`, whose `change` is the state that it leads to. Time is handed in: the same steps and commands at the
same times give the same events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.alarms.inactivation import AlarmTimes, Inactivations
from heartwire.engine.alarms.limits import AlarmLimits, changed
from heartwire.engine.alarms.states import ACTIVE, SILENT, Input, after
from heartwire.engine.errors import CommandRefused
from heartwire.engine.messages import (
    AlarmChange,
    AlarmCommand,
    AlarmEvent,
    AlarmInactivation,
    AlarmInactive,
    Priority,
    Reason,
)

_ONE_UP: dict[Priority, Priority] = {"low": "medium", "medium": "high", "high": "high"}


class Episode(msgspec.Struct):
    """Where one condition stands.

    `since_s` is when it came to its state. `believed` marks one that held before a restart and was not found again yet.
    """

    state: AlarmChange
    onset_sample: int
    rate_hz: float
    since_s: float
    priority: Priority
    believed: bool = False


class _State(msgspec.Struct):
    """What a board is restored from."""

    episodes: dict[str, Episode]
    inactivations: bytes
    limits: AlarmLimits | None
    sample: int
    now_s: float


class AlarmBoard:
    """The conditions of one stream, each in its state.

    Parameters
    ----------
    stream
        The stream they belong to.
    kind
        Where they are found: in the signal, or by the engine about the stream.
    limits
        At what they are raised, where commands may change that.
    times
        The times of the alarm system.
    """

    def __init__(
        self,
        stream: str,
        kind: Literal["signal", "engine"] = "signal",
        limits: AlarmLimits | None = None,
        times: AlarmTimes | None = None,
    ) -> None:
        self.stream = stream
        self.limits = limits
        self._kind = kind
        self._first_limits = limits
        self._inactivations = Inactivations(times or AlarmTimes())
        self._episodes: dict[str, Episode] = {}
        self._sample = 0
        self._now_s = 0.0

    @property
    def times(self) -> AlarmTimes:
        """The times of the alarm system."""
        return self._inactivations.times

    @times.setter
    def times(self, times: AlarmTimes) -> None:
        self._inactivations.times = times

    def state(self, code: str) -> AlarmChange:
        """Give the state of a condition."""
        return self._episodes[code].state if code in self._episodes else "off"

    def inactivation(self, code: str = "") -> AlarmInactive:
        """Tell which signals are given for a condition, or for all."""
        return self._inactivations.of(code)

    def is_active(self, code: str) -> bool:
        """Tell whether the condition was found to hold now, acknowledged or not."""
        return code in self._episodes and self._holds(code) and not self._episodes[code].believed

    @property
    def busy(self) -> bool:
        """Whether any condition is not off."""
        return bool(self._episodes)

    def active(self) -> list[str]:
        """Give the codes of the conditions that were found to hold now."""
        return [code for code in self._episodes if self.is_active(code)]

    def standing(self) -> dict[str, AlarmChange]:
        """Give the conditions that are not off, with their states."""
        return {code: episode.state for code, episode in self._episodes.items()}

    def _holds(self, code: str) -> bool:
        return self._episodes[code].state in ACTIVE

    def begin(
        self, code: str, onset_sample: int, decision_sample: int, rate_hz: float, reason: Reason
    ) -> Iterator[AlarmEvent]:
        """Take note that a condition holds; nothing happens where it is on already or another covers it.

        Parameters
        ----------
        code
            Which condition.
        onset_sample
            Where it began.
        decision_sample
            The last sample that the decision needed.
        rate_hz
            Samples (or frames) a second.
        reason
            The rule and the values that decided.
        """
        if self.is_active(code) or any(code in CONDITIONS[other].covers for other in self.active()):
            return
        for other in CONDITIONS[code].covers:
            yield from self.end(other, decision_sample, rate_hz, {"rule": f"{code} says more"})
        if (known := self._episodes.get(code)) is not None and known.believed:
            known.believed, known.onset_sample, known.rate_hz = False, onset_sample, rate_hz
            return
        self._episodes[code] = Episode("off", onset_sample, rate_hz, self._now_s, CONDITIONS[code].priority)
        yield from self._happens(code, "begin", decision_sample, reason)

    def end(self, code: str, decision_sample: int, rate_hz: float, reason: Reason) -> Iterator[AlarmEvent]:
        """Take note that a condition holds no longer; nothing happens where it is not active."""
        if code in self._episodes and self._holds(code):
            self._episodes[code].rate_hz = rate_hz
            yield from self._happens(code, "end", decision_sample, reason)

    def advance(self, sample: int, now_s: float) -> Sequence[AlarmEvent | AlarmInactivation]:
        """Let time pass: pauses end, reminders are given, what nobody acknowledged is raised in priority.

        Parameters
        ----------
        sample
            The last sample known.
        now_s
            The time on the clock of this board, s: the stream's for what is found in it.
        """
        self._sample, self._now_s = sample, now_s
        if not self._episodes and self._inactivations.due_s > now_s:
            return ()
        return list(self._overdue())

    def _overdue(self) -> Iterator[AlarmEvent | AlarmInactivation]:
        for code, change, reminder in self._inactivations.due(self._now_s):
            yield self._inactivated(code, change, reminder=reminder, by="")
        for code, episode in list(self._episodes.items()):
            waited_s = self._now_s - episode.since_s
            if episode.believed and waited_s >= self.times.confirm_within_s:
                yield from self._happens(code, "end", self._sample, {"rule": "not found again after the restart"})
            elif self._inactivations.of(code) in SILENT:
                # Nobody can acknowledge what is not shown: its time begins when it is.
                episode.since_s = self._now_s
            elif waited_s >= self.times.escalate_after_s and self._after(code, "wait"):
                reason: Reason = {"rule": "not acknowledged", "waited_s": self.times.escalate_after_s}
                yield from self._happens(code, "wait", self._sample, reason)

    def command(self, command: AlarmCommand) -> list[AlarmEvent | AlarmInactivation]:
        """Carry out a command; give the changes that it brings.

        Raises
        ------
        CommandRefused
            If it is not valid here and now; nothing has changed then.
        """
        code, action = command.condition, command.action
        if code and code not in CONDITIONS:
            msg = f"there is no condition {code!r}: known are {', '.join(CONDITIONS)}"
            raise CommandRefused(msg)
        if action != "limits" and command.limits:
            msg = f"{action}: limits are for the action limits"
            raise CommandRefused(msg)
        match action:
            case "limits":
                self._change_limits(command)
                return []
            case "acknowledge":
                return list(self._acknowledge(command))
            case _:
                lasts_s = self._inactivations.take(code, action, command.lasts_s, self._now_s)
                change = self._inactivations.state(code)
                return [self._inactivated(code, change, lasts_s=lasts_s, by=command.by)]

    def _change_limits(self, command: AlarmCommand) -> None:
        if self.limits is None:
            msg = f"the alarms of {self.stream} have no limits that could be changed"
            raise CommandRefused(msg)
        if command.condition or command.lasts_s:
            msg = "limits: give neither a condition nor a time"
            raise CommandRefused(msg)
        self.limits = changed(self.limits, command.limits)

    def _acknowledge(self, command: AlarmCommand) -> Iterator[AlarmEvent]:
        if command.lasts_s:
            msg = "acknowledge: only a pause has a time"
            raise CommandRefused(msg)
        codes = [command.condition] if command.condition else list(self._episodes)
        codes = [code for code in codes if self._after(code, "acknowledge")]
        if not codes:
            now = f"{command.condition} is {self.state(command.condition)}" if command.condition else "none stands"
            msg = f"nothing to acknowledge: {now}"
            raise CommandRefused(msg)
        for code in codes:
            yield from self._happens(code, "acknowledge", self._sample, {"rule": "seen", "by": command.by})

    def _after(self, code: str, happens: Input) -> AlarmChange | None:
        condition = CONDITIONS[code]
        return after(self.state(code), happens, latching=condition.latching, escalates=condition.escalates)

    def _happens(self, code: str, happens: Input, decision_sample: int, reason: Reason) -> Iterator[AlarmEvent]:
        change = self._after(code, happens)
        if change is None:
            return
        episode = self._episodes[code]
        episode.state, episode.since_s = change, self._now_s
        episode.believed = episode.believed and change in ACTIVE
        if change == "escalated":
            episode.priority = _ONE_UP[episode.priority]
        if change == "off":
            del self._episodes[code]
        yield self._event(code, episode, decision_sample, reason)

    def stand(self, events: Sequence[AlarmEvent]) -> list[AlarmEvent]:
        """Take back what stood before a restart, told by the last event of each condition; give it as events again.

        What held then is believed for a while, until it is found again or has to end. Its onset lies before the
        restart: it is given as sample 0.
        """
        told = []
        for event in events:
            if event.change == "off" or event.condition not in CONDITIONS:
                continue
            believed = event.change in ACTIVE
            episode = Episode(event.change, 0, 0.0, self._now_s, event.priority, believed)
            self._episodes[event.condition] = episode
            told.append(self._event(event.condition, episode, 0, {"rule": "stood before the restart"}))
        return told

    def doubt(self) -> None:
        """Believe what holds only for a while, until it is found again: whoever found it has lost its memory."""
        for episode in self._episodes.values():
            if episode.state in ACTIVE:
                episode.believed, episode.since_s = True, self._now_s

    def _event(self, code: str, episode: Episode, decision_sample: int, reason: Reason) -> AlarmEvent:
        condition = CONDITIONS[code]
        waited = decision_sample - episode.onset_sample
        return AlarmEvent(
            stream=self.stream,
            condition=code,
            mdc=condition.mdc,
            kind=condition.kind,
            priority=episode.priority,
            change=episode.state,
            onset_sample=episode.onset_sample,
            decision_sample=decision_sample,
            algorithmic_delay_s=round(waited / episode.rate_hz, 6) if episode.rate_hz else 0.0,
            reason=reason,
            inactivation=self._inactivations.of(code),
        )

    def _inactivated(
        self, code: str, change: AlarmInactive, *, lasts_s: float = 0.0, reminder: bool = False, by: str
    ) -> AlarmInactivation:
        return AlarmInactivation(
            stream=self.stream,
            condition=code,
            kind=self._kind,
            change=change,
            decision_sample=self._sample,
            lasts_s=lasts_s,
            reminder=reminder,
            by=by,
        )

    def reset(self) -> None:
        """Forget everything."""
        self._episodes.clear()
        self._inactivations.reset()
        self.limits = self._first_limits
        self._sample, self._now_s = 0, 0.0

    def snapshot(self) -> bytes:
        """Give the state of every condition."""
        state = _State(self._episodes, self._inactivations.snapshot(), self.limits, self._sample, self._now_s)
        return msgspec.msgpack.encode(state)

    def restore(self, raw: bytes) -> None:
        """Take a state given by `snapshot`."""
        state = msgspec.msgpack.decode(raw, type=_State)
        self._episodes, self.limits = state.episodes, state.limits
        self._inactivations.restore(state.inactivations)
        self._sample, self._now_s = state.sample, state.now_s
