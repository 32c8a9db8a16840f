"""Workers killed with SIGKILL while alarms change: none is lost, none comes twice, the journal is whole.

The test is feeder, supervisor and subscriber of a real worker process. It kills the worker as soon as it has received,
or seen in the journal, a number of changes drawn at random: between the two an alarm is written and not yet sent.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pytest
import zmq

from heartwire.engine import reports
from heartwire.engine.alarms.chain import verify
from heartwire.engine.alarms.journal import Journal, Record, Start, clear, connect, entries
from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.config import AlarmsConfig, Config, EngineConfig, StreamConfig
from heartwire.engine.host import StreamHost
from heartwire.engine.messages import AlarmCommand, AlarmEvent, EcgChunk, EndOfStream, Item, Message
from heartwire.engine.plan import Plan, make_plan, write_plan
from heartwire.engine.registry import processor

STREAM, WORKER = "bed-1/ecg", "work-ecg-unpaced"
RATE_HZ = 250
SETTINGS: dict[str, Any] = {"provider": "cpu", "limits": {"pause_s": 1.0}, "rhythm": {"asystole_s": 3.0}}
WAIT_MS = 60_000


def items(seconds: int) -> list[Item]:
    """One lead of spikes: a pause of 3.5 s in the beginning, which latches, then every other interval is a pause."""
    t = np.arange(seconds * RATE_HZ) / RATE_HZ
    wave = 0.02 * np.random.default_rng(5).standard_normal(len(t))
    at, turn = 0.5, 0
    while at < seconds - 1:
        wave += 1.1 * np.exp(-0.5 * ((t - at) / 0.012) ** 2)
        at += 5.0 if turn == 12 else (0.75, 1.25)[turn % 2]
        turn += 1
    samples = wave.astype(np.float32)[:, None]
    chunks: list[Item] = [
        EcgChunk(stream=STREAM, first_sample=n, rate_hz=RATE_HZ, leads=("II",), samples=samples[n : n + 50])
        for n in range(0, len(samples), 50)
    ]
    return [*chunks, EndOfStream(stream=STREAM, offered=len(samples))]


def plain(events: list[AlarmEvent]) -> list[tuple[Any, ...]]:
    return [(e.seq, e.condition, e.change, e.onset_sample, e.decision_sample, e.reason) for e in events]


def undisturbed(fed: list[Item]) -> list[AlarmEvent]:
    """The alarms that one process without sockets gives, under the numbers that they have on the wire."""
    host = StreamHost(STREAM, processor("ecg", STREAM, SETTINGS))
    found: list[Message] = []
    for item in fed:
        found += host.handle_many([item])
    for seq, message in enumerate(found):
        message.seq = seq
    return [message for message in found if isinstance(message, AlarmEvent)]


def planned(folder: Path, journal: Path, feed: str) -> Plan:
    folder.mkdir()
    stream = StreamConfig(id=STREAM, connect=feed, paced=False, settings=SETTINGS)
    engine = EngineConfig(snapshot_s=0.1, ring_s=3600.0)
    plan = make_plan(Config(engine=engine, alarms=AlarmsConfig(journal=str(journal)), stream=[stream]), folder)
    write_plan(plan)
    with Journal(journal) as kept:
        kept.append([Record(plan.epoch, Start(version="test", streams=[STREAM], commands=""))])
    return plan


@contextmanager
def fed(context: zmq.Context[zmq.Socket[bytes]], endpoint: str, what: list[Item]) -> Iterator[None]:
    """Publish everything at once and let it be had again."""
    ended = threading.Event()
    with Publisher(endpoint, ring_s=3600.0, ring_messages=10**6, context=context) as publisher:
        for item in what:
            publisher.send(item)

        def serve() -> None:
            while not ended.is_set():
                publisher.serve(timeout_ms=20)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


class Run:
    """A worker process, as its supervisor and its subscriber see it."""

    def __init__(self, plan: Plan, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.plan = plan
        self.kills = 0
        self.received: list[Message] = []
        self._reports = context.socket(zmq.PULL)
        self._reports.bind(plan.report_endpoint())
        self._subscriber = Subscriber(plan.data_endpoint(WORKER), streams=[STREAM], identity="test", context=context)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "heartwire.engine.worker", self.plan.run_dir, WORKER], stdin=subprocess.PIPE
        )
        self.report(reports.Ready)
        self.tell(b"go")

    def tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def report(self, kind: type[Any]) -> Any:
        while True:
            assert self._reports.poll(WAIT_MS), f"no {kind.__name__} came"
            report = reports.decode(self._reports.recv_multipart())
            assert not isinstance(report, reports.Fault), report.line
            if isinstance(report, kind):
                return report

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.kills += 1
        assert self._process.stdin is not None
        self._process.stdin.close()
        while self._reports.poll(0):
            self._reports.recv_multipart()
        self.start()

    def receive(self) -> None:
        for message in self._subscriber.receive(10):
            self.received.append(message)
            self._subscriber.acknowledge(STREAM, message.seq)

    def receive_until(self, enough: Any) -> None:
        for _ in range(WAIT_MS // 10):
            if enough():
                return
            self.receive()
        pytest.fail(f"did not come: {len(self.received)} messages received")

    @property
    def alarms(self) -> list[AlarmEvent]:
        return [message for message in self.received if isinstance(message, AlarmEvent)]

    @property
    def ended(self) -> bool:
        return bool(self.received) and isinstance(self.received[-1], EndOfStream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._subscriber.close()
        self._reports.close(linger=0)


def kept(journal: Path, kind: str, epoch: int) -> list[Any]:
    types = {"alarm": AlarmEvent, "command": AlarmCommand}
    with clear(journal):
        connection = connect(journal)
    found = [e.body for e in entries(connection, "kind = ? AND epoch = ?", (kind, epoch))]
    connection.close()
    return [msgspec.json.decode(body, type=types[kind]) for body in found]


def count(journal: Path) -> int:
    connection = connect(journal)
    number: int = connection.execute("SELECT count(*) FROM entry").fetchone()[0]
    connection.close()
    return number


@pytest.mark.parametrize(
    ("changes", "kills"), [(150, 3), pytest.param(1000, 25, marks=pytest.mark.long)], ids=["quick", "1000-changes"]
)
@pytest.mark.timeout(900)
def test_alarms_are_neither_lost_nor_doubled_when_the_worker_is_killed(
    tmp_path: Path, changes: int, kills: int
) -> None:
    what = items(changes + 30)
    expected = undisturbed(what)
    assert len(expected) >= changes
    journal, feed = tmp_path / "ward.journal", f"ipc://{tmp_path}/feed"
    draw = random.Random(changes)
    moments = sorted(draw.sample(range(1, len(expected) - 5), kills))
    with zmq.Context() as context, fed(context, feed, what):
        with Run(planned(tmp_path / "one", journal, feed), context) as run:
            while not run.ended:
                run.receive()
                if moments:
                    come = count(journal) - 1 if len(moments) % 2 else len(run.alarms)
                    if come >= moments[0]:
                        del moments[0]
                        run.kill()
        assert run.kills == kills
        assert [m.seq for m in run.received] == list(range(len(run.received))), "none lost, none twice on the wire"
        assert plain(run.alarms) == plain(expected)
        assert plain(kept(journal, "alarm", run.plan.epoch)) == plain(expected), "none lost, none twice in the journal"
        verdict = verify(journal)
        assert (verdict.wrong, verdict.entries) == ("", len(expected) + 1)

        # Every process is gone and a new run begins: what had latched, or was on, stands again.
        stood = {e.condition: e.change for e in expected}
        stood = {condition: change for condition, change in stood.items() if change != "off"}
        assert stood["ASYSTOLE"] == "latched"
        with Run(planned(tmp_path / "two", journal, f"ipc://{tmp_path}/nothing"), context) as again:
            again.receive_until(lambda: len(again.alarms) >= len(stood))
    assert {e.condition: e.change for e in again.alarms} == stood
    assert verify(journal).wrong == ""


@pytest.mark.timeout(300)
def test_commands_are_carried_out_once_when_the_worker_is_killed(tmp_path: Path) -> None:
    what = items(60)
    journal, feed = tmp_path / "ward.journal", f"ipc://{tmp_path}/feed"
    with zmq.Context() as context, fed(context, feed, what):
        with Run(planned(tmp_path / "one", journal, feed), context) as run:
            run.receive_until(lambda: ("ASYSTOLE", "latched") in [(e.condition, e.change) for e in run.alarms])
            for number, (action, condition) in enumerate((("alarm-off", "PAUSE"), ("acknowledge", "ASYSTOLE"))):
                command = {"stream": STREAM, "action": action, "condition": condition, "by": "nurse"}
                run.tell(msgspec.json.encode({"type": "AlarmCommand", "id": str(number), **command}))
                answer = run.report(reports.Answered).answer
                assert answer.accepted, answer.reason
                run.kill()
            run.receive_until(lambda: run.ended)
        assert [m.seq for m in run.received] == list(range(len(run.received)))
        commands = [m for m in run.received if isinstance(m, AlarmCommand)]
        assert [(c.action, c.by) for c in commands] == [("alarm-off", "nurse"), ("acknowledge", "nurse")]
        assert plain_commands(kept(journal, "command", run.plan.epoch)) == plain_commands(commands)
        assert plain(kept(journal, "alarm", run.plan.epoch)) == plain(run.alarms)
        later = [e.inactivation for e in run.alarms if e.condition == "PAUSE" and e.seq > commands[0].seq]
        assert set(later) <= {"alarm-off"}
        assert ("ASYSTOLE", "off") in [(e.condition, e.change) for e in run.alarms]
        with Run(planned(tmp_path / "two", journal, f"ipc://{tmp_path}/nothing"), context) as again:
            again.report(reports.Heartbeat)
            again.report(reports.Heartbeat)
            again.receive()
    assert not [e for e in again.alarms if e.condition == "ASYSTOLE"], "what was acknowledged does not come back"
    assert verify(journal).wrong == ""


def plain_commands(commands: list[AlarmCommand]) -> list[tuple[Any, ...]]:
    return [(c.seq, c.id, c.action, c.condition, c.after_seq) for c in commands]
