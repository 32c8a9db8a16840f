"""Annotated records: the reference beats of MIT-BIH-style records and the stretches that do not count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb

from heartwire.benchmarks.accuracy.beat_score import CLASSES, Beats
from heartwire.engine.errors import SourceError
from heartwire.models.ecg.recordings import AAMI

LEARNING_S = 300.0
"""EC57 lets a detector learn for five minutes before it counts."""


@dataclass(frozen=True)
class Annotated:
    """The reference of one record; spans are in samples, both ends within."""

    name: str
    rate_hz: float
    n_samples: int
    beats: Beats
    flutter: list[tuple[float, float]]

    @property
    def learning(self) -> tuple[float, float]:
        """The first five minutes."""
        return (0.0, LEARNING_S * self.rate_hz - 1.0)


def read_annotated(record: Path) -> Annotated:
    """Read `.hea` and `.atr` of a record.

    Raises
    ------
    SourceError
        If one of them is absent or damaged.
    """
    try:
        header = wfdb.rdheader(str(record))
        marks = wfdb.rdann(str(record), "atr")
    except (OSError, ValueError, IndexError) as error:
        msg = f"record {record}: its header or its reference annotations .atr cannot be read: {error}"
        raise SourceError(msg) from error
    is_beat = np.array([symbol in AAMI for symbol in marks.symbol], np.bool_)
    begins = [float(s) for s, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol == "["]
    ends = [float(s) for s, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol == "]"]
    if len(ends) < len(begins):
        ends.append(float(header.sig_len))
    return Annotated(
        name=record.name,
        rate_hz=float(header.fs),
        n_samples=int(header.sig_len),
        beats=Beats(
            np.asarray(marks.sample, np.int64)[is_beat],
            np.array([CLASSES.index(AAMI[s]) for s in marks.symbol if s in AAMI], np.int64),
        ),
        flutter=list(zip(begins, ends, strict=True)),
    )


def records_in(folder: Path, pattern: str, wanted: list[str]) -> list[Path]:
    """Give the paths, without suffix, of the records of a folder.

    Parameters
    ----------
    folder
        Where they are.
    pattern
        Of their headers' names.
    wanted
        Those to take; empty: all.

    Raises
    ------
    SourceError
        If there are none, or one of those wanted is not there.
    """
    there = {path.stem: path.with_suffix("") for path in sorted(folder.glob(pattern))}
    if not there:
        msg = f"no records in {folder}: give the folder that holds {folder.name} with --data"
        raise SourceError(msg)
    if absent := [name for name in wanted if name not in there]:
        msg = f"no record {absent[0]} in {folder}: it holds {', '.join(there)}"
        raise SourceError(msg)
    return [path for name, path in there.items() if not wanted or name in wanted]
