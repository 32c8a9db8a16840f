"""`heartwire alarm` and `heartwire journal`: one clear line, the right status, what the journal holds."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
import zmq

from heartwire.engine.alarms import client
from heartwire.engine.alarms.desk import AlarmDesk
from heartwire.engine.alarms.journal import Journal, Record, Start
from heartwire.engine.alarms.strips import Strip
from heartwire.engine.alarms.technical import Technical
from heartwire.engine.bus import Publisher
from heartwire.engine.cli import main
from heartwire.engine.config import AlarmsConfig, Config, EngineConfig, StreamConfig
from heartwire.engine.messages import AlarmAnswer, AlarmCommand, AlarmEvent
from heartwire.engine.plan import make_plan
from heartwire.engine.supervisor import Supervisor

STREAM = "bed-1/ecg"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Run a command line; give status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["heartwire", *arguments])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Path]:
    """The journal of a desk at work, on which STALE stands; its worker accepts everything but limits."""
    (tmp_path / "run").mkdir()
    config = Config(
        engine=EngineConfig(),
        alarms=AlarmsConfig(journal=str(tmp_path / "ward.journal")),
        stream=[StreamConfig(id=STREAM, connect="ipc:///nowhere")],
    )
    plan = make_plan(config, tmp_path / "run")
    ended = threading.Event()
    ready = threading.Event()

    def serve() -> None:
        with zmq.Context() as context, Publisher("inproc://ward", context=context) as publisher:

            def forward(_: str, command: AlarmCommand) -> bool:
                accepted = command.action != "limits"
                reason = "" if accepted else "limits: too high"
                desk.answered(AlarmAnswer(stream=STREAM, id=command.id, accepted=accepted, reason=reason))
                return True

            desk = AlarmDesk(plan, publisher, context, forward)
            desk.found("work-ecg", Technical(STREAM, "STALE", True, 1, 250.0, {"rule": "nothing came"}))
            while not ended.is_set():
                desk.commands.poll(5)
                desk.step()
                if desk.idle:
                    ready.set()
            desk.close(in_order=True)

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(20)
    yield tmp_path / "ward.journal"
    ended.set()
    thread.join()


def test_commands_are_carried_out_and_listed(call: Call, ward: Path) -> None:
    status, out, _ = call("alarm", "list")
    assert status == 0
    assert re.search(r"bed-1/ecg.*STALE.*on.*medium", out)
    assert call("alarm", "acknowledge", STREAM, "STALE", "--by", "nurse") == (
        0, f"acknowledge: carried out for {STREAM} STALE\n", "",
    )  # fmt: skip
    assert call("alarm", "pause", STREAM, "--audio", "--seconds", "60", "--by", "nurse")[0] == 0
    assert call("alarm", "off", STREAM, "STALE", "--by", "nurse")[0] == 0
    out = call("alarm", "list", "--journal", str(ward))[1]
    assert re.search("STALE.*acknowledged", out)
    assert "all of the engine: audio-paused, by nurse" in out
    assert "STALE: alarm-off, by nurse" in out
    assert call("alarm", "resume", STREAM, "STALE", "--by", "nurse")[0] == 0
    assert "alarm-off" not in call("alarm", "list")[1]


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (("acknowledge", "bed-9/ecg"), 1, "there is no stream 'bed-9/ecg'"),
        (("resume", STREAM, "STALE"), 1, "are enabled already"),
        (("limits", STREAM, "tachy_bpm=900"), 1, "limits: too high"),
        (("limits", STREAM, "tachy_bpm"), 2, "'tachy_bpm' is not NAME=VALUE"),
        (("limits", STREAM, "tachy_bpm=nan"), 1, "every number must be finite"),
        (("resume", STREAM, "X" * 33), 2, "length <= 32"),
        (("acknowledge", "bed 1"), 2, "stream id 'bed 1'"),
        (("acknowledge", STREAM, "--journal", "absent"), 2, "no such file"),
    ],
)
def test_a_command_that_is_not_valid_is_one_line(
    call: Call, ward: Path, arguments: tuple[str, ...], status: int, why: str
) -> None:
    found, out, error = call("alarm", *arguments, "--by", "nurse")
    assert (found, out, error.count("\n")) == (status, "", 1)
    assert why in error


def test_without_a_run_there_is_nobody_to_command(call: Call, tmp_path: Path) -> None:
    assert "0 files *.journal" in call("alarm", "list")[2]
    with Journal(tmp_path / "old.journal") as journal:
        start = Start(version="1", streams=[STREAM], commands=f"ipc://{tmp_path}/gone")
        journal.append([Record(1, start)])
    status, _, error = call("alarm", "acknowledge", STREAM, "--by", "nurse")
    assert (status, error.count("\n")) == (2, 1)
    assert "no run writes it now" in error


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "old.journal"
    event = AlarmEvent(
        stream=STREAM, condition="V_RUN", mdc=None, kind="physiological", priority="medium", change="on",
        onset_sample=10, decision_sample=499, algorithmic_delay_s=1.0, generation_delay_s=0.0123,
        reason={"rule": "ventricular beats in a row", "beats": 3, "beat_samples": [100, 200], "beat_classes": "NV"},
    )  # fmt: skip
    with Journal(path) as journal:
        journal.append([Record(1, Start(version="1", streams=[STREAM], commands=""))])
        journal.append([Record(1, event, Strip(0, 250.0, ("II",), bytes(1000)))])
        journal.append([Record(1, AlarmCommand(stream="bed-2/ecg", action="resume", by="nurse", id="1", seq=0))])
    return path


def test_a_journal_is_verified_with_one_line_and_a_status(call: Call, written: Path) -> None:
    status, out, _ = call("journal", "verify", str(written))
    head = re.fullmatch(rf"{written}: whole: 3 entries, head ([0-9a-f]{{64}})\n", out)
    assert status == 0
    assert head
    assert call("journal", "verify", str(written), "--head", head[1])[0] == 0
    status, out, _ = call("journal", "verify", str(written), "--head", "0" * 64)
    assert status == 1
    assert "BROKEN: no entry has the hash" in out
    status, _, error = call("journal", "verify", "absent")
    assert (status, error) == (2, "heartwire: journal absent: there is no such file\n")


def test_a_journal_is_shown_by_stream_and_time(call: Call, written: Path) -> None:
    out = call("journal", "show", str(written))[1]
    assert re.search("V_RUN.*on.*condition_delay_s 1.0,.*generation_delay_s 0.0123,.*ventricular beats in a row", out)
    assert re.search(r"V_RUN.*1\.00 \+ 0\.012", call("alarm", "list", "--journal", str(written))[1])
    assert re.search("command.*resume.*by nurse", out)
    assert "V_RUN" not in call("journal", "show", str(written), "--stream", "bed-2/ecg")[1]
    assert "V_RUN" not in call("journal", "show", str(written), "--until", "2020-01-01")[1]
    assert "V_RUN" in call("journal", "show", str(written), "--since", "2020-01-01")[1]
    assert "V_RUN" not in call("journal", "show", str(written), "--last", "1")[1]


def test_a_damaged_journal_is_one_line(call: Call, written: Path) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    for command in (("show", str(written)), ("strip", str(written), "2")):
        status, _, error = call("journal", *command)
        assert (status, error.count("\n")) == (2, 1)
        assert "malformed" in error


def test_the_strip_of_an_alarm_is_drawn(call: Call, written: Path, tmp_path: Path) -> None:
    out = tmp_path / "strip.png"
    assert call("journal", "strip", str(written), "2", "--out", str(out))[0] == 0
    assert cv2.imread(str(out)) is not None
    assert "entry 3 has no strip" in call("journal", "strip", str(written), "3")[2]
    assert "entry 9 does not exist" in call("journal", "strip", str(written), "9")[2]


@pytest.mark.timeout(240)
def test_a_command_reaches_the_worker_of_a_run(tmp_path: Path) -> None:
    journal = tmp_path / "ward.journal"
    stream = StreamConfig(id=STREAM, source={"kind": "simulated-ecg", "seconds": 600}, settings={"provider": "cpu"})
    config = Config(alarms=AlarmsConfig(journal=str(journal)), stream=[stream])
    answers: list[AlarmAnswer] = []

    def give() -> None:
        for action, condition, limits in (
            ("alarm-off", "VF", {}), ("limits", "", {"tachy_bpm": 130.0}), ("acknowledge", "VT", {}),
        ):  # fmt: skip
            command = client.command(STREAM, action, "nurse", condition, limits=limits)  # type: ignore[arg-type]
            answers.append(client.give(journal, command))

    nurse = threading.Thread(target=give)
    (tmp_path / "r").mkdir()
    with Supervisor(config, tmp_path / "r", lambda _: None) as supervisor:
        supervisor.wait_ready(lambda: False)
        nurse.start()
        supervisor.run(lambda: not nurse.is_alive())
    nurse.join()
    assert [(a.accepted, a.reason) for a in answers] == [
        (True, ""), (True, ""), (False, "nothing to acknowledge: VT is off"),
    ]  # fmt: skip
