"""`heartwire annotate`: results, account, and what happens with records that are wrong."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb

from heartwire.engine import registry
from heartwire.engine.cli import main
from heartwire.engine.errors import ModelError
from heartwire.engine.messages import AlarmEvent, Beat, EcgChunk, Finding, Item
from heartwire.engine.processor import Processor

RATE_HZ = 360
PEAKS = list(range(200, 7000, 300))


class Threshold(Processor):
    """A beat wherever the first lead passes 0.9 mV, in all its stages, and a warning with the third."""

    algorithmic_delay_s = 0.0

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._beats = 0

    def process(self, item: Item) -> Iterable[Finding]:
        if not isinstance(item, EcgChunk):
            return
        for offset in np.flatnonzero(item.samples[:, 0] > 0.9):
            sample = item.first_sample + int(offset)
            self._beats += 1
            for stage, label in (("provisional", "Q"), ("confirmed", "N"), ("revised", "V")):
                yield Beat(
                    stream=self._stream, sample=sample, decision_sample=sample, label=label, confidence=1.0, stage=stage
                )  # fmt: skip
            if self._beats == 3:
                yield AlarmEvent(
                    stream=self._stream, condition="TACHY", mdc=None, kind="physiological", priority="medium",
                    change="on", onset_sample=sample, decision_sample=sample, algorithmic_delay_s=0.0,
                )  # fmt: skip

    def reset(self) -> None:
        self._beats = 0

    def snapshot(self) -> bytes:
        return str(self._beats).encode()

    def restore(self, state: bytes) -> None:
        self._beats = int(state)


@pytest.fixture(autouse=True)
def threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    def processor(kind: str, stream: str, settings: Mapping[str, Any]) -> Processor:
        assert (kind, dict(settings)) == ("ecg", {})
        return Threshold(stream)

    monkeypatch.setattr(registry, "processor", processor)


def write_record(folder: Path, name: str) -> Path:
    signal = np.zeros((7200, 2))
    signal[PEAKS, 0] = 1.0
    wfdb.wrsamp(
        name, fs=RATE_HZ, units=["mV"] * 2, sig_name=["I", "II"], p_signal=signal, fmt=["16"] * 2,
        adc_gain=[200.0] * 2, baseline=[0] * 2, write_dir=str(folder),
    )  # fmt: skip
    return folder / name


def heartwire(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["heartwire", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_beats_and_warnings_are_written_and_the_account_balances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [write_record(tmp_path, "a1"), f"{write_record(tmp_path, 'a2')}.hea"]
    out = tmp_path / "out"
    assert heartwire("annotate", *records, "--out", out, monkeypatch=monkeypatch) == 0
    for name in ("a1", "a2"):
        found = wfdb.rdann(str(out / name), "hw")
        assert found.sample.tolist() == PEAKS
        (line,) = (out / f"{name}.warnings.jsonl").read_text().splitlines()
        assert json.loads(line)["decision_sample"] == PEAKS[2]
    said = capsys.readouterr()
    assert said.err == ""
    assert re.search(r"a1: 23 beats, 1 warnings; 0:00:20 in", said.out)
    assert "ledger: 14400 samples offered = 14400 processed + 0 dropped + 0 missing + 0 in flight: balanced" in said.out
    assert "times real time" in said.out


def test_the_cut_into_messages_does_not_change_a_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = write_record(tmp_path, "a1")
    files = set()
    for message_ms in (20, 100, 1000):
        out = tmp_path / str(message_ms)
        assert heartwire("annotate", record, "--out", out, "--message-ms", message_ms, monkeypatch=monkeypatch) == 0
        files.add(((out / "a1.hw").read_bytes(), (out / "a1.warnings.jsonl").read_bytes()))
    assert len(files) == 1


@pytest.mark.parametrize(("options", "label"), [((), "V"), (("--stage", "confirmed"), "N")])
def test_the_stage_of_the_classes_can_be_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], label: str
) -> None:
    record = write_record(tmp_path, "a1")
    assert heartwire("annotate", record, "--out", tmp_path / "out", *options, monkeypatch=monkeypatch) == 0
    assert set(wfdb.rdann(str(tmp_path / "out" / "a1"), "hw").symbol) == {label}


def test_options_choose_annotator_and_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = write_record(tmp_path, "a1")
    command = ["annotate", record, "--out", tmp_path / "out", "--annotator", "mine", "--lead", "II"]
    assert heartwire(*command, monkeypatch=monkeypatch) == 0
    assert (tmp_path / "out" / "a1.mine").exists()
    assert (tmp_path / "out" / "a1.warnings.jsonl").read_bytes() == b""


def test_a_wrong_record_is_one_line_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, short = write_record(tmp_path, "good"), write_record(tmp_path, "short")
    data = short.with_suffix(".dat")
    data.write_bytes(data.read_bytes()[:1000])
    out = tmp_path / "out"
    records = (short, tmp_path / "absent", good)
    assert heartwire("annotate", *records, "--out", out, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("heartwire: record ") for line in lines)
    assert "short" in lines[0]
    assert "absent" in lines[1]
    assert sorted(file.name for file in out.iterdir()) == ["good.hw", "good.warnings.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["r", "x/r"], "two records have the name r"),
        (["r", "--annotator", "h.w"], "letters only"),
        (["r", "--message-ms", "0"], "message_ms"),
    ],
)
def test_wrong_arguments_are_one_line_with_status_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    write_record(tmp_path, "r")
    monkeypatch.chdir(tmp_path)
    assert heartwire("annotate", *arguments, "--out", "out", monkeypatch=monkeypatch) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


def test_a_model_that_is_missing_ends_the_command_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(kind: str, stream: str, settings: Mapping[str, Any]) -> Processor:
        msg = "model ecg-beats is damaged"
        raise ModelError(msg)

    monkeypatch.setattr(registry, "processor", broken)
    records = [write_record(tmp_path, name) for name in ("a1", "a2")]
    assert heartwire("annotate", *records, "--out", tmp_path / "out", monkeypatch=monkeypatch) == 2
    assert capsys.readouterr().err == "heartwire: model ecg-beats is damaged\n"
