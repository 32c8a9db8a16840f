"""The QRS network and the slots that it gives, of all beds of a batch: a compiled call before it and one after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
from numba import carray, njit

from heartwire.engine.compiled.memory import Addresses, addresses, doubles, floats, integers
from heartwire.engine.compiled.qrs import SLOT_ROWS, QrsNetwork
from heartwire.engine.compiled.stack import CompiledStack
from heartwire.engine.ecg.slots import FRAME, RING, Bar, Peak, SlotDecoder, decode, most_peaks, told_peaks
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.messages import FloatArray
from heartwire.engine.stacking import Answer, Asking, Question, Stack, State

if TYPE_CHECKING:
    Integers = npt.NDArray[np.int64]

_LEADS = 2
_READ = Answer({}, 0, 0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _gather(sizes: Integers, places: Addresses, signal: FloatArray) -> None:
    """Copy of each bed the samples that its network is to see."""
    for bed in range(len(sizes)):
        n_rows, n_columns, first = sizes[bed, 0], sizes[bed, 1], sizes[bed, 2]
        rows = carray(floats(places[bed, 2]), (n_rows, n_columns))
        for i in range(signal.shape[1]):
            for lead in range(_LEADS):
                signal[bed, i, lead] = rows[first + i, lead]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _read(
    told: FloatArray,
    early: int,
    sure: int,
    sizes: Integers,
    places: Addresses,
    thresholds: npt.NDArray[np.float64],
    lookaheads: Integers,
    barred: npt.NDArray[np.float64],
    found: npt.NDArray[np.float64],
    counts: Integers,
) -> None:
    """Decode the slots of each bed, and keep its network's quality."""
    for bed in range(len(sizes)):
        first_bar, end_bar, n_kept, end = sizes[bed, 3:7]
        ring, counters = carray(doubles(places[bed, 0]), (RING, 3)), carray(integers(places[bed, 1]), (4,))
        bars = barred[first_bar:end_bar]
        counts[bed] = decode(told[bed], early, sure, ring, counters, thresholds, lookaheads, bars, found[bed])
        quality = carray(floats(places[bed, 3]), (n_kept, _LEADS))
        for i in range(told.shape[2]):
            for lead in range(_LEADS):
                quality[end + i, lead] = told[bed, SLOT_ROWS + lead, i]


class QrsReading:
    """Where the signal of one bed is looked at.

    Parameters
    ----------
    stack
        The readings of all beds with the same network.
    network
        What the network carries of this one.
    decoder, signal, quality
        What is read by, and filled: each keeps its own state.
    """

    def __init__(self, stack: QrsReadings, network: State, decoder: SlotDecoder, signal: Tail, quality: Tail) -> None:
        self._stack = stack
        self.network = network
        self.decoder, self.signal, self.quality = decoder, signal, quality
        self.barred: Sequence[Bar] = ()
        self.peaks: list[Peak] = []
        """What the last samples showed."""
        self._rows: tuple[FloatArray | None, FloatArray | None] = (None, None)
        self._place: Addresses = np.empty(0, np.int64)

    def asking(self, n_frames: int, barred: Sequence[Bar]) -> Asking[list[Peak]]:
        """Look at the next frames of the signal; give the peaks that they show."""
        self.barred = barred
        yield Question(self._stack, {}, frames=n_frames, state=self)
        return self.peaks

    def begin(self, n_frames: int, sizes: list[int], bars: list[tuple[float, float, float]]) -> Addresses:
        """Tell where the samples lie and what is barred, make room for the quality, and give where everything lies."""
        rows, end = self.signal.ready(0)
        kept, kept_end = self.quality.ready(n_frames)
        first = end - self.signal.n + self.quality.n * FRAME
        n_bars = len(bars)
        if self.barred:
            bars += [bar.in_slots() for bar in self.barred]
        sizes += (*rows.shape, first, n_bars, len(bars), len(kept), kept_end)
        if rows is not self._rows[0] or kept is not self._rows[1]:
            self._rows = rows, kept
            self._place = addresses((*self.decoder.arrays, rows, kept))
        return self._place


class QrsReadings(Stack):
    """Reads the signals of all beds that ask, with one compiled network."""

    def __init__(self, stack: CompiledStack, network: QrsNetwork) -> None:
        super().__init__(())
        self._network = network
        self._compiled = stack

    def warm_up(self, n_streams: int, rows: int = 1, frames: Iterable[int] = (1,)) -> None:
        """Do nothing: all batches are alike to it."""

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Look at the signals of all of them; the peaks lie with each bed."""
        n_frames = questions[0].frames
        beds: list[QrsReading] = [question.state for question in questions]
        of_sizes: list[int] = []
        bars: list[tuple[float, float, float]] = []
        places = np.concatenate([bed.begin(n_frames, of_sizes, bars) for bed in beds]).reshape(len(beds), -1)
        sizes = np.array(of_sizes, np.int64).reshape(len(beds), -1)
        signal = np.empty((len(beds), n_frames * FRAME, _LEADS), np.float32)
        _gather(sizes, places, signal)
        rows = np.array([bed.network.row for bed in beds], np.int64)
        told = self._network.look(signal, self._compiled.states, rows)
        found = np.empty((len(beds), most_peaks(n_frames), 4))
        counts = np.empty(len(beds), np.int64)
        decoder = beds[0].decoder
        barred = np.array(bars, np.float64).reshape(-1, 3)
        _read(told, *decoder.rows, sizes, places, *decoder.rules, barred, found, counts)
        for k, (bed, n) in enumerate(zip(beds, counts.tolist(), strict=True)):
            bed.quality.took(n_frames)
            bed.peaks = told_peaks(found[k], n) if n else []
        return [_READ] * len(beds)


_READINGS: WeakValueDictionary[int, QrsReadings] = WeakValueDictionary()
"""By the rank of the network's stack; those who look hold them."""


def readings(stack: Stack) -> QrsReadings | None:
    """Give the readings of all beds that share a network; None where it is not compiled."""
    if not isinstance(stack, CompiledStack) or not isinstance(stack.network, QrsNetwork):
        return None
    known = _READINGS.get(stack.rank)
    if known is None:
        known = _READINGS[stack.rank] = QrsReadings(stack, stack.network)
    return known
