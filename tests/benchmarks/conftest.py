"""Small databases made here, and a processor whose findings are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
import wfdb

from heartwire.engine import registry
from heartwire.engine.messages import Beat, EcgChunk, Finding, Item, SignalQuality
from heartwire.engine.processor import Processor

RATE_HZ = 360
BEATS = np.arange(200, 20_000, 300)
CALLED_V, CALLED_S = 3, 5
MISSED = 7


def write_record(folder: Path, name: str, beats: Sequence[int], symbols: Sequence[str], n_samples: int) -> None:
    """Write two leads with a spike at each beat, and the reference annotations."""
    folder.mkdir(parents=True, exist_ok=True)
    signal = np.zeros((n_samples, 2))
    for beat in beats:
        signal[beat - 9 : beat + 10] += np.hanning(19)[:, None]
    wfdb.wrsamp(name, RATE_HZ, ["mV", "mV"], ["MLII", "V1"], signal, fmt=["16", "16"], write_dir=str(folder))
    wfdb.wrann(name, "atr", np.array(beats), symbol=list(symbols), write_dir=str(folder))


class Peaks(Processor):
    """A processor that tells the known beats: provisional 36 ms after R, confirmed 180 ms, 2 samples late.

    One beat is missed, one called V for good, one called S and then put right; signal quality is bad in one second.
    """

    algorithmic_delay_s = 0.18

    def __init__(self, stream: str) -> None:
        self._stream = stream

    def process(self, item: Item) -> Iterable[Finding]:
        if not isinstance(item, EcgChunk):
            return
        for n, beat in enumerate(BEATS):
            if not item.first_sample <= beat < item.end_sample or n == MISSED:
                continue
            for stage, sample, decision, label in (
                ("provisional", beat + 4, beat + 13, "Q"),
                ("confirmed", beat + 2, beat + 65, {CALLED_V: "V", CALLED_S: "S"}.get(n, "N")),
                ("revised", beat + 2, beat + 365, "N" if n == CALLED_S else ""),
            ):
                if label:
                    yield Beat(
                        stream=self._stream,
                        sample=int(sample),
                        decision_sample=int(decision),
                        label=label,
                        confidence=1.0,
                        stage=stage,
                    )
        for second in range(item.first_sample // RATE_HZ, item.end_sample // RATE_HZ):
            at = (second + 1) * RATE_HZ - 1
            worst = 0.05 if second == 20 else 0.9
            yield SignalQuality(
                stream=self._stream, sample=at, decision_sample=at, leads=("MLII", "V1"), quality=(worst, 0.01),
                analysed=("MLII",),
            )  # fmt: skip

    def reset(self) -> None:
        pass

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None:
        pass


@pytest.fixture
def known_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor of every ECG stream is `Peaks`."""
    monkeypatch.setattr(registry, "processor", lambda _kind, stream, _settings: Peaks(stream))


@pytest.fixture
def record_writer() -> Callable[[Path, str, Sequence[int], Sequence[str], int], None]:
    """`write_record`."""
    return write_record


@pytest.fixture
def small_data(tmp_path: Path) -> Path:
    """A data folder with one record of DS1 and one of DS2, and two noisy ones."""
    symbols = ["N"] * len(BEATS)
    symbols[2] = "V"
    for name in ("101", "232"):
        write_record(tmp_path / "mitdb", name, BEATS, symbols, 21_000)
    for name in ("118e12", "119e_6"):
        write_record(tmp_path / "nstdb", name, BEATS, symbols, 21_000)
    return tmp_path
