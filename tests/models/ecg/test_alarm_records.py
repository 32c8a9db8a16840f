from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from heartwire.engine import registry
from heartwire.engine.ecg.evidence_numbers import NAMES
from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EcgChunk
from heartwire.models.ecg.alarm_records import ALARM_S, read_alarms

RATE_HZ = 250.0


class Bed:
    """A source whose heart stops 5 s before the alarm, and beats wildly after it."""

    def __init__(self) -> None:
        t = np.arange(round(130 * RATE_HZ)) / RATE_HZ
        wave = np.random.default_rng(0).normal(0.0, 0.004, len(t))
        for peak_s in [*np.arange(0.5, ALARM_S - 5.0, 0.8), *np.arange(ALARM_S, 129.0, 0.3)]:
            wave += np.exp(-0.5 * ((t - peak_s) / 0.011) ** 2)
        self.samples = wave[:, None].astype(np.float32)

    def open(self) -> Iterator[EcgChunk]:
        # Messages that do not end at the alarm.
        for first in range(0, len(self.samples), 700):
            part = self.samples[first : first + 700]
            yield EcgChunk(stream="bed", first_sample=first, rate_hz=RATE_HZ, leads=("II",), samples=part)


def test_nothing_after_the_alarm_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ALARMS").write_text("a1,Asystole,1\nv2,Ventricular_Tachycardia,0\n")
    monkeypatch.setattr(registry, "source", lambda *_: Bed())
    names: list[str] = []
    alarms = read_alarms(tmp_path, names.append)
    assert names == alarms.records == ["a1", "v2"]
    assert alarms.kinds.tolist() == [0, 4]
    assert alarms.true.tolist() == [True, False]
    known = dict(zip(NAMES, alarms.evidence[0].tolist(), strict=True))
    assert known["gap_s"] == pytest.approx(5.1, abs=0.1)
    assert known["fast5_bpm"] == pytest.approx(75.0, abs=1.0)
    assert np.isnan(known["pulse_gap_s"])


def test_a_folder_without_alarms_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no file ALARMS"):
        read_alarms(tmp_path, print)
