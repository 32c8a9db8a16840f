"""The life cycle of alarm conditions: on, acknowledged, latched, off.

::

    off --begin--> on --end--> off                        (conditions that do not latch, or were acknowledged)
                   on --end--> latched --acknowledge--> off
                   on --acknowledge--> acknowledged --end--> off
              latched --begin--> on

Each arrow gives one `AlarmEvent`, whose `change` is the state that it leads to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.messages import AlarmEvent, Reason

State = Literal["off", "on", "acknowledged", "latched"]


class Episode(msgspec.Struct):
    """Where one condition stands: its state, and the sample at which its present episode began."""

    state: State
    onset_sample: int


class AlarmBoard:
    """The conditions of one stream, each in its state.

    Parameters
    ----------
    stream
        The stream they belong to.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._episodes: dict[str, Episode] = {}

    def state(self, code: str) -> State:
        """Give the state of a condition."""
        return self._episodes[code].state if code in self._episodes else "off"

    def is_active(self, code: str) -> bool:
        """Tell whether the condition holds now, acknowledged or not."""
        return self.state(code) in ("on", "acknowledged")

    def active(self) -> list[str]:
        """Give the codes of the conditions that hold now."""
        return [code for code in self._episodes if self.is_active(code)]

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
        self._episodes[code] = Episode("on", onset_sample)
        yield self._event(code, "on", onset_sample, decision_sample, rate_hz, reason)

    def end(self, code: str, decision_sample: int, rate_hz: float, reason: Reason) -> Iterator[AlarmEvent]:
        """Take note that a condition holds no longer; nothing happens where it is not active."""
        if not self.is_active(code):
            return
        episode = self._episodes[code]
        if episode.state == "on" and CONDITIONS[code].latching:
            episode.state = "latched"
        else:
            del self._episodes[code]
        yield self._event(code, self.state(code), episode.onset_sample, decision_sample, rate_hz, reason)

    def acknowledge(self, code: str, decision_sample: int, rate_hz: float) -> Iterator[AlarmEvent]:
        """Take note that somebody has seen the condition: latched ones end, others end quietly later."""
        episode = self._episodes.get(code)
        if episode is None or episode.state == "acknowledged":
            return
        if episode.state == "latched":
            del self._episodes[code]
        else:
            episode.state = "acknowledged"
        yield self._event(code, self.state(code), episode.onset_sample, decision_sample, rate_hz, {"rule": "seen"})

    def _event(
        self, code: str, change: State, onset_sample: int, decision_sample: int, rate_hz: float, reason: Reason
    ) -> AlarmEvent:
        condition = CONDITIONS[code]
        return AlarmEvent(
            stream=self.stream,
            condition=code,
            mdc=condition.mdc,
            kind=condition.kind,
            priority=condition.priority,
            change=change,
            onset_sample=onset_sample,
            decision_sample=decision_sample,
            algorithmic_delay_s=round((decision_sample - onset_sample) / rate_hz, 6) if rate_hz else 0.0,
            reason=reason,
        )

    def reset(self) -> None:
        """Forget everything."""
        self._episodes.clear()

    def snapshot(self) -> bytes:
        """Give the state of every condition."""
        return msgspec.msgpack.encode(self._episodes)

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self._episodes = msgspec.msgpack.decode(state, type=dict[str, Episode])
