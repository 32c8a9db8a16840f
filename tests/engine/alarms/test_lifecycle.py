from __future__ import annotations

import pytest

from heartwire.engine.alarms import conditions
from heartwire.engine.alarms.conditions import CONDITIONS, RANK, Condition
from heartwire.engine.alarms.inactivation import AlarmTimes
from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.alarms.limits import AlarmLimits
from heartwire.engine.alarms.states import ACTIVE, INPUTS, STATES, Input, after
from heartwire.engine.errors import CommandRefused
from heartwire.engine.messages import AlarmAction, AlarmChange, AlarmCommand, AlarmEvent, AlarmInactivation

RATE_HZ = 250.0
STREAM = "bed/ecg"


def command(action: AlarmAction, condition: str = "", **fields: object) -> AlarmCommand:
    return AlarmCommand(
        **{"stream": STREAM, "action": action, "condition": condition, "by": "nurse", "id": "1"} | fields  # type: ignore[arg-type]
    )


def brief(events: list[AlarmEvent] | list[AlarmEvent | AlarmInactivation]) -> list[tuple[str, str]]:
    return [(e.condition, e.change) for e in events]


class Board:
    """An `AlarmBoard` at a time of its own."""

    def __init__(self, times: AlarmTimes | None = None) -> None:
        self.board = AlarmBoard(STREAM, limits=AlarmLimits(), times=times)
        self.now_s = 0.0

    @property
    def sample(self) -> int:
        return round(self.now_s * RATE_HZ)

    def begin(self, code: str) -> list[tuple[str, str]]:
        return brief(list(self.board.begin(code, self.sample, self.sample, RATE_HZ, {"rule": "test"})))

    def end(self, code: str) -> list[tuple[str, str]]:
        return brief(list(self.board.end(code, self.sample, RATE_HZ, {})))

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        self.now_s += seconds
        return brief(list(self.board.advance(self.sample, self.now_s)))

    def give(self, action: AlarmAction, condition: str = "", **fields: object) -> list[tuple[str, str]]:
        return brief(self.board.command(command(action, condition, **fields)))

    def bring(self, code: str, state: AlarmChange) -> None:
        """Bring a condition that latches and escalates, or not, to a state on the shortest way."""
        if state == "off":
            return
        self.begin(code)
        if state == "escalated":
            self.wait(self.board.times.escalate_after_s)
        elif state == "acknowledged":
            self.give("acknowledge", code)
        elif state == "latched":
            self.end(code)


def test_every_condition_covers_conditions_that_exist() -> None:
    assert all(other in CONDITIONS for c in CONDITIONS.values() for other in c.covers)
    assert {code for code, c in CONDITIONS.items() if c.latching} == {"ASYSTOLE", "VF", "VT"}


def test_no_condition_covers_a_graver_one() -> None:
    rank = ["high", "medium", "low"].index
    for condition in CONDITIONS.values():
        assert all(rank(condition.priority) <= rank(CONDITIONS[other].priority) for other in condition.covers)


def test_ranks_go_down_with_priority_within_each_kind() -> None:
    order = ["high", "medium", "low"]
    for kind in ("physiological", "technical"):
        places = [order.index(c.priority) for c in CONDITIONS.values() if c.kind == kind]
        assert places == sorted(places)
    assert sorted(RANK.values()) == list(range(len(CONDITIONS)))


def test_mdc_codes_are_those_of_the_events_and_rhythms() -> None:
    events = {
        "ASYSTOLE": 3076, "VT": 3224, "EXTREME_BRADY": 3086, "EXTREME_TACHY": 3122, "V_RUN": 3212, "PAUSE": 3108,
        "AF": 3128, "SVT": 3192, "PVC_RATE": 3252, "COUPLET": 3210, "BIGEMINY": 3082, "TRIGEMINY": 3236, "R_ON_T": 3206,
        "IDIOVENTRICULAR": 3220, "AV_BLOCK": 3258, "NOT_CAPTURING": 3102, "MISSED_BEAT": 3078,
    }  # fmt: skip
    assert {code: CONDITIONS[code].mdc for code in events} == {code: 3 * 65536 + n for code, n in events.items()}
    assert CONDITIONS["VF"].mdc == 10 * 65536 + 10016


