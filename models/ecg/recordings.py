"""Annotated recordings as the engine sees them: conditioned, with what is marked in them on the 250 Hz grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import wfdb

from heartwire.engine.ecg.beat_context import ROWS
from heartwire.engine.ecg.conditioning import Conditioned, Conditioner

# fmt: off
DS1 = (
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122",
    "124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230",
)
DS2 = (
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210",
    "212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234",
)
# fmt: on
PACED = ("102", "104", "107", "217")
HOLD_OUT = ("114", "118", "119", "205")
"""Records of DS1 that no weight is fitted to: thresholds are chosen on them."""
AAMI = (
    dict.fromkeys("NLRejn", "N")
    | dict.fromkeys("AaJS", "S")
    | dict.fromkeys("VE", "V")
    | {"F": "F"}
    | dict.fromkeys("/fQ", "Q")
)
"""AAMI EC57 class of each MIT-BIH beat symbol."""


@dataclass(frozen=True)
class Recording:
    """One conditioned record.

    `signal` is (n_samples, n_leads) float32, mV, 250 Hz; `sharp`, alike, is how far the source stands out (pacing
    spikes). `beats` are R peaks on that grid, `classes` index "NSVFQ".
    `flutter` holds the (begin, end) of ventricular flutter or fibrillation, `rhythms` the (begin, label) of each
    rhythm, without the bracket. `scale` is how many grid samples one source sample is long.
    """

    name: str
    signal: npt.NDArray[np.float32]
    sharp: npt.NDArray[np.float32]
    beats: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    flutter: list[tuple[float, float]]
    rhythms: list[tuple[float, str]]
    scale: float

    def rows(self, leads: npt.NDArray[np.int64], first: int, last: int) -> npt.NDArray[np.float32]:
        """Give two leads of a stretch and their spikes as the beat context takes them, (ROWS, n_samples).

        The lead that a recording of one lead lacks is nothing, and is the first as often as the second of `leads`.
        """
        if self.signal.shape[1] > 1:
            chosen = leads[:2]
            return np.concatenate((self.signal[first:last, chosen], self.sharp[first:last, chosen]), axis=1).T.copy()
        rows = np.zeros((ROWS, min(last, len(self.signal)) - first), np.float32)
        rows[leads[0] :: 2] = self.signal[first:last, 0], self.sharp[first:last, 0]
        return rows


class Noise(NamedTuple):
    """A recording of noise: conditioned, and how far the source stands out, (n_samples, 2) each, mV, 250 Hz."""

    signal: npt.NDArray[np.float32]
    sharp: npt.NDArray[np.float32]


def condition(source: npt.NDArray[np.float64], rate_hz: float) -> Conditioned:
    """Condition a whole record, (n_samples, n_leads) mV, at once."""
    return Conditioner(rate_hz, source.shape[1]).process(source.astype(np.float32))


def read_recording(path: Path, *, leads: int = 2) -> Recording:
    """Read a WFDB record with its .atr annotations and condition it."""
    record = wfdb.rdrecord(str(path), channels=list(range(leads)))
    marks = wfdb.rdann(str(path), "atr")
    grid = Conditioner(record.fs, leads)
    at = [grid.grid_sample(sample) for sample in marks.sample]
    is_beat = [symbol in AAMI for symbol in marks.symbol]
    begins = [a for a, symbol in zip(at, marks.symbol, strict=True) if symbol == "["]
    ends = [a for a, symbol in zip(at, marks.symbol, strict=True) if symbol == "]"]
    conditioned = condition(record.p_signal, record.fs)
    if len(ends) < len(begins):
        ends.append(float(len(conditioned.samples)))
    return Recording(
        name=path.name,
        signal=conditioned.samples,
        sharp=conditioned.sharp,
        beats=np.array([a for a, beat in zip(at, is_beat, strict=True) if beat]),
        classes=np.array(["NSVFQ".index(AAMI[s]) for s in marks.symbol if s in AAMI], np.int64),
        flutter=list(zip(begins, ends, strict=True)),
        rhythms=[
            (a, note.strip("\x00").lstrip("("))
            for a, symbol, note in zip(at, marks.symbol, marks.aux_note, strict=True)
            if symbol == "+" and note.startswith("(")
        ],
        scale=250.0 / record.fs,
    )


def rhythm_changes(record: Path, annotator: str = "atr") -> list[tuple[float, str]]:
    """Read the (begin in seconds, label without its bracket) of each rhythm of a record."""
    marks = wfdb.rdann(str(record), annotator)
    rate_hz = float(wfdb.rdheader(str(record)).fs)
    notes = zip(marks.sample, marks.aux_note, strict=True)
    return [(float(sample) / rate_hz, note.strip("\x00")[1:]) for sample, note in notes if note.startswith("(")]


def read_noise(data: Path) -> list[Noise]:
    """Read the noise meant for training: baseline wander, muscle, and the first half of electrode motion."""
    noise = []
    for name in ("bw", "ma", "em"):
        record = wfdb.rdrecord(str(data / "nstdb" / name))
        source = record.p_signal[: len(record.p_signal) // 2] if name == "em" else record.p_signal
        conditioned = condition(source, record.fs)
        noise.append(Noise(conditioned.samples, conditioned.sharp))
    return noise


def read_ludb(path: Path) -> Recording:
    """Read a ten-second LUDB record of twelve leads with the cardiologists' R peaks (those of lead II).

    The first and last beats are not always marked: what lies outside of the marks is taken for unreadable.
    """
    record = wfdb.rdrecord(str(path))
    marks = wfdb.rdann(str(path), "ii")
    grid = Conditioner(record.fs, record.n_sig)
    beats = np.array([grid.grid_sample(s) for s, c in zip(marks.sample, marks.symbol, strict=True) if c == "N"])
    conditioned = condition(record.p_signal, record.fs)
    unmarked = [(0.0, beats[0] - 60.0), (beats[-1] + 60.0, float(len(conditioned.samples)))]
    return Recording(
        name=f"ludb-{path.name}",
        signal=conditioned.samples,
        sharp=conditioned.sharp,
        beats=beats,
        classes=np.zeros(len(beats), np.int64),
        flutter=unmarked,
        rhythms=[],
        scale=250.0 / record.fs,
    )
