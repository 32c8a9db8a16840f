"""ECG from WFDB records: any format that the wfdb package reads, single or multi-segment."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import wfdb

from heartwire.engine.ecg.channels import is_pulse
from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EcgChunk, EndOfStream, FloatArray, Item
from heartwire.engine.source import Source, captured_ns

MAX_LEADS = 12
MIN_RATE_HZ, MAX_RATE_HZ = 100.0, 2000.0
_RATE_FIELD = 2
_RATE = re.compile(r"(\d+\.?\d*|\.\d+)(/|$)")
"""A rate as it stands in a header's first line, up to the end or the counter frequency."""
_BLOCK_S = 120.0
_TO_MV = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "v": 1e3}
_NOT_ECG = ("RESP", "PLETH", "PPG", "ABP", "ART", "BP", "CVP", "PAP", "SPO2", "EEG", "EOG", "EMG")
_INVALID_BITS = 12
_INVALID_NUMBER = -2048


class WfdbSource(Source):
    """A WFDB record.

    Parameters
    ----------
    record
        Path of the record; a suffix .hea or .dat is taken off.
    message_ms
        How much signal goes into one message.
    leads
        Names of the signals to take; empty: those that are voltages and not named as another signal, then arterial
        pressure and plethysmogram, 12 in all at most.
    """

    record: str
    message_ms: float = 100.0
    leads: tuple[str, ...] = ()

    def open(self) -> Iterator[Item]:
        """Open the record; samples that it declares invalid are NaN.

        Raises
        ------
        SourceError
            If the record is absent, damaged or shorter than its header says, or holds no ECG.
        """
        header = self._header()
        return self._items(header, self._choose(header))

    def length(self) -> int:
        """Give the number of samples of each lead that the header states."""
        return int(self._header().sig_len)

    @property
    def path(self) -> Path:
        """The record's path without suffix."""
        path = Path(self.record)
        return path.with_suffix("") if path.suffix in {".hea", ".dat"} else path

    def _header(self) -> Any:
        where = Path(f"{self.path}.hea")
        if not where.is_file():
            msg = f"record {self.path}: no header file {where}: give the path of a WFDB record without its suffix"
            raise SourceError(msg)
        self._check_rate(where)
        try:
            header = wfdb.rdheader(str(self.path), rd_segments=True)
            rate_hz, length = float(header.fs), int(header.sig_len or 0)
        except Exception as error:
            msg = f"record {self.path}: header {where.name} is not readable as WFDB ({_brief(error)})"
            raise SourceError(msg) from error
        if not math.isfinite(rate_hz) or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            msg = (
                f"record {self.path}: the header gives a rate of {rate_hz:g} Hz; "
                f"ECG is taken from {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} Hz: correct the header"
            )
            raise SourceError(msg)
        if length <= 0:
            msg = f"record {self.path}: the header gives no samples"
            raise SourceError(msg)
        if not self.message_ms > 0 or not math.isfinite(self.message_ms):
            msg = f"record {self.path}: message_ms is {self.message_ms:g}, it must be above 0"
            raise SourceError(msg)
        return header

    def _check_rate(self, header: Path) -> None:
        """Refuse a rate that is no number: wfdb would take 250 Hz, or its leading digits, in its place."""
        lines = header.read_text("ascii", "replace").splitlines()
        fields = next((line.split() for line in lines if line.strip() and not line.startswith("#")), [])
        if len(fields) > _RATE_FIELD and not _RATE.match(fields[_RATE_FIELD]):
            msg = f"record {self.path}: the header gives a rate of {fields[_RATE_FIELD]!r}: correct the header"
            raise SourceError(msg)

    def _choose(self, header: Any) -> list[_Signal]:
        layout = header
        if isinstance(header, wfdb.MultiRecord):
            # The first segment that is there, the layout segment if any, describes the signals of the whole record.
            layout = next(segment for segment in header.segments if segment is not None)
        names = [name or f"signal {i + 1}" for i, name in enumerate(layout.sig_name or [])]
        units = [(unit or "mV").lower() for unit in layout.units or []]
        if self.leads:
            if absent := [lead for lead in self.leads if lead not in names]:
                msg = f"record {self.path}: no signal {absent[0]!r}: it holds {', '.join(names)}"
                raise SourceError(msg)
            chosen = [names.index(lead) for lead in self.leads]
        else:
            ecg = (i for i, name in enumerate(names) if units[i] in _TO_MV and not name.upper().startswith(_NOT_ECG))
            chosen = list(ecg)
        leads = [i for i in chosen if not is_pulse(names[i])]
        if not leads or any(units[i] not in _TO_MV for i in leads):
            held = ", ".join(f"{name} ({unit})" for name, unit in zip(names, units, strict=True)) or "none"
            msg = f"record {self.path}: no ECG, which is a voltage, among its signals: {held}"
            raise SourceError(msg)
        if not self.leads:
            chosen = [*leads, *(i for i, name in enumerate(names) if is_pulse(name))][:MAX_LEADS]
        return [
            _Signal(i, name, 1.0 if is_pulse(name) else _TO_MV[units[i]], _invalid_value(header, i))
            for i, name in zip(chosen, _distinct([names[i] for i in chosen]), strict=True)
        ]

    def _read(self, begin: int, end: int, signals: list[_Signal]) -> FloatArray:
        """Read samples `begin` to `end` - 1 of the signals, (n_samples, n_leads) in mV."""
        try:
            numbers = [signal.number for signal in signals]
            block = wfdb.rdrecord(str(self.path), sampfrom=begin, sampto=end, channels=numbers).p_signal
        except Exception as error:
            msg = (
                f"record {self.path}: samples {begin} to {end - 1} cannot be read ({_brief(error)}): "
                "the signal file is missing, cut short or damaged: copy the record anew"
            )
            raise SourceError(msg) from error
        if block.shape != (end - begin, len(signals)):
            msg = f"record {self.path}: samples {begin} to {end - 1} are missing: the signal file is cut short"
            raise SourceError(msg)
        block[(block == np.array([signal.invalid for signal in signals])) | np.isinf(block)] = np.nan
        samples: FloatArray = (block * np.array([signal.to_mv for signal in signals])).astype(np.float32)
        return samples

    def _items(self, header: Any, signals: list[_Signal]) -> Iterator[Item]:
        rate_hz, length = float(header.fs), int(header.sig_len)
        leads = tuple(signal.name for signal in signals)
        step = max(1, round(self.message_ms * 1e-3 * rate_hz))
        block_step = step * max(1, round(_BLOCK_S * rate_hz / step))
        for begin in range(0, length, block_step):
            block = self._read(begin, min(begin + block_step, length), signals)
            for offset in range(0, len(block), step):
                samples = block[offset : offset + step]
                yield EcgChunk(
                    stream=self.stream,
                    first_sample=begin + offset,
                    rate_hz=rate_hz,
                    leads=leads,
                    samples=samples,
                    captured_ns=captured_ns(begin + offset + len(samples) - 1, rate_hz),
                )
        yield EndOfStream(stream=self.stream, offered=length)


class _Signal(NamedTuple):
    """A signal that is taken: its number in the record, its factor to mV, the physical value of an invalid sample."""

    number: int
    name: str
    to_mv: float
    invalid: float


def _invalid_value(header: Any, number: int) -> float:
    """Give the value that marks an invalid sample beyond what wfdb itself turns into NaN; NaN for none.

    FLAC copies (format 516) of 12-bit records keep that format's mark of an invalid sample as a number.
    """
    if isinstance(header, wfdb.MultiRecord) or header.fmt[number] != "516":
        return math.nan
    if not 0 < (header.adc_res[number] or 0) <= _INVALID_BITS:
        return math.nan
    return float((_INVALID_NUMBER - header.baseline[number]) / header.adc_gain[number])


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Tell leads of one name apart: ECG, ECG-2."""
    counts = [names[:i].count(name) for i, name in enumerate(names)]
    return tuple(f"{name}-{count + 1}" if count else name for name, count in zip(names, counts, strict=True))


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}" if text else type(error).__name__
