"""What the dashboard makes of messages, without a process around it."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import cv2
import numpy as np
import pytest

from heartwire.engine.config import StreamConfig
from heartwire.engine.messages import (
    AlarmChange,
    AlarmEvent,
    AlarmInactivation,
    AlarmInactive,
    CatheterFix,
    EcgChunk,
    EndOfStream,
    HeartRate,
    LedgerReport,
    Overlay,
    Priority,
    Rhythm,
    SignalQuality,
    Trace,
    XrayFrame,
)
from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.alarms import AlarmList
from heartwire.streams.dashboard.backlog import KEEP_NS, Backlog
from heartwire.streams.dashboard.bed import BedView
from heartwire.streams.dashboard.bed_limits import BedLimits
from heartwire.streams.dashboard.board import Board
from heartwire.streams.dashboard.lab import LabView
from heartwire.streams.dashboard.latency import WINDOW_NS, LastMinute
from heartwire.streams.dashboard.status import Account
from heartwire.streams.dashboard.viewer import Viewer

S = 1_000_000_000
BED, LAB = StreamConfig(id="bed-1/ecg"), StreamConfig(id="lab-1/xray", age_budget_ms=200)


def chunk(first: int = 0, count: int = 25, leads: tuple[str, ...] = ("V1", "II"), level_mv: float = 0.5) -> EcgChunk:
    samples = np.full((count, len(leads)), level_mv, np.float32) * np.arange(1, len(leads) + 1, dtype=np.float32)
    return EcgChunk(stream=BED.id, first_sample=first, rate_hz=250.0, leads=leads, samples=samples)


def frame(number: int, intended_ns: int, pixels: Any = None, bits: int = 8) -> XrayFrame:
    if pixels is None:
        pixels = np.full((64, 64), 90, np.uint8)
    return XrayFrame(stream=LAB.id, frame=number, pixels=pixels, bits=bits, trace=Trace(intended_ns=intended_ns))


def overlay(number: int, shown: bool = True, reason: str = "") -> Overlay:
    return Overlay(stream=LAB.id, frame=number, shown=shown, age_ms=10.0, reason=reason)


def fix(number: int) -> CatheterFix:
    return CatheterFix(stream=LAB.id, frame=number, captured_ns=0, devices=[])


def about(view: LabView) -> dict[str, Any]:
    body = view.record()[8:]
    return dict(json.loads(body[4 : 4 + struct.unpack_from("<I", body)[0]]))


def event(condition: str, priority: Priority, change: AlarmChange) -> AlarmEvent:
    return AlarmEvent(
        stream=BED.id,
        condition=condition,
        mdc=None,
        kind="physiological",
        priority=priority,
        change=change,
        onset_sample=0,
        decision_sample=0,
        algorithmic_delay_s=0.0,
    )


def test_samples_on_the_wire_mark_what_is_invalid_and_are_clipped() -> None:
    samples_uv = records.microvolts(np.array([0.0012, np.nan, 100.0, -100.0], np.float32))
    assert samples_uv.tolist() == [1, records.INVALID_UV, 32767, -32767]


def test_a_record_of_all_leads_holds_them_sample_by_sample() -> None:
    bed = BedView(0, BED)
    strip = bed.take(chunk(first=50, count=3), 1)
    (leads,), _ = bed.all_leads.after(None, 1, S)
    assert len(strip) % 8 == len(leads) % 8 == 0
    assert struct.unpack_from("<ddfBB", strip, 8)[0::3] == (50.0, 1)
    assert struct.unpack_from("<ddfBB", leads, 8)[3:] == (0, 2)
    assert np.frombuffer(strip, "<i2", 3, offset=32).tolist() == [1000] * 3
    assert np.frombuffer(leads, "<i2", 6, offset=32).tolist() == [500, 1000] * 3


def test_the_lead_shown_changes_only_when_it_is_no_longer_analysed() -> None:
    bed = BedView(0, BED)
    bed.take(chunk(), 1)
    assert bed.status(1).lead == "II"
    about = {"stream": BED.id, "sample": 1, "decision_sample": 1, "leads": ("V1", "II"), "quality": (0.9, 0.2)}
    bed.found(SignalQuality(analysed=("V1", "II"), **about))
    assert (bed.status(1).lead, bed.status(1).quality) == ("II", 0.2)
    bed.found(SignalQuality(analysed=("V1",), **about))
    assert bed.status(1).lead == "V1"
    bed.found(SignalQuality(analysed=("II", "V1"), **about))
    assert bed.status(1).lead == "V1"


def test_a_heart_rate_is_shown_while_it_is_fresh_and_means_something() -> None:
    bed = BedView(0, BED)
    bed.take(chunk(), 1)
    bed.found(HeartRate(stream=BED.id, sample=10, decision_sample=20, rate_bpm=71.96))
    assert bed.status(1).heart_rate_bpm == 72.0
    bed.found(Rhythm(stream=BED.id, sample=10, decision_sample=20, label="VF"))
    assert bed.status(1).heart_rate_bpm is None
    bed.found(Rhythm(stream=BED.id, sample=10, decision_sample=20, label="N"))
    bed.take(chunk(first=250 * 7), 2)
    assert bed.status(1).heart_rate_bpm is None


def test_a_heart_rate_of_fibrillation_does_not_come_into_the_trends() -> None:
    bed = BedView(0, BED)
    bed.take(chunk(), S)
    for rhythm, rate_bpm in (("N", 60.0), ("VF", 300.0)):
        bed.found(Rhythm(stream=BED.id, sample=10, decision_sample=20, label=rhythm))
        bed.found(HeartRate(stream=BED.id, sample=10, decision_sample=20, rate_bpm=rate_bpm))
    trend = bed.trends.since(0.0)
    assert trend is not None
    assert trend.heart_rate_bpm == [60.0]


def test_a_stream_waits_lives_falls_silent_and_ends() -> None:
    board = Board([BED, LAB])
    bed = board.streams[BED.id]
    assert bed.status(5 * S).state == "waiting"
    board.take(chunk(), 5 * S)
    assert bed.status(6 * S).state == "live"
    silent = bed.status(8 * S)
    assert (silent.state, silent.silent_s) == ("silent", 3.0)
    board.take(EndOfStream(stream=BED.id, offered=25), 8 * S)
    assert bed.status(8 * S).state == "ended"
    board.take(LedgerReport(stream="bed-99/ecg", offered=1, processed=1, dropped={}, missing=0, in_flight=0), 8 * S)


def test_an_overlay_is_shown_on_its_own_frame_and_on_no_other() -> None:
    lab = LabView(1, LAB)
    for number in (1, 2, 3):
        lab.take(frame(number, S), S)
    assert lab.shown == -1
    lab.found(fix(2))
    lab.found(overlay(2))
    assert (lab.shown, about(lab)["frame"], about(lab)["shown"]) == (2, 2, True)
    lab.found(overlay(1))
    assert lab.shown == 2


def test_a_frame_without_an_overlay_is_shown_after_the_age_budget_and_says_why() -> None:
    lab = LabView(1, LAB)
    lab.take(frame(1, S), S)
    lab.advance(S + 199_000_000)
    assert lab.shown == -1
    lab.advance(S + 201_000_000)
    assert (lab.shown, about(lab)["shown"], about(lab)["reason"]) == (1, False, "no position within 200 ms")
    lab.take(frame(2, 2 * S), 2 * S)
    lab.found(fix(2))
    lab.found(overlay(2, shown=False, reason="too old"))
    assert (lab.shown, about(lab)["reason"], about(lab)["devices"]) == (2, "too old", [])


def test_a_source_that_starts_anew_is_followed_and_a_frame_sent_again_is_not() -> None:
    lab = LabView(1, LAB)
    for number in (500, 499, 0):
        lab.take(frame(number, S), S)
        lab.found(overlay(number))
        assert lab.shown == (0 if number == 0 else 500)


def test_deep_and_large_frames_become_8_bit_and_small() -> None:
    lab = LabView(1, LAB)
    pixels = np.linspace(1000, 3000, 1024 * 1280).reshape(1024, 1280).astype(np.uint16)
    lab.take(frame(1, S, pixels, bits=12), S)
    lab.found(overlay(1))
    body = lab.record()[8:]
    size = struct.unpack_from("<I", body)[0]
    picture = cv2.imdecode(np.frombuffer(body[4 + size :], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (512, 640)
    assert picture[0].mean() < 8
    assert picture[-1].mean() > 247
    assert (about(lab)["width"], about(lab)["height"]) == (1280, 1024)


def test_alarms_are_listed_by_urgency_and_latched_ones_after_those_that_hold() -> None:
    alarms = AlarmList()
    for second, (condition, priority, change) in enumerate(
        [
            ("NOISY", "low", "on"),
            ("VF", "high", "on"),
            ("PAUSE", "medium", "on"),
            ("VT", "high", "on"),
            ("VT", "high", "latched"),
            ("PAUSE", "medium", "off"),
        ]
    ):
        alarms.take(event(condition, priority, change), second * S)  # type: ignore[arg-type]
    assert [(a.condition, a.since_s) for a in alarms.active(10 * S)] == [("VF", 9.0), ("VT", 7.0), ("NOISY", 10.0)]
    assert [(e.condition, e.change) for e in alarms.events(10 * S)][:2] == [("PAUSE", "off"), ("VT", "latched")]


def test_what_begins_again_after_it_was_latched_is_new() -> None:
    alarms = AlarmList()
    for second, change in ((0, "on"), (2, "escalated"), (3, "latched"), (8, "on")):
        alarms.take(event("VT", "high", change), second * S)
    assert [a.since_s for a in alarms.active(10 * S)] == [2.0]


def inactivation(change: AlarmInactive, condition: str = "", kind: Any = "signal", **more: Any) -> AlarmInactivation:
    return AlarmInactivation(
        stream=BED.id, condition=condition, kind=kind, change=change, decision_sample=0, by="Anna", **more
    )


def test_what_was_told_before_the_dashboard_began_keeps_its_time_and_is_not_late() -> None:
    board = Board([BED])
    now_ns = time.monotonic_ns()
    before = Trace(intended_ns=now_ns - 41 * S, published_ns=now_ns - 40 * S)
    alarm, pause = event("VT", "high", "on"), inactivation("audio-paused", lasts_s=120.0)
    alarm.trace, pause.trace = before, before
    board.take(alarm, now_ns)
    board.take(pause, now_ns)
    assert [a.since_s for a in board.alarms.active(now_ns)] == [40.0]
    assert [i.ends_s for i in board.alarms.inactive(now_ns)] == [80.0]
    (told,) = board.alarms.events(now_ns)
    assert told.system_delay_ms == 1000.0
    assert board.streams[BED.id].latency.summary(now_ns) is None


def test_an_alarm_tells_who_acknowledged_it_and_which_of_its_signals_are_given() -> None:
    alarms = AlarmList()
    alarms.take(event("VF", "high", "on"), S)
    alarms.take(event("STALE", "medium", "on"), S)
    alarms.inactivate(inactivation("audio-paused", lasts_s=120.0), S)
    alarms.inactivate(inactivation("alarm-off", "STALE", kind="engine"), S)
    assert [(a.condition, a.inactivation) for a in alarms.active(2 * S)] == [
        ("VF", "audio-paused"),
        ("STALE", "alarm-off"),
    ]
    assert [(i.change, i.by, i.ends_s) for i in alarms.inactive(31 * S)] == [
        ("audio-paused", "Anna", 90.0),
        ("alarm-off", "Anna", None),
    ]
    alarms.inactivate(inactivation("alarm-off", "STALE", kind="engine", reminder=True), 40 * S)
    alarms.inactivate(inactivation("enabled"), 40 * S)
    assert [i.change for i in alarms.inactive(41 * S)] == ["alarm-off"]
    seen = event("VF", "high", "acknowledged")
    seen.reason = {"rule": "seen", "by": "Anna"}
    alarms.take(seen, 50 * S)
    assert (alarms.active(50 * S)[0].by, alarms.active(50 * S)[0].inactivation) == ("Anna", "enabled")


def test_limits_are_those_of_the_category_then_the_configuration_then_of_commands() -> None:
    config = StreamConfig(id=BED.id, settings={"category": "neonate", "limits": {"tachy_bpm": 210.0}})
    limits = BedLimits([config])
    limits.change(BED.id, {"brady_bpm": 110.0})
    limits.change(BED.id, {"brady_bpm": 9999.0})
    limits.change("bed-9/ecg", {"brady_bpm": 60.0})
    found = {limit.name: (limit.value, limit.first) for limit in limits.of(BED.id)}
    assert (found["brady_bpm"], found["tachy_bpm"]) == ((110.0, 100.0), (210.0, 210.0))
    assert limits.of("bed-9/ecg") == []


def test_a_page_gets_what_it_watches_and_its_round_trip_is_measured() -> None:
    board = Board([BED, LAB])
    viewer = Viewer(board)
    assert viewer.next_message(S) is None
    board.take(chunk(), S)
    board.advance(S)
    first = viewer.next_message(S)
    assert first is not None
    assert [first[0], first[24]] == [records.CLOCK, records.STRIP]
    assert struct.unpack_from("<dIf", first, 8) == (1000.0, 1, 0.0)
    viewer.acknowledge(struct.pack("<IHH", 1, 0, 999), S + 6_000_000)
    second = viewer.next_message(S + 20_000_000)
    assert second is not None
    assert struct.unpack_from("<dIf", second, 8)[1:] == (2, 6.0)
    assert second[24] == records.LEADS
    viewer.acknowledge(struct.pack("<I", 2), S + 30_000_000)
    board.take(chunk(first=25), S + 40_000_000)
    board.advance(S + 40_000_000)
    third = viewer.next_message(S + 40_000_000)
    assert third is not None
    assert len(third) < len(first) + 8
    viewer.acknowledge(b"\xff" * 3, S)
    viewer.acknowledge(b"\xff" * 4, S)
    viewer.acknowledge(b"\x00" * 1000, S)
    assert viewer.next_message(S + 50_000_000) is None


def test_viewers_share_the_bytes_of_a_tick() -> None:
    board = Board([BED, LAB])
    for first in (0, 25, 50):
        board.take(chunk(first=first), S)
    board.advance(S)
    (one,), _ = board.backlog.after(None, S, S)
    (other,), _ = board.backlog.after(0, S, S)
    assert one is other


def test_latency_covers_the_last_minute_and_only_what_was_paced() -> None:
    latency = LastMinute()
    assert latency.summary(0) is None
    latency.add(0, S)
    assert latency.summary(S) is None
    latency.add(S, S + 900_000_000)
    for n in range(100):
        latency.add(2 * S, 2 * S + n * 100_000)
    summary = latency.summary(3 * S)
    assert summary is not None
    assert (summary.count, summary.max_ms) == (101, 900.0)
    later = latency.summary(S + 900_000_000 + WINDOW_NS + 1)
    assert later is not None
    assert (later.count, later.max_ms) == (100, 9.9)


@pytest.mark.parametrize(("missing", "balanced"), [(3, True), (2, False)])
def test_an_account_says_whether_it_adds_up(missing: int, balanced: bool) -> None:
    report = LedgerReport(
        stream=BED.id, offered=100, processed=90, dropped={"stale": 2, "raised": 1}, missing=missing, in_flight=4
    )
    assert Account.of(report).balanced is balanced


def test_the_backlog_forgets_what_is_old_and_skips_for_those_who_lag() -> None:
    backlog = Backlog()
    for n in range(40):
        backlog.add(n * S, b"%d" % n)
    assert backlog.end == 40
    kept, end = backlog.after(None, 39 * S, 2 * S)
    assert (kept[-1], len(kept), end) == (b"39", KEEP_NS // S + 1, 40)
    assert backlog.after(38, 39 * S, 2 * S) == ([b"38", b"39"], 40)
    assert backlog.after(30, 39 * S, 2 * S) == ([b"37", b"38", b"39"], 40)
    assert backlog.after(40, 39 * S, 2 * S) == ([], 40)
    assert backlog.after(30, 100 * S, 2 * S) == ([], 40)
