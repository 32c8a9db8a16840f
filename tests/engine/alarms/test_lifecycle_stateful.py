"""Whatever happens to a board, in any order: its events tell its states, and a copy of it does the same."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.alarms.inactivation import AlarmTimes
from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.alarms.limits import AlarmLimits
from heartwire.engine.alarms.states import INPUTS, SILENT, after
from heartwire.engine.errors import CommandRefused
from heartwire.engine.messages import AlarmAction, AlarmChange, AlarmCommand, AlarmEvent, AlarmInactivation, Priority

CODES = ("ASYSTOLE", "VF", "VT", "V_RUN", "TACHY", "SVT", "NOISY", "LEAD_OFF", "GAP")
codes = st.sampled_from(CODES)
TIMES = AlarmTimes(escalate_after_s=20.0, audio_pause_s=15.0, alarm_pause_s=15.0, remind_after_s=25.0)
ONE_UP = {"low": "medium", "medium": "high"}


def board() -> AlarmBoard:
    return AlarmBoard("bed/ecg", limits=AlarmLimits(), times=TIMES)


class Life(RuleBasedStateMachine):
    """A board, the twin that is restored from its snapshots, and what its events have said."""

    def __init__(self) -> None:
        super().__init__()
        self.board, self.twin = board(), board()
        self.now_s = 0.0
        self.told: dict[str, AlarmChange] = {}
        self.priority: dict[str, Priority] = {}
        self.inactive: dict[str, str] = {}

    def take(self, events: list[AlarmEvent | AlarmInactivation]) -> None:
        for event in events:
            if isinstance(event, AlarmInactivation):
                before = self.inactive.get(event.condition, "enabled")
                assert event.reminder == (event.change == before and not event.lasts_s)
                self.inactive[event.condition] = event.change
                continue
            condition = CONDITIONS[event.condition]
            before = self.told.get(event.condition, "off")
            assert event.change != before, "an event is a change"
            ways = {after(before, i, latching=condition.latching, escalates=condition.escalates) for i in INPUTS}
            assert event.change in ways, f"{before} -> {event.change} is not in the table"
            if event.change == "escalated":
                assert event.priority == ONE_UP[condition.priority]
                assert event.inactivation not in SILENT
            elif event.change == "on":
                assert event.priority == condition.priority
            else:
                assert event.priority == self.priority[event.condition]
            self.told[event.condition] = event.change
            self.priority[event.condition] = event.priority

    def both(self, do: Any) -> None:
        """Do the same to the board and its twin: they answer alike."""
        answers = []
        for one in (self.board, self.twin):
            try:
                answers.append(list(do(one)))
            except CommandRefused as error:
                answers.append(str(error))
        assert answers[0] == answers[1]
        if isinstance(answers[0], list):
            self.take(answers[0])

    @property
    def sample(self) -> int:
        return round(self.now_s * 250)

    @rule(code=codes)
    def begin(self, code: str) -> None:
        self.both(lambda b: b.begin(code, self.sample, self.sample, 250.0, {}))
        covered = any(code in CONDITIONS[other].covers for other in self.board.active())
        assert self.board.is_active(code) or covered
        assert not (covered and self.board.is_active(code)), "a condition and one that it covers are on together"

    @rule(code=codes)
    def end(self, code: str) -> None:
        self.both(lambda b: b.end(code, self.sample, 250.0, {}))
        assert not self.board.is_active(code)

    @rule(seconds=st.floats(0.0, 40.0))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.both(lambda b: b.advance(self.sample, self.now_s))

    @rule(
        action=st.sampled_from(["acknowledge", "audio-pause", "audio-off", "alarm-pause", "alarm-off", "resume"]),
        code=codes | st.just("") | st.just("NOTHING"),
        lasts_s=st.sampled_from([0.0, 5.0, 700.0]),
    )
    def command(self, action: AlarmAction, code: str, lasts_s: float) -> None:
        given = AlarmCommand(stream="bed/ecg", action=action, condition=code, lasts_s=lasts_s, by="nurse", id="1")
        self.both(lambda b: b.command(given))

    @rule(bpm=st.floats(0, 400))
    def limit(self, bpm: float) -> None:
        given = AlarmCommand(stream="bed/ecg", action="limits", limits={"tachy_bpm": bpm}, by="nurse", id="1")
        self.both(lambda b: b.command(given))

    @rule()
    def doubt(self) -> None:
        for one in (self.board, self.twin):
            one.doubt()
        assert self.board.active() == []

    @rule()
    def restart(self) -> None:
        self.twin = board()
        self.twin.restore(self.board.snapshot())

    @invariant()
    def events_have_told_the_states(self) -> None:
        assert self.board.standing() == {code: state for code, state in self.told.items() if state != "off"}

    @invariant()
    def events_have_told_the_inactivations(self) -> None:
        assert self.board.inactivation("") == self.inactive.get("", "enabled")

    @invariant()
    def limits_hold_together(self) -> None:
        limits = self.board.limits
        assert limits is not None
        assert limits.brady_bpm < limits.tachy_bpm <= limits.extreme_tachy_bpm


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase
