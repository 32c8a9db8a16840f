"""A station raises the technical alarms that only a worker can see, each once, and ends them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from heartwire.engine import registry
from heartwire.engine.alarms.technical import Technical
from heartwire.engine.config import EngineConfig, StreamConfig
from heartwire.engine.errors import ModelError
from heartwire.engine.messages import CatheterFix, EcgChunk, EndOfStream, Finding, Gap, Item, XrayFrame, number_of
from heartwire.engine.processor import Processor
from heartwire.engine.stacking import alone
from heartwire.engine.station import Station


class Fixing(Processor):
    """Gives an empty fix for each frame; fails on a white one."""

    algorithmic_delay_s = 0.0

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, XrayFrame):
            if item.pixels.all():
                msg = "white frame"
                raise RuntimeError(msg)
            yield CatheterFix(stream=item.stream, frame=item.frame, captured_ns=item.captured_ns, devices=[])

    def reset(self) -> None: ...

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None: ...


@pytest.fixture
def alarms() -> list[Technical]:
    return []


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, alarms: list[Technical]) -> Station:
    """A station of a paced X-ray stream with `Fixing`."""

    def processor(kind: str, stream: str, settings: Mapping[str, Any]) -> Processor:
        return Fixing()

    monkeypatch.setattr(registry, "processor", processor)
    config = StreamConfig(id="lab-1/xray", source={"kind": "none"}, age_budget_ms=200.0)
    return Station(config, EngineConfig(stale_after_s=1.0), alarms.append)


def frame(number: int, *, captured_ns: int | None = None, value: int = 0) -> XrayFrame:
    captured_ns = time.monotonic_ns() if captured_ns is None else captured_ns
    item = XrayFrame(
        stream="lab-1/xray", frame=number, pixels=np.full((4, 4), value, np.uint8), rate_hz=15.0,
        captured_ns=captured_ns, seq=number,
    )  # fmt: skip
    item.trace.intended_ns = captured_ns
    return item


def changes(alarms: list[Technical]) -> list[tuple[str, str]]:
    return [(found.condition, "on" if found.holds else "off") for found in alarms]


def test_the_newest_frame_goes_first_and_the_account_says_what_became_of_the_others(made: Station) -> None:
    for number in range(3):
        made.put(frame(number))
    (fix,) = made.work()
    assert isinstance(fix, CatheterFix)
    assert fix.frame == 2
    made.put(EndOfStream(stream="lab-1/xray", offered=3))
    made.work()
    report = made.report()
    assert (report.offered, report.processed, report.dropped) == (3, 1, {"superseded": 2})
    assert report.final


def test_what_waits_is_in_flight(made: Station) -> None:
    made.put(frame(0))
    assert (made.report().offered, made.report().in_flight) == (1, 1)


def test_a_frame_past_its_age_budget_is_dropped_as_stale(made: Station) -> None:
    made.put(frame(0, captured_ns=time.monotonic_ns() - 300_000_000))
    assert made.work() == []
    assert made.report().dropped == {"stale": 1}


def test_a_silent_stream_is_stale_once_until_something_comes(made: Station, alarms: list[Technical]) -> None:
    made.put(frame(0))
    later_ns = time.monotonic_ns() + 1_500_000_000
    made.watch(later_ns)
    made.watch(later_ns)
    made.put(frame(1))
    assert changes(alarms) == [("STALE", "on"), ("STALE", "off")]


def test_a_failing_processor_is_an_alarm_until_the_next_frame_works(made: Station, alarms: list[Technical]) -> None:
    made.put(frame(0, value=255))
    assert made.work() == []
    made.put(frame(1))
    assert len(made.work()) == 1
    assert changes(alarms) == [("PROCESSOR", "on"), ("PROCESSOR", "off")]


def test_items_that_come_late_are_the_alarm_overload(monkeypatch: pytest.MonkeyPatch, alarms: list[Technical]) -> None:
    monkeypatch.setattr(registry, "processor", lambda *_: Fixing())
    station = Station(StreamConfig(id="bed-1/ecg", source={"kind": "none"}), EngineConfig(), alarms.append)
    for n, late_s in enumerate((2.0, 0.0)):
        samples = np.zeros((25, 1), np.float32)
        chunk = EcgChunk(stream="bed-1/ecg", first_sample=25 * n, rate_hz=250.0, leads=("II",), samples=samples)
        chunk.trace.intended_ns = time.monotonic_ns() - round(late_s * 1e9)
        station.put(chunk)
        station.work()
    assert changes(alarms) == [("OVERLOAD", "on"), ("OVERLOAD", "off")]


def test_a_jump_of_the_device_clock_is_an_alarm_and_the_stream_goes_on(made: Station, alarms: list[Technical]) -> None:
    fixes = []
    for number in range(60):
        arrived_ns = time.monotonic_ns() + number * 100_000_000
        jump_ns = 3_600_000_000_000 if number >= 50 else 0
        item = frame(number, captured_ns=10**9 + number * 100_000_000 + jump_ns)
        item.clock = "c-arm"
        item.trace.intended_ns = 0
        item.trace.received_ns = arrived_ns
        made.put(item)
        fixes += made.work()
    assert ("CLOCK", "on") in changes(alarms)
    assert len(fixes) == 60


def test_a_missing_model_is_an_alarm_not_an_end(monkeypatch: pytest.MonkeyPatch, alarms: list[Technical]) -> None:
    def missing(*_: object) -> Processor:
        msg = "model absent.onnx does not exist"
        raise ModelError(msg)

    monkeypatch.setattr(registry, "processor", missing)
    station = Station(StreamConfig(id="lab-1/xray", source={"kind": "none"}), EngineConfig(), alarms.append)
    assert changes(alarms) == [("MODEL", "on")]
    assert "absent.onnx" in station.notes[0]
    station.put(frame(0))
    assert station.work() == []
    assert station.report().dropped == {"model": 1}


def test_a_stream_whose_source_never_ends_can_be_ended_from_here(made: Station) -> None:
    made.put(frame(0))
    made.work()
    made.put(Gap(stream="lab-1/xray", first=1, count=2))
    made.work()
    (end,) = made.finish()
    assert isinstance(end, EndOfStream)
    assert end.offered == 3
    assert made.ended
    assert made.finish() == []


def test_a_device_that_starts_its_count_again_goes_on_under_rising_numbers(
    made: Station, alarms: list[Technical]
) -> None:
    numbers = []
    for number in (0, 1, 2, 0, 1):
        made.put(frame(number))
        (fix,) = made.work()
        assert isinstance(fix, CatheterFix)
        numbers.append(fix.frame)
    assert numbers == [0, 1, 2, 3, 4]
    assert changes(alarms) == [("CLOCK", "on"), ("CLOCK", "off")]
    made.put(EndOfStream(stream="lab-1/xray", offered=2))
    made.work()
    assert made.report().offered == made.report().processed == 5


def test_a_count_that_jumps_beyond_belief_is_an_alarm_not_a_gap(made: Station, alarms: list[Technical]) -> None:
    for item in (frame(0), Gap(stream="lab-1/xray", first=1, count=2**60), frame(2**60 + 1), frame(2**60 + 2)):
        made.put(item)
        made.work()
    assert changes(alarms) == [("CLOCK", "on"), ("CLOCK", "off")]
    report = made.report()
    assert (report.offered, report.processed, report.missing) == (3, 3, 0)
    assert made.position[1] == 2**60 + 3


def test_a_device_joined_on_its_way_is_accounted_for_from_there(made: Station) -> None:
    config = StreamConfig(id="lab-1/xray", connect="tcp://127.0.0.1:5555")
    station = Station(config, EngineConfig(), lambda _: None)
    station.put(frame(900))
    station.work()
    station.finish()
    assert (station.report().offered, station.report().processed) == (1, 1)


def test_a_device_that_never_sends_is_stale(made: Station, alarms: list[Technical]) -> None:
    made.expect()
    made.watch(time.monotonic_ns() + 2_000_000_000)
    assert changes(alarms) == [("STALE", "on")]


def test_technical_conditions_survive_a_restart_until_the_next_frame_works(
    made: Station, alarms: list[Technical], monkeypatch: pytest.MonkeyPatch
) -> None:
    made.put(frame(0, value=255))
    made.work()
    later = Station(StreamConfig(id="lab-1/xray", source={"kind": "none"}), EngineConfig(), alarms.append)
    later.restore(made.snapshot())
    assert [found.condition for found in later.technical()] == ["PROCESSOR"]
    later.put(frame(1))
    later.work()
    assert later.technical() == []
    assert changes(alarms) == [("PROCESSOR", "on"), ("PROCESSOR", "off")]


class Noting(Fixing):
    """Notes what it is given at once."""

    taken: list[list[int]]

    def __init__(self) -> None:
        self.taken = []
        self.numbers: list[int] = []

    def process(self, item: Item) -> Iterable[Finding]:
        return self.process_many([item])

    def process_many(self, items: Sequence[Item]) -> Iterable[Finding]:
        self.taken.append([item.seq for item in items])
        self.numbers += [number_of(item) for item in items if isinstance(item, EcgChunk | XrayFrame)]
        return []


@pytest.fixture
def noting(monkeypatch: pytest.MonkeyPatch) -> tuple[Station, list[Noting]]:
    """A station of a paced ECG stream, and the processors that it made."""
    made: list[Noting] = []

    def processor(kind: str, stream: str, settings: Mapping[str, Any]) -> Processor:
        made.append(Noting())
        return made[-1]

    monkeypatch.setattr(registry, "processor", processor)
    config = StreamConfig(id="bed-1/ecg", source={"kind": "none"})
    return Station(config, EngineConfig(), lambda _: None), made


def samples(seq: int) -> EcgChunk:
    return EcgChunk(
        stream="bed-1/ecg",
        first_sample=25 * seq,
        rate_hz=250.0,
        leads=("II",),
        samples=np.zeros((25, 1), np.float32),
        seq=seq,
    )


def test_samples_that_wait_are_taken_at_once_but_not_past_a_command_of_before(
    noting: tuple[Station, list[Noting]],
) -> None:
    station, (processor,) = noting
    for seq in range(5):
        station.put(samples(seq))
    station.put(Gap(stream="bed-1/ecg", first=125, count=25, seq=5))
    station.put(samples(7))
    alone(station.asking(up_to_seq=1))
    while station.waiting:
        station.work()
    assert processor.taken == [[0, 1], [2, 3, 4], [5], [7]]


def test_what_keeps_warm_is_another_processor_and_leaves_no_trace(noting: tuple[Station, list[Noting]]) -> None:
    station, made = noting
    assert station.warmth is None
    station.share(1, keep_warm=True)
    assert station.warmth is not None
    station.warmth.work()
    assert [p.taken for p in made] == [[], []]
    station.put(samples(0))
    station.work()
    report = station.report()
    station.warmth.work()
    station.warmth.work()
    assert [p.taken for p in made] == [[[0]], [[0], [0]]]
    assert station.report() == report
