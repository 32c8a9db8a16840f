"""Warnings and fixes as JSON lines."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import AlarmEvent, CatheterFix, Device, EcgChunk, EndOfStream, Message, Trace, XrayFrame
from heartwire.engine.sink import Sink
from heartwire.streams.sinks.fixes import FixesSink
from heartwire.streams.sinks.warnings import WarningsSink


def chunk(stream: str = "bed-1/ecg", first: int = 0, n: int = 250) -> EcgChunk:
    samples = np.zeros((n, 1), np.float32)
    return EcgChunk(stream=stream, first_sample=first, rate_hz=250.0, leads=("II",), samples=samples)


def alarm(decision: int = 1000, stream: str = "bed-1/ecg", **fields: Any) -> AlarmEvent:
    return AlarmEvent(
        stream=stream, condition="VT", mdc=199832, kind="physiological", priority="high", change="on",
        onset_sample=decision - 500, decision_sample=decision, algorithmic_delay_s=2.0, reason={"beats": 5}, **fields,
    )  # fmt: skip


def fix(frame: int = 0, **fields: Any) -> CatheterFix:
    device = Device(
        id=1, class_="catheter", state="tracked", visible=True, confidence=0.93, tip_px=(10.123456, 20.0),
        tip_mm=(2.0246912, 4.0), error_px=1.4111, centreline_px=[(0.0, 0.0), (10.123456, 20.0)],
        electrodes_px=[(9.87654, 19.0)],
    )  # fmt: skip
    return CatheterFix(stream="lab-1/xray", frame=frame, captured_ns=0, devices=[device], **fields)


def written(sink: Sink, messages: list[Message], path: Path) -> list[dict[str, Any]]:
    opened = sink.open()
    for message in messages:
        opened.write(message)
    opened.close()
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_warning_is_a_line_with_its_samples_and_times(tmp_path: Path) -> None:
    (line,) = written(WarningsSink(out=str(tmp_path)), [chunk(), alarm()], tmp_path / "bed-1-ecg.warnings.jsonl")
    assert line == {
        "condition": "VT",
        "mdc": 199832,
        "kind": "physiological",
        "priority": "high",
        "change": "on",
        "onset_sample": 500,
        "decision_sample": 1000,
        "algorithmic_delay_s": 2.0,
        "system_delay_ms": None,
        "emitted_s": 4.0,
        "reason": {"beats": 5},
    }


def test_at_the_device_pace_a_warning_tells_its_measured_delay(tmp_path: Path) -> None:
    trace = Trace(intended_ns=time.monotonic_ns() - 5_000_000)
    (line,) = written(
        WarningsSink(out=str(tmp_path)), [chunk(), alarm(trace=trace)], tmp_path / "bed-1-ecg.warnings.jsonl"
    )
    assert 5.0 <= line["system_delay_ms"] < 5000.0
    assert line["emitted_s"] == pytest.approx(4.0 + line["system_delay_ms"] * 1e-3, abs=1e-5)


def test_the_file_does_not_depend_on_how_samples_and_streams_interleave(tmp_path: Path) -> None:
    ours, theirs = [alarm(1000), alarm(2000)], alarm(1500, stream="bed-2/ecg")
    orders: dict[str, list[Message]] = {
        "chunk first": [chunk(), *ours, chunk("bed-2/ecg"), theirs],
        "alarm first": [ours[0], theirs, chunk("bed-2/ecg"), chunk(n=20), ours[1], chunk(first=20)],
    }
    files = set()
    for name, messages in orders.items():
        path = tmp_path / name / "bed-1-ecg.warnings.jsonl"
        written(WarningsSink(out=str(tmp_path / name)), messages, path)
        files.add(path.read_bytes())
    assert len(files) == 1


def test_the_warnings_of_earlier_runs_are_kept_under_numbers(tmp_path: Path) -> None:
    for decision_sample in (1000, 2000, 3000):
        written(
            WarningsSink(out=str(tmp_path)), [chunk(), alarm(decision_sample)], tmp_path / "bed-1-ecg.warnings.jsonl"
        )
    found = {file.name: json.loads(file.read_text())["decision_sample"] for file in tmp_path.iterdir()}
    assert found == {
        "bed-1-ecg.warnings.1.jsonl": 1000, "bed-1-ecg.warnings.2.jsonl": 2000, "bed-1-ecg.warnings.jsonl": 3000,
    }  # fmt: skip


def test_a_stream_without_warnings_leaves_an_empty_file(tmp_path: Path) -> None:
    messages: list[Message] = [chunk(), EndOfStream(stream="bed-1/ecg", offered=250)]
    assert written(WarningsSink(out=str(tmp_path)), messages, tmp_path / "bed-1-ecg.warnings.jsonl") == []


def test_a_fix_is_a_line_rounded_to_what_it_can_say(tmp_path: Path) -> None:
    trace = Trace(received_ns=time.monotonic_ns() - 9_000_000)
    (line,) = written(FixesSink(out=str(tmp_path)), [fix(trace=trace)], tmp_path / "lab-1-xray.fixes.jsonl")
    assert 9.0 <= line.pop("age_ms") < 5000.0
    assert line == {
        "frame": 0,
        "captured_ns": 0,
        "spacing_plane": "unknown",
        "devices": [
            {
                "id": 1,
                "class": "catheter",
                "state": "tracked",
                "visible": True,
                "confidence": 0.93,
                "tip_px": [10.12, 20.0],
                "tip_mm": [2.02, 4.0],
                "error_px": 1.41,
                "centreline_px": [[0.0, 0.0], [10.12, 20.0]],
                "electrodes_px": [[9.88, 19.0]],
            }
        ],
    }


def test_a_line_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    sink = FixesSink(out=str(tmp_path)).open()
    sink.write(XrayFrame(stream="lab-1/xray", frame=0, pixels=np.zeros((8, 8), np.uint8)))
    sink.write(fix())
    assert (tmp_path / "lab-1-xray.fixes.jsonl").read_bytes().endswith(b"}\n")
    sink.close()


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot make the folder"):
        FixesSink(out=str(tmp_path / "file" / "out")).open()