@pytest.mark.parametrize("escalates", [False, True])
@pytest.mark.parametrize("latching", [False, True])
@pytest.mark.parametrize("happens", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_a_board_does_what_the_table_says(
    monkeypatch: pytest.MonkeyPatch, state: AlarmChange, happens: Input, latching: bool, escalates: bool
) -> None:
    made = Condition("MADE", None, "physiological", "medium", "", latching=latching, escalates=escalates)
    monkeypatch.setitem(conditions.CONDITIONS, "MADE", made)
    if (state == "latched" and not latching) or (state == "escalated" and not escalates):
        return  # such a condition never comes there: the test above holds that no input leads to it
    board = Board()
    board.bring("MADE", state)
    assert board.board.state("MADE") == state
    then = after(state, happens, latching=latching, escalates=escalates)
    match happens:
        case "begin":
            found = board.begin("MADE")
        case "end":
            found = board.end("MADE")
        case "wait":
            found = board.wait(board.board.times.escalate_after_s)
        case "acknowledge":
            if then is None:
                with pytest.raises(CommandRefused, match=f"MADE is {state}"):
                    board.give("acknowledge", "MADE")
                found = []
            else:
                found = board.give("acknowledge", "MADE")
    assert found == ([("MADE", then)] if then else [])
    assert board.board.state("MADE") == (then or state)
    assert board.board.is_active("MADE") == ((then or state) in ACTIVE)


def test_a_condition_begins_once_and_ends_once() -> None:
    board = Board()
    assert board.begin("TACHY") == [("TACHY", "on")]
    assert board.begin("TACHY") == []
    assert board.end("TACHY") == [("TACHY", "off")]
    assert board.end("TACHY") == []


def test_the_delay_is_from_onset_to_decision() -> None:
    (event,) = AlarmBoard(STREAM).begin("VT", 100, 350, 250.0, {"beats": 5})
    assert event.algorithmic_delay_s == 1.0
    assert (event.onset_sample, event.decision_sample, event.reason) == (100, 350, {"beats": 5})
    assert (event.mdc, event.kind, event.priority) == (199832, "physiological", "high")


def test_a_condition_ends_those_it_covers_and_holds_them_off() -> None:
    board = Board()
    board.begin("V_RUN")
    assert board.begin("VT") == [("V_RUN", "off"), ("VT", "on")]
    assert board.begin("V_RUN") == []
    board.end("VT")
    assert board.begin("V_RUN") == [("V_RUN", "on")]


def test_what_nobody_acknowledges_is_raised_in_priority_once() -> None:
    board = Board(AlarmTimes(escalate_after_s=60.0))
    board.begin("NOT_CAPTURING")
    assert board.wait(59.0) == []
    (event,) = board.board.advance(0, 60.0)
    assert isinstance(event, AlarmEvent)
    assert (event.change, event.priority) == ("escalated", "high")
    assert board.board.advance(0, 600.0) == []
    (event,) = board.board.command(command("acknowledge", "NOT_CAPTURING"))
    assert isinstance(event, AlarmEvent)
    assert (event.change, event.priority, event.reason) == ("acknowledged", "high", {"rule": "seen", "by": "nurse"})


def test_what_is_not_shown_is_not_raised_in_priority() -> None:
    board = Board(AlarmTimes(escalate_after_s=60.0))
    board.begin("NOT_CAPTURING")
    board.give("alarm-off")
    assert board.wait(120.0) == []
    board.give("resume")
    assert board.wait(59.0) == []
    assert board.wait(1.0) == [("NOT_CAPTURING", "escalated")]


def test_acknowledging_without_a_condition_is_acknowledging_all() -> None:
    board = Board()
    board.begin("VF")
    board.end("VF")
    board.begin("BRADY")
    assert board.give("acknowledge") == [("VF", "off"), ("BRADY", "acknowledged")]
    with pytest.raises(CommandRefused, match="nothing to acknowledge: none stands"):
        board.give("acknowledge")


def test_a_pause_ends_by_itself_and_off_is_reminded_of() -> None:
    board = Board(AlarmTimes(remind_after_s=100.0))
    (event,) = board.board.command(command("audio-pause", lasts_s=30.0))
    assert isinstance(event, AlarmInactivation)
    assert (event.change, event.lasts_s, event.by, event.kind) == ("audio-paused", 30.0, "nurse", "signal")
    assert board.wait(29.0) == []
    assert board.wait(1.0) == [("", "enabled")]
    board.give("audio-off", "TACHY")
    (reminder,) = board.board.advance(0, 130.0)
    assert isinstance(reminder, AlarmInactivation)
    assert (reminder.condition, reminder.change, reminder.reminder) == ("TACHY", "audio-off", True)


def test_an_event_says_which_signals_are_given_for_it() -> None:
    board = Board()
    board.give("audio-pause")
    board.give("alarm-off", "TACHY")
    found = [next(board.board.begin(code, 0, 0, 250.0, {})).inactivation for code in ("TACHY", "BRADY")]
    assert found == ["alarm-off", "audio-paused"]


@pytest.mark.parametrize(
    ("action", "fields", "why"),
    [
        ("acknowledge", {"condition": "NOTHING"}, "there is no condition 'NOTHING'"),
        ("acknowledge", {"lasts_s": 5.0}, "only a pause has a time"),
        ("audio-pause", {"lasts_s": 601.0}, "expected up to 600 s"),
        ("audio-pause", {"lasts_s": -1.0}, "expected up to 600 s"),
        ("alarm-off", {"lasts_s": 5.0}, "only a pause has a time"),
        ("resume", {}, "are enabled already"),
        ("audio-pause", {"limits": {"tachy_bpm": 130.0}}, "limits are for the action limits"),
        ("limits", {}, "no limit given"),
        ("limits", {"condition": "TACHY", "limits": {"tachy_bpm": 130.0}}, "neither a condition nor a time"),
        ("limits", {"limits": {"nothing": 1.0}}, "unknown field `nothing`"),
        ("limits", {"limits": {"tachy_bpm": 400.0}}, r"<= 350.*tachy_bpm"),
        ("limits", {"limits": {"tachy_bpm": float("nan")}}, "limits"),
        ("limits", {"limits": {"extreme_tachy_beats": 3.5}}, "extreme_tachy_beats"),
        ("limits", {"limits": {"tachy_bpm": 45.0}}, "brady_bpm < tachy_bpm"),
    ],
)
def test_a_command_that_is_not_valid_is_refused_and_changes_nothing(
    action: str, fields: dict[str, object], why: str
) -> None:
    board = Board()
    board.begin("BRADY")
    before = board.board.snapshot()
    with pytest.raises(CommandRefused, match=why):
        board.board.command(command(action, **fields))  # type: ignore[arg-type]
    assert board.board.snapshot() == before


def test_limits_change_at_once_and_a_board_without_any_refuses() -> None:
    board = Board()
    assert board.give("limits", limits={"tachy_bpm": 130.0, "extreme_tachy_beats": 12.0}) == []
    assert board.board.limits is not None
    assert (board.board.limits.tachy_bpm, board.board.limits.extreme_tachy_beats) == (130.0, 12)
    with pytest.raises(CommandRefused, match="no limits that could be changed"):
        AlarmBoard(STREAM).command(command("limits", limits={"tachy_bpm": 130.0}))


def test_what_stood_before_a_restart_stands_again() -> None:
    board, later = Board(), Board()
    events = [*board.board.begin("VF", 1, 2, 250.0, {}), *board.board.end("VF", 9, 250.0, {})][-1:]
    events += board.board.begin("LEAD_OFF", 3, 4, 250.0, {})
    events += list(board.board.begin("GAP", 3, 4, 250.0, {}))
    events[-1].change = "off"
    told = later.board.stand(events)
    assert brief(told) == [("VF", "latched"), ("LEAD_OFF", "on")]
    assert later.board.standing() == {"VF": "latched", "LEAD_OFF": "on"}
    assert later.give("acknowledge", "VF") == [("VF", "off")]


def test_what_held_before_a_restart_goes_on_when_it_is_found_again() -> None:
    board = Board()
    board.board.stand(list(Board().board.begin("TACHY", 1, 2, 250.0, {})))
    assert not board.board.is_active("TACHY")
    assert board.begin("TACHY") == []
    assert board.board.is_active("TACHY")
    assert board.wait(60.0) == []
    assert board.end("TACHY") == [("TACHY", "off")]


def test_what_held_before_a_restart_ends_when_it_is_not_found_again() -> None:
    board = Board(AlarmTimes(confirm_within_s=30.0))
    for code in ("VT", "TACHY", "NOT_CAPTURING"):
        board.board.stand(list(Board().board.begin(code, 1, 2, 250.0, {})))
    assert board.begin("BRADY") == [("BRADY", "on")], "what is only believed covers nothing"
    assert board.wait(29.0) == []
    assert board.end("NOT_CAPTURING") == [("NOT_CAPTURING", "off")]
    assert board.wait(1.0) == [("VT", "latched"), ("TACHY", "off")]


def test_a_snapshot_carries_everything() -> None:
    board, other = Board(), Board()
    board.begin("VF")
    board.end("VF")
    board.begin("NOT_CAPTURING")
    board.give("audio-pause", lasts_s=300.0)
    board.give("limits", limits={"pause_s": 2.0})
    board.wait(60.0)
    other.board.restore(board.board.snapshot())
    assert other.board.standing() == board.board.standing() == {"VF": "latched", "NOT_CAPTURING": "on"}
    assert other.board.limits == board.board.limits
    for seconds in (120.0, 300.0):
        assert brief(list(other.board.advance(0, seconds))) == brief(list(board.board.advance(0, seconds)))
    other.board.reset()
    assert (other.board.standing(), other.board.inactivation()) == ({}, "enabled")
    assert other.board.limits != board.board.limits
