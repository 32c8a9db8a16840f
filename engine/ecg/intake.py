"""Samples taken in: conditioned, judged hop by hop, their leads put into the signal, pacer pulses found.

What is done to every message of every bed is one compiled call for all beds of a batch, asked for as a network is: the
parts of it are those of `conditioning`, `quality` and `pacing`, one bed after the other, and nothing depends on others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import mul
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import carray, njit

from heartwire.engine.compiled.memory import Addresses, addresses, doubles, flags, floats, integers
from heartwire.engine.ecg.conditioning import HIGH_PASS, KERNEL, RING, Conditioner, condition
from heartwire.engine.ecg.pacing import (
    APART,
    BASES,
    LOOKS_BACK,
    RAILED_BASES,
    ROWS,
    PacerPulse,
    take_pulses,
    told_pulses,
)
from heartwire.engine.ecg.quality import HOP, IN_HAND, MEASURES, WINDOW_HOPS, QualityMeter, measure
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.messages import FloatArray
from heartwire.engine.stacking import Answer, Asking, Question, Stack

_NUMBERS = 3
_SIZES = 9
_NONE = -1
_TAKEN = Answer({}, 0, 0)


class Taken(NamedTuple):
    """What a bed's samples brought.

    `quality` and `off` are those of each hop that the samples complete, (n_hops, n_leads).
    """

    n_hops: int
    quality: FloatArray
    off: npt.NDArray[np.bool_]
    pulses: list[PacerPulse]
    buffer: FloatArray
    """Of the whole batch; where in it those of this bed lie:"""
    begin: int
    shape: tuple[int, int, int]
    n: int

    @property
    def numbers(self) -> FloatArray:
        """Samples, high and sharp of `Conditioned`, (3, n_samples, n_leads)."""
        kinds, room, n_leads = self.shape
        return self.buffer[self.begin : self.begin + kinds * room * n_leads].reshape(self.shape)[:, : self.n]


_NO_HOPS = np.empty((0, 0), np.float32), np.empty((0, 0), np.bool_)
_NOTHING = Taken(0, *_NO_HOPS, [], np.empty(0, np.float32), 0, (_NUMBERS, 0, 0), 0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _take_in(
    source: FloatArray,
    sizes: npt.NDArray[np.int64],
    rates_hz: npt.NDArray[np.float64],
    places: Addresses,
    kernel: npt.NDArray[np.float64],
    high_pass: npt.NDArray[np.float64],
    bases: npt.NDArray[np.float64],
    railed_bases: npt.NDArray[np.float64],
    numbers: FloatArray,
    quality: FloatArray,
    off: npt.NDArray[np.bool_],
    found: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Take in the source samples of beds, those of one bed after those of the other.

    A row of `sizes` is what `_Intakes` writes there, one of `counts` the grid samples and the pulses that came of it.
    """
    at = begin = 0
    for bed in range(len(sizes)):
        n_source, n_leads, room, n_before, n_rows, end, first, one, other = sizes[bed]
        place = places[bed]
        ring = (RING, n_leads)
        given = source[at : at + n_source * n_leads].reshape(n_source, n_leads)
        of_bed = numbers[begin : begin + _NUMBERS * room * n_leads].reshape(_NUMBERS, room, n_leads)
        told = np.empty((2, room, n_leads), np.bool_)
        n = condition(
            given,
            rates_hz[bed],
            carray(integers(place[0]), (2,)),
            carray(doubles(place[1]), ring),
            carray(flags(place[2]), ring),
            carray(flags(place[3]), ring),
            carray(doubles(place[4]), (2, n_leads)),
            carray(integers(place[5]), (n_leads,)),
            kernel,
            high_pass,
            of_bed,
            told,
        )
        measures = carray(doubles(place[6]), (WINDOW_HOPS, n_leads, MEASURES))
        hop = carray(doubles(place[7]), (n_leads, IN_HAND))
        measure(of_bed[0, :n], told[0, :n], told[1, :n], of_bed[1, :n], hop, measures, n_before, quality[bed], off[bed])
        rows = carray(floats(place[8]), (n_rows, ROWS))[end - LOOKS_BACK : end + n]
        counts[bed, 0] = n
        counts[bed, 1] = take_pulses(
            of_bed[0, :n], of_bed[2, :n], one, other, rows, first, bases, railed_bases, found[bed]
        )
        at += n_source * n_leads
        begin += _NUMBERS * room * n_leads


