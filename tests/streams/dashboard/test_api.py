"""What the page asks for over HTTP, of a dashboard process."""

from __future__ import annotations

import json
import struct
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from heartwire.engine.alarms import lock
from heartwire.engine.alarms.journal import Journal, Record, Start
from heartwire.engine.alarms.strips import Strip
from heartwire.engine.messages import AlarmAnswer, AlarmCommand, AlarmEvent, AlarmInactivation, Beat, HeartRate
from heartwire.engine.plan import Plan
from heartwire.engine.wire import decode, encode
from heartwire.streams.dashboard import records

BED = "bed-1/ecg"
ANNA: dict[str, Any] = {"stream": BED, "by": "Anna"}


def get(run: Any, what: str, **query: Any) -> Any:
    with urllib.request.urlopen(f"{run.url}api/{what}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        body = answer.read()
        return json.loads(body) if answer.headers["content-type"] == "application/json" else body


def status_of(run: Any, what: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"{run.url}api/{what}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def command(run: Any, **order: Any) -> tuple[int, dict[str, Any]]:
    code, body = status_of(run, "command", json.dumps(order).encode(), **{"Content-Type": "application/json"})
    return code, json.loads(body)


class Desk:
    """In the supervisor's place: takes commands and refuses those for VT."""

    def __init__(self, plan: Plan) -> None:
        self.taken: list[AlarmCommand] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.bind(plan.command_endpoint())
        self._lock = lock.hold(plan.journal_path())
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            if self._socket.poll(20):
                sender, *parts = self._socket.recv_multipart()
                taken = decode(parts)
                assert isinstance(taken, AlarmCommand)
                self.taken.append(taken)
                refused = taken.condition == "VT"
                answer = AlarmAnswer(
                    stream=taken.stream, id=taken.id, accepted=not refused, reason="VT is off" if refused else ""
                )
                self._socket.send_multipart([sender, *encode(answer)])

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()
        self._context.term()
        self._lock.close()


def event(change: Any = "on", seq: int = 0, **more: Any) -> AlarmEvent:
    return AlarmEvent(
        stream=BED,
        condition="VF",
        mdc=None,
        kind="physiological",
        priority="high",
        change=change,
        onset_sample=0,
        decision_sample=500,
        algorithmic_delay_s=2.0,
        seq=seq,
        **more,
    )


@pytest.fixture
def kept(run_dir: Path, start_run: Any) -> Iterator[tuple[Any, Desk]]:
    """A run whose journal has an alarm with its strip, an acknowledgement, a pause and changed limits."""
    strip = Strip(100, 250.0, ("II",), np.arange(50, dtype="<i2").tobytes())
    by = {"by": "Anna"}

    def write(plan: Plan) -> None:
        with Journal(plan.journal_path()) as journal:
            reason = {"rule": "votes", "beat_samples": [110, 120], "beat_classes": "NV"}
            limits = AlarmCommand(**ANNA, action="limits", id="1", limits={"tachy_bpm": 130.0}, seq=3)
            pause = AlarmInactivation(
                **ANNA, condition="", kind="signal", change="audio-paused", decision_sample=9, lasts_s=120.0, seq=2
            )
            journal.append(
                [
                    Record(plan.epoch, Start(version="1", streams=[BED], commands=plan.command_endpoint(), live=[BED])),
                    Record(plan.epoch, event(reason=reason), strip),
                    Record(plan.epoch, event("acknowledged", 1, reason={"rule": "seen", **by})),
                    Record(plan.epoch, pause),
                    Record(plan.epoch, limits),
                ]
            )

    run = start_run(run_dir, prepare=write)
    run.report()
    with closing(Desk(run.plan)) as desk:
        yield run, desk


def test_a_command_reaches_the_run_and_its_outcome_the_page(kept: tuple[Any, Desk]) -> None:
    run, desk = kept
    assert command(run, **ANNA, action="audio-pause", lasts_s=60) == (200, {"accepted": True, "reason": ""})
    assert command(run, **ANNA, action="acknowledge", condition="VT") == (
        409,
        {"accepted": False, "reason": "VT is off"},
    )
    assert [(c.action, c.by, c.lasts_s) for c in desk.taken] == [
        ("audio-pause", "Anna", 60),
        ("acknowledge", "Anna", 0),
    ]


NO_COMMANDS: list[dict[str, Any]] = [
    {"stream": BED, "action": "acknowledge"},
    {"stream": BED, "action": "acknowledge", "by": " \x00 "},
    {"stream": BED, "action": "explode", "by": "Anna"},
    {"stream": BED, "action": "limits", "by": "Anna", "limits": {"tachy_bpm": "many"}},
    {"stream": BED, "action": "limits", "by": "Anna", "more": 1},
    {"stream": "no id!", "action": "resume", "by": "Anna"},
    {"stream": BED, "action": "resume", "by": "A" * 65},
]


def test_what_is_no_command_is_refused_with_the_reason(kept: tuple[Any, Desk]) -> None:
    run, desk = kept
    for order in NO_COMMANDS:
        code, outcome = command(run, **order)
        assert (code, outcome["accepted"], desk.taken) == (409, False, []), order
        assert outcome["reason"], order


def test_a_command_that_is_too_large_or_came_by_a_form_is_refused(run: Any) -> None:
    json_type = {"Content-Type": "application/json"}
    assert status_of(run, "command", b" " * 5000, **json_type)[0] == 413
    assert status_of(run, "command", b"{}", **{"Content-Type": "text/plain"})[0] == 415
    assert status_of(run, "command", b"{}", **json_type, Origin="http://elsewhere.example")[0] == 403
    assert status_of(run, "command")[0] == 405
    assert get(run, "status")["turned_away"] == {"an oversized command": 1, "foreign host or origin": 1}


def test_a_command_without_a_run_that_takes_it_says_so(run: Any) -> None:
    code, outcome = command(run, **ANNA, action="resume")
    assert (code, outcome["accepted"]) == (409, False)
    assert "journal" in outcome["reason"]


def test_the_alarm_list_names_who_did_what_and_gives_the_strip(kept: tuple[Any, Desk]) -> None:
    run, _ = kept
    entries = get(run, "alarms", stream=BED)
    assert [(e["id"], e["kind"], e["change"], e["by"]) for e in entries] == [
        (5, "command", "limits", "Anna"),
        (4, "inactivation", "audio-paused", "Anna"),
        (3, "alarm", "acknowledged", "Anna"),
        (2, "alarm", "on", ""),
    ]
    assert [e["id"] for e in get(run, "alarms", stream=BED, before=4)] == [3, 2]
    assert [e["strip"] for e in entries] == [False, False, False, True]
    body = get(run, "strip", id=2)
    kind, _, length = struct.unpack_from("<BxHI", body)
    size = struct.unpack_from("<I", body, 8)[0]
    about = json.loads(body[12 : 12 + size])
    assert kind == records.PIECE
    assert about == {"first_sample": 100, "rate_hz": 250.0, "leads": ["II"], "beats": [[110, "N"], [120, "V"]]}
    assert np.frombuffer(body[12 + size : 8 + length], "<i2").tolist() == list(range(50))
    assert status_of(run, "strip?id=3")[0] == 404


def test_what_stood_before_the_dashboard_began_is_known(kept: tuple[Any, Desk]) -> None:
    run, _ = kept
    status = get(run, "status")
    (alarm,), (inactive,) = status["alarms"], status["inactive"]
    assert (alarm["condition"], alarm["change"], alarm["by"]) == ("VF", "acknowledged", "Anna")
    assert alarm["inactivation"] == "audio-paused"
    assert (inactive["change"], inactive["by"]) == ("audio-paused", "Anna")
    assert 100 < inactive["ends_s"] <= 120
    limits = {limit["name"]: limit for limit in get(run, "limits", stream=BED)}
    assert (limits["tachy_bpm"]["value"], limits["tachy_bpm"]["first"]) == (130, 120)
    assert (limits["tachy_bpm"]["minimum"], limits["tachy_bpm"]["maximum"]) == (15, 350)


def test_the_recording_and_the_trends_are_read_back(run: Any) -> None:
    with run.page() as page:
        next(run.read_while(page, run.feed_ecg, records.STRIP))

        def beat() -> None:
            end = run.feed_ecg().end_sample
            run.publish("work-ecg", Beat(stream=BED, sample=end - 20, decision_sample=end, label="V", confidence=1.0))
            run.publish("work-ecg", HeartRate(stream=BED, sample=end - 20, decision_sample=end, rate_bpm=72.0))

        next(run.read_while(page, beat, records.BEAT))
    trend = None
    deadline = time.monotonic() + 10
    while not (trend and trend["heart_rate_bpm"][-1]) and time.monotonic() < deadline:
        trend = get(run, "trends", stream=BED)
    assert trend is not None
    assert trend["heart_rate_bpm"][-1] == 72.0
    assert trend["pvc_per_minute"][-1] >= 1

    now_ms = time.time() * 1000
    body = get(run, "recording", stream=BED, **{"from": now_ms - 60_000, "to": now_ms + 60_000}, lead="II")
    size = struct.unpack_from("<I", body, 8)[0]
    about = json.loads(body[12 : 12 + size])
    samples_uv = np.frombuffer(body[12 + size : 8 + struct.unpack_from("<I", body, 4)[0]], "<i2")
    assert (about["leads"], about["rate_hz"]) == (["II"], 250.0)
    assert {label for _, label in about["marks"]} == {"V"}
    numbers = np.arange(about["first_sample"], about["first_sample"] + len(samples_uv))
    np.testing.assert_allclose(samples_uv, 1000 * np.sin(2 * np.pi * 2 * numbers / 250), atol=1.0)
    first_ms, end_ms = get(run, "span", stream=BED)
    assert first_ms == about["start_ms"]
    assert abs(end_ms - now_ms) < 10_000


NOT_THERE: list[tuple[str, int]] = [
    ("limits?stream=bed-9/ecg", 404),
    ("trends?stream=lab-1/xray", 404),
    ("recording?stream=bed-1/ecg&from=0&to=1e9", 400),
    ("recording?stream=bed-1/ecg&from=5&to=0", 400),
    ("recording?stream=bed-1/ecg&from=nan&to=1", 400),
    ("recording?stream=bed-1/ecg", 400),
    ("strip?id=x", 400),
    ("strip?id=1", 503),
    ("nothing", 404),
]


def test_what_is_not_there_is_said_in_one_line(run: Any) -> None:
    for what, code in NOT_THERE:
        found, body = status_of(run, what)
        assert found == code, what
        assert b"Traceback" not in body, what
