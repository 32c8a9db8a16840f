"""The alarm desk of a supervisor: technical alarms begin and end once, commands find their board and get an answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import zmq

from heartwire.engine.alarms.chain import verify
from heartwire.engine.alarms.desk import AlarmDesk
from heartwire.engine.alarms.journal import Journal, Record, Start, connect, entries
from heartwire.engine.alarms.technical import Technical
from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.config import AlarmsConfig, Config, EngineConfig, StreamConfig
from heartwire.engine.errors import ConfigError, JournalError, MalformedMessage
from heartwire.engine.messages import (
    AlarmAction,
    AlarmAnswer,
    AlarmCommand,
    AlarmEvent,
    AlarmInactivation,
    LedgerReport,
    Message,
)
from heartwire.engine.plan import SUPERVISOR, Plan, make_plan
from heartwire.engine.wire import decode, encode

ONE, TWO = "bed-1/ecg", "lab-1/xray"
WAIT_MS = 20_000


def planned(folder: Path, run: str = "one") -> Plan:
    run_dir = folder / run
    run_dir.mkdir(exist_ok=True)
    streams = [StreamConfig(id=stream, connect=f"ipc://{run_dir}/feed") for stream in (ONE, TWO)]
    alarms = AlarmsConfig(journal=str(folder / "ward.journal"))
    return make_plan(Config(engine=EngineConfig(), alarms=alarms, stream=streams), run_dir)


class Ward:
    """A desk with what surrounds it: a subscriber to its alarms, somebody who gives commands, and its workers."""

    def __init__(self, plan: Plan, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.forwarded: list[tuple[str, AlarmCommand]] = []
        self.worker_there = True
        self.publisher = Publisher(plan.data_endpoint(SUPERVISOR), epoch=plan.epoch + 1, context=context)
        try:
            self.desk = AlarmDesk(plan, self.publisher, context, self._forward)
        except ConfigError:
            self.publisher.close()
            raise
        self.nurse = context.socket(zmq.DEALER)
        self.nurse.linger = 0
        self.nurse.connect(plan.command_endpoint())
        self._subscriber = Subscriber(plan.data_endpoint(SUPERVISOR), context=context)
        self._received: list[Message] = []

    def _forward(self, process: str, command: AlarmCommand) -> bool:
        if self.worker_there:
            self.forwarded.append((process, command))
        return self.worker_there

    def turn_until(self, enough: Callable[[], bool]) -> None:
        for _ in range(WAIT_MS // 5):
            self.desk.step()
            self.publisher.serve()
            self._received += self._subscriber.receive(5)
            if enough():
                return
        pytest.fail("did not come")

    def received(self) -> list[Message]:
        """Give what came since, once all that was said has come."""
        for stream in (ONE, TWO):
            self.desk.publish(
                LedgerReport(stream=stream, offered=0, processed=0, dropped={}, missing=0, in_flight=0, final=True)
            )
        self.turn_until(lambda: {m.stream for m in self._received if isinstance(m, LedgerReport)} == {ONE, TWO})
        came = [m for m in self._received if not isinstance(m, LedgerReport)]
        self._received.clear()
        return came

    def changes(self) -> list[tuple[str, str, str]]:
        return [(m.stream, m.condition, m.change) for m in self.received() if isinstance(m, AlarmEvent)]

    def ask(self, action: AlarmAction, condition: str = "", stream: str = ONE, number: str = "1") -> None:
        command = AlarmCommand(stream=stream, action=action, condition=condition, by="nurse", id=number)
        self.nurse.send_multipart(encode(command))

    def answer(self) -> AlarmAnswer:
        self.turn_until(lambda: bool(self.nurse.poll(0)))
        answer = decode(self.nurse.recv_multipart())
        assert isinstance(answer, AlarmAnswer)
        return answer

    def close(self, in_order: bool = True) -> None:
        self.desk.close(in_order)
        self.nurse.close()
        self._subscriber.close()
        self.publisher.close()


@contextmanager
def opened(plan: Plan, in_order: bool = True) -> Iterator[Ward]:
    with zmq.Context() as context:
        ward = Ward(plan, context)
        try:
            yield ward
        finally:
            ward.close(in_order)


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    with opened(planned(tmp_path)) as made:
        yield made


def kinds(journal: Path) -> list[tuple[str, str, str]]:
    connection = connect(journal)
    found = [(e.kind, e.condition, e.change) for e in entries(connection)]
    connection.close()
    return found


def stale(holds: bool = True, stream: str = ONE) -> Technical:
    return Technical(stream, "STALE", holds, 500, 250.0, {"rule": "nothing came"})


def test_what_a_worker_finds_is_an_alarm_once(ward: Ward) -> None:
    for _ in range(2):
        ward.desk.found("work-ecg", stale())
    ward.desk.found("work-ecg", stale(False))
    assert ward.changes() == [(ONE, "STALE", "on"), (ONE, "STALE", "off")]


def test_a_change_that_was_lost_with_its_worker_is_made_up_for_by_what_it_says_holds(ward: Ward) -> None:
    ward.desk.heard("work-ecg", [stale()], "")
    ward.desk.heard("work-ecg", [stale()], "")
    assert ward.changes() == [(ONE, "STALE", "on")]
    ward.desk.heard("work-xray", [], "")
    assert ward.changes() == []
    ward.desk.heard("work-ecg", [], "")
    assert ward.changes() == [(ONE, "STALE", "off")]


@pytest.mark.parametrize(
    ("process", "found"),
    [("work-xray", stale()), ("nobody", stale()), ("work-ecg", stale(stream="nobody/ecg"))],
)
def test_a_report_about_another_workers_stream_is_refused(ward: Ward, process: str, found: Technical) -> None:
    with pytest.raises(MalformedMessage, match="does not find"):
        ward.desk.found(process, found)
    with pytest.raises(MalformedMessage, match="does not find"):
        ward.desk.heard(process, [found], "")


def test_a_worker_cannot_report_what_is_not_its_own(ward: Ward) -> None:
    with pytest.raises(MalformedMessage, match="'VF'"):
        ward.desk.found("work-ecg", Technical(ONE, "VF", True, 1))


def test_each_lost_connection_is_an_alarm(ward: Ward) -> None:
    for code in ("WORKER_LOST", "SOURCE_LOST"):
        ward.desk.lost(code, [ONE], "it died")
        assert ward.changes() == [(ONE, code, "on")]
    for code in ("SINK_LOST", "DASHBOARD_LOST"):
        ward.desk.lost(code, None, "it died")
        ward.desk.lost(code, None, "it is there again", holds=False)
        assert sorted(ward.changes()) == [(s, code, change) for s in (ONE, TWO) for change in ("off", "on")]


def test_a_journal_that_a_worker_cannot_write_is_an_alarm_of_its_streams(ward: Ward) -> None:
    ward.desk.heard("work-ecg", [], "disk is full")
    ward.desk.heard("work-ecg", [], "disk is full")
    assert ward.changes() == [(ONE, "JOURNAL_LOST", "on")]
    ward.desk.heard("work-ecg", [], "")
    assert ward.changes() == [(ONE, "JOURNAL_LOST", "off")]


def test_a_journal_that_cannot_be_written_here_is_an_alarm_of_every_stream(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        msg = "disk is full"
        raise JournalError(msg)

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "append", refuse)
        ward.desk.found("work-ecg", stale())
        ward.turn_until(lambda: ward.desk.idle and bool(ward.publisher.next_seq(TWO)))
    ward.desk.found("work-ecg", stale(False))
    ward.turn_until(lambda: ward.publisher.next_seq(TWO) == 2)
    assert sorted(ward.changes()) == [
        (ONE, "JOURNAL_LOST", "off"), (ONE, "JOURNAL_LOST", "on"), (ONE, "STALE", "off"), (ONE, "STALE", "on"),
        (TWO, "JOURNAL_LOST", "off"), (TWO, "JOURNAL_LOST", "on"),
    ]  # fmt: skip


def test_a_command_to_a_technical_condition_is_carried_out_here(ward: Ward) -> None:
    ward.desk.found("work-ecg", stale())
    ward.ask("acknowledge", "STALE")
    assert ward.answer().accepted
    assert ward.forwarded == []
    came = ward.received()
    assert [(type(m).__name__, getattr(m, "change", "")) for m in came] == [
        ("AlarmEvent", "on"), ("AlarmCommand", ""), ("AlarmEvent", "acknowledged"),
    ]  # fmt: skip
    ward.ask("acknowledge", "STALE", number="2")
    assert ward.answer().reason == "nothing to acknowledge: STALE is acknowledged"


def test_a_command_to_a_condition_of_the_signal_goes_to_its_worker(ward: Ward) -> None:
    ward.ask("acknowledge", "VF", number="7")
    ward.turn_until(lambda: bool(ward.forwarded))
    ((process, command),) = ward.forwarded
    assert (process, command.condition, command.by) == ("work-ecg", "VF", "nurse")
    ward.desk.answered(AlarmAnswer(stream=ONE, id="7", accepted=False, reason="VF is off"))
    assert (ward.answer().accepted, ward.received()) == (False, [])


def test_limits_are_always_for_the_worker(ward: Ward) -> None:
    ward.ask("limits", "STALE")
    ward.turn_until(lambda: bool(ward.forwarded))
    ward.desk.answered(AlarmAnswer(stream=ONE, id="1", accepted=False, reason="give neither a condition nor a time"))
    assert "neither a condition" in ward.answer().reason


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_goes_no_further(ward: Ward, number: float) -> None:
    limits = AlarmCommand(stream=ONE, action="limits", by="nurse", id="1", limits={"tachy_bpm": number})
    ward.nurse.send_multipart(encode(limits))
    assert ward.answer().reason == "every number must be finite"
    assert ward.forwarded == []


def test_a_command_without_a_condition_goes_to_both_and_is_carried_out_by_whoever_can(ward: Ward) -> None:
    ward.ask("audio-pause", number="3")
    ward.turn_until(lambda: bool(ward.forwarded))
    ward.desk.answered(AlarmAnswer(stream=ONE, id="3", accepted=True))
    assert ward.answer().accepted
    assert [m.change for m in ward.received() if isinstance(m, AlarmInactivation)] == ["audio-paused"]
    ward.ask("acknowledge", number="4")
    ward.turn_until(lambda: len(ward.forwarded) == 2)
    ward.desk.answered(AlarmAnswer(stream=ONE, id="4", accepted=True))
    assert ward.answer().accepted, "nothing stands here, but there"


def test_a_command_to_a_stream_that_is_not_there_or_a_worker_that_is_away_is_refused(ward: Ward) -> None:
    ward.ask("acknowledge", "VF", stream="bed-9/ecg")
    assert ward.answer().reason == f"there is no stream 'bed-9/ecg': known are {ONE}, {TWO}"
    ward.worker_there = False
    ward.ask("acknowledge", "VF", number="2")
    assert "is being restarted" in ward.answer().reason


def test_a_command_under_way_is_answered_when_its_worker_dies(ward: Ward) -> None:
    ward.ask("acknowledge", "VF")
    ward.turn_until(lambda: bool(ward.forwarded))
    ward.desk.lost("WORKER_LOST", [ONE], "it died")
    assert "its worker was lost" in ward.answer().reason


@pytest.mark.parametrize("parts", [[b"x"], [b"", b"", b""], encode(LedgerReport(
    stream=ONE, offered=0, processed=0, dropped={}, missing=0, in_flight=0))])  # fmt: skip
def test_what_is_no_command_is_counted_and_harms_nothing(ward: Ward, parts: list[bytes]) -> None:
    ward.nurse.send_multipart(parts)
    ward.turn_until(lambda: ward.desk.refused == 1)
    ward.ask("audio-pause", "STALE")
    assert ward.answer().accepted


def test_the_journal_has_the_run_from_start_to_stop(tmp_path: Path) -> None:
    with opened(planned(tmp_path)) as ward:
        ward.desk.found("work-ecg", stale())
        ward.received()
    journal = tmp_path / "ward.journal"
    assert kinds(journal) == [("start", "", ""), ("alarm", "STALE", "on"), ("stop", "", "")]
    assert verify(journal).wrong == ""


def test_what_stood_when_a_run_broke_off_stands_again(tmp_path: Path) -> None:
    with opened(planned(tmp_path), in_order=False) as ward:
        ward.desk.found("work-ecg", stale())
        ward.received()
    with opened(planned(tmp_path, "two")) as ward:
        assert ward.changes() == [(ONE, "STALE", "on")]
        ward.desk.found("work-ecg", stale())
        assert ward.changes() == [], "it is the same one"
        ward.desk.found("work-ecg", stale(False))
        assert ward.changes() == [(ONE, "STALE", "off")]
    assert ("stop", "", "") not in kinds(tmp_path / "ward.journal")[:3]


def test_two_runs_cannot_share_a_journal(tmp_path: Path) -> None:
    with (
        opened(planned(tmp_path)),
        pytest.raises(ConfigError, match="in use by another run"),
        opened(planned(tmp_path, "two")),
    ):
        pass


def test_a_broken_journal_is_refused_at_the_start(tmp_path: Path) -> None:
    with opened(planned(tmp_path)) as ward:
        ward.desk.found("work-ecg", stale())
        ward.received()
    journal = tmp_path / "ward.journal"
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("DROP TRIGGER entry_is_never_changed")
        connection.execute("UPDATE entry SET body = replace(body, 'STALE', 'STALF') WHERE id = 2")
    with pytest.raises(ConfigError, match="is BROKEN: entry 2 is not what was written"), opened(planned(tmp_path)):
        pass


def test_a_journal_that_is_something_else_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "ward.journal").write_text("a letter" * 100)
    with pytest.raises(ConfigError, match=r"ward\.journal"), opened(planned(tmp_path)):
        pass
    with Journal(tmp_path / "other.journal") as journal:
        journal.append([Record(1, Start(version="1", streams=[], commands=""))])