class Intake:
    """Where the samples of one bed are taken in.

    Parameters
    ----------
    conditioner, meter, signal
        What it fills; each keeps its own state.
    """

    def __init__(self, conditioner: Conditioner, meter: QualityMeter, signal: Tail) -> None:
        self.conditioner, self.meter, self.signal = conditioner, meter, signal
        self.taken = _NOTHING
        """What the last samples brought."""
        self.leads = (0, 0)
        """The two leads that go into the signal, -1 where there is none."""
        self._rows: FloatArray | None = None
        self._place: Addresses = np.empty(0, np.int64)

    def asking(self, samples: FloatArray, leads: tuple[int, ...]) -> Asking[Taken]:
        """Take in the next samples, (n_samples, n_leads) mV, of which one or two leads go into the signal."""
        self.leads = (leads[0], leads[1] if len(leads) > 1 else _NONE)
        yield Question(_INTAKES, {"samples": samples}, state=self)
        return self.taken

    def begin(self, n_source: int, sizes: list[int]) -> Addresses:
        """Make room for what so many source samples bring, tell the sizes, and where everything lies."""
        conditioner, signal = self.conditioner, self.signal
        room = conditioner.room(n_source)
        rows, end = signal.ready(room)
        sizes += (n_source, conditioner.n_leads, room, self.meter.n_taken, len(rows), end, signal.n, *self.leads)
        if rows is not self._rows:
            self._rows = rows
            self._place = addresses((*conditioner.arrays, *self.meter.arrays, rows))
        return self._place


class _Intakes(Stack):
    """Takes in the samples of all beds that ask; what came of them lies with each bed."""

    def warm_up(self, n_streams: int, rows: int = 1, frames: Iterable[int] = (1,)) -> None:
        """Do nothing: all batches are alike to it."""

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Take in the samples of all of them."""
        beds: list[Intake] = [question.state for question in questions]
        samples = [question.inputs["samples"] for question in questions]
        of_sizes: list[int] = []
        places = np.concatenate([bed.begin(len(given), of_sizes) for bed, given in zip(beds, samples, strict=True)])
        sizes = np.array(of_sizes, np.int64).reshape(len(beds), -1)
        leads, rooms = of_sizes[1::_SIZES], of_sizes[2::_SIZES]
        most, most_leads = max(rooms), max(leads)
        numbers = np.empty(_NUMBERS * sum(map(mul, leads, rooms)), np.float32)
        quality = np.empty((len(beds), most // HOP + 1, most_leads), np.float32)
        off = np.empty(quality.shape, np.bool_)
        found = np.empty((len(beds), most // APART + 2, 3))
        counts = np.empty((len(beds), 2), np.int64)
        rates_hz = np.array([bed.conditioner.rate_hz for bed in beds])
        source = np.concatenate(samples, axis=None)
        fixed = KERNEL, HIGH_PASS, BASES, RAILED_BASES
        _take_in(source, sizes, rates_hz, places.reshape(len(beds), -1), *fixed, numbers, quality, off, found, counts)
        begin = 0
        for k, (bed, (n, n_pulses)) in enumerate(zip(beds, counts.tolist(), strict=True)):
            n_source, n_leads, room, n_before = of_sizes[_SIZES * k : _SIZES * k + 4]
            bed.conditioner.took(n_source, n)
            bed.signal.took(n)
            bed.meter.n_taken += n
            n_hops = (n_before + n) // HOP - n_before // HOP
            of_hops = (quality[k, :n_hops, :n_leads], off[k, :n_hops, :n_leads]) if n_hops else _NO_HOPS
            pulses = told_pulses(found[k], n_pulses) if n_pulses else []
            shape = (_NUMBERS, room, n_leads)
            bed.taken = Taken(n_hops, *of_hops, pulses, numbers, begin, shape, n)
            begin += _NUMBERS * room * n_leads
        return [_TAKEN] * len(beds)


_INTAKES = _Intakes(())
