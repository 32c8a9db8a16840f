"""The state machines of the alarm system, as tables: every state with every input, and nothing beside them.

Conditions have the signal presence of IEEE 11073-10207 (on, latched, acknowledged, off) and a state of its own for one
that was raised in priority. Inactivation has the states of IEC 60601-1-8: audio paused, audio off, alarm paused, alarm
off; acknowledged is a state of the condition.
"""

from __future__ import annotations

from typing import Literal, get_args

from heartwire.engine.messages import AlarmChange, AlarmInactive

Input = Literal["begin", "end", "acknowledge", "wait"]
"""What happens to a condition: it holds, it holds no longer, somebody saw it, nobody saw it for too long."""
InactivationInput = Literal["audio-pause", "audio-off", "alarm-pause", "alarm-off", "resume", "expire"]
"""What happens to the signals of alarms: five commands, and the end of the time of a pause."""

STATES: tuple[AlarmChange, ...] = get_args(AlarmChange)
INPUTS: tuple[Input, ...] = get_args(Input)
INACTIVE: tuple[AlarmInactive, ...] = get_args(AlarmInactive)
INACTIVATION_INPUTS: tuple[InactivationInput, ...] = get_args(InactivationInput)

ACTIVE: frozenset[AlarmChange] = frozenset(("on", "escalated", "acknowledged"))
"""States of a condition that holds now."""

_LATCHING: dict[tuple[AlarmChange, Input], AlarmChange] = {
    ("off", "begin"): "on",
    ("on", "end"): "latched",
    ("on", "acknowledge"): "acknowledged",
    ("on", "wait"): "escalated",
    ("escalated", "end"): "latched",
    ("escalated", "acknowledge"): "acknowledged",
    ("acknowledged", "end"): "off",
    ("latched", "begin"): "on",
    ("latched", "acknowledge"): "off",
}
_NON_LATCHING: dict[tuple[AlarmChange, Input], AlarmChange] = {
    key: "off" if state == "latched" else state for key, state in _LATCHING.items() if key[0] != "latched"
}

_INACTIVATION: dict[InactivationInput, AlarmInactive] = {
    "audio-pause": "audio-paused",
    "audio-off": "audio-off",
    "alarm-pause": "alarm-paused",
    "alarm-off": "alarm-off",
    "resume": "enabled",
    "expire": "enabled",
}

PAUSED: frozenset[AlarmInactive] = frozenset(("audio-paused", "alarm-paused"))
"""Inactivations that end by themselves."""
OFF: frozenset[AlarmInactive] = frozenset(("audio-off", "alarm-off"))
"""Inactivations that last until somebody ends them: a reminder is given meanwhile."""
SILENT: frozenset[AlarmInactive] = frozenset(("alarm-paused", "alarm-off"))
"""Inactivations in which no signal is given at all, not the sound alone."""


def after(state: AlarmChange, happens: Input, *, latching: bool = False, escalates: bool = False) -> AlarmChange | None:
    """Give the state that a condition comes to; None where nothing changes.

    Parameters
    ----------
    state, happens
        Where it stands, and what happens.
    latching
        Whether the condition stays in sight after its end until somebody acknowledges it.
    escalates
        Whether its priority is raised when nobody acknowledges it.
    """
    if happens == "wait" and not escalates:
        return None
    return (_LATCHING if latching else _NON_LATCHING).get((state, happens))


def inactivation_after(state: AlarmInactive, happens: InactivationInput) -> AlarmInactive | None:
    """Give the inactivation that a command or the end of a pause leads to; None where the input is not valid.

    The last command holds. A pause may be given again, which starts its time again; off may not, nor may an end where
    nothing is inactive. Only pauses expire.
    """
    then = _INACTIVATION[happens]
    if (state == then and state not in PAUSED) or (happens == "expire" and state not in PAUSED):
        return None
    return then
