"""Every state with every input: the tables in full."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from heartwire.engine.alarms import states
from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.alarms.inactivation import AlarmTimes, Inactivations
from heartwire.engine.alarms.states import (
    INACTIVATION_INPUTS,
    INACTIVE,
    INPUTS,
    OFF,
    PAUSED,
    STATES,
    after,
    inactivation_after,
)
from heartwire.engine.errors import CommandRefused
from heartwire.engine.messages import AlarmChange, AlarmInactive

PAGE = (Path(__file__).parents[3] / "docs" / "alarms.md").read_text()

# What must come of each state (row) at each input; "." is no change. Written down apart from the table in the code.
EXPECTED_LATCHING = {
    #                 begin     end          acknowledge       wait
    "off":          ("on",     ".",         ".",              "."),
    "on":           (".",      "latched",   "acknowledged",   "escalated"),
    "escalated":    (".",      "latched",   "acknowledged",   "."),
    "acknowledged": (".",      "off",       ".",              "."),
    "latched":      ("on",     ".",         "off",            "."),
}  # fmt: skip


def expected(state: AlarmChange, happens: str, latching: bool, escalates: bool) -> str | None:
    then = EXPECTED_LATCHING[state][("begin", "end", "acknowledge", "wait").index(happens)]
    if not latching:
        if state == "latched":
            return None
        then = "off" if then == "latched" else then
    if happens == "wait" and not escalates:
        return None
    return None if then == "." else then


@pytest.mark.parametrize("escalates", [False, True])
@pytest.mark.parametrize("latching", [False, True])
@pytest.mark.parametrize("happens", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_every_state_with_every_input(
    state: AlarmChange, happens: states.Input, latching: bool, escalates: bool
) -> None:
    assert after(state, happens, latching=latching, escalates=escalates) == expected(
        state, happens, latching, escalates
    )


def test_no_input_leads_to_a_state_that_the_condition_cannot_have() -> None:
    for state, happens in product(STATES, INPUTS):
        assert after(state, happens, latching=False, escalates=True) != "latched"
        assert after(state, happens, latching=True, escalates=False) != "escalated"


INACTIVATED = {
    "audio-pause": "audio-paused", "audio-off": "audio-off", "alarm-pause": "alarm-paused", "alarm-off": "alarm-off",
    "resume": "enabled",
}  # fmt: skip


@pytest.mark.parametrize("happens", INACTIVATION_INPUTS)
@pytest.mark.parametrize("state", INACTIVE)
def test_every_inactivation_with_every_input(state: AlarmInactive, happens: states.InactivationInput) -> None:
    inactivations = Inactivations(AlarmTimes(audio_pause_s=10.0, alarm_pause_s=10.0, remind_after_s=10.0))
    for action, then in INACTIVATED.items():
        if then == state != "enabled":
            inactivations.take("", action, 0.0, 0.0)  # type: ignore[arg-type]
    assert inactivations.state("") == state
    if happens == "expire":
        due = list(inactivations.due(10.0))
        assert due == ([("", "enabled", False)] if state in PAUSED else [("", state, True)] if state in OFF else [])
        assert inactivations.state("") == (state if state in OFF else "enabled")
        return
    then = INACTIVATED[happens]
    if state == then and state not in PAUSED:
        with pytest.raises(CommandRefused, match=f"{state} already"):
            inactivations.take("", happens, 0.0, 0.0)
        assert inactivations.state("") == state
    else:
        assert inactivations.take("", happens, 0.0, 0.0) == (10.0 if then in PAUSED else 0.0)
        assert inactivations.state("") == then


def test_the_page_shows_the_table() -> None:
    for state, happens in product(STATES, INPUTS):
        then = after(state, happens, latching=True, escalates=True)
        if then:
            assert f"| `{state}` | {happens} | `{then}` |" in PAGE


def test_the_page_shows_every_inactivation() -> None:
    rows = {line.split("|")[1].strip(): [c.strip() for c in line.split("|")[2:-1]] for line in PAGE.splitlines() if
            line.startswith(("| enabled |", "| audio-", "| alarm-p", "| alarm-o"))}  # fmt: skip
    for state in INACTIVE:
        for happens, said in zip(INACTIVATION_INPUTS, rows[state], strict=True):
            then = inactivation_after(state, happens)
            expected = {"time begins again"} if then == state else {then}
            if then is None:
                expected = {"reminder" if state in OFF else "-"} if happens == "expire" else {"refused"}
            assert said in expected, f"{state}, {happens}"


def test_the_page_shows_every_condition() -> None:
    for c in CONDITIONS.values():
        delay = "-" if c.delay_s is None else f"{c.delay_s:g} s"
        flags = " | ".join("yes" if flag else "no" for flag in (c.latching, c.escalates))
        row = f"| `{c.code}` | {c.kind} | {c.priority} | {c.mdc or '-'} | {flags} | {delay} | {c.text} |"
        assert row in PAGE, f"docs/alarms.md lacks the row: {row}"
