"""What the analysis of one message costs, by the number of beds: the work of a worker without sockets.

Stations take messages and give findings as in a worker, up to 32 side by side. Every bed's message waits at the same
time, so that batches are as large as the beds allow. All sizes are measured in turns, in CPU time: other programs on
the machine disturb little, and all sizes alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import msgspec
from rich.table import Table

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.tapes import lead_names, tapes
from heartwire.benchmarks.workload import StreamLoad, Workload, streams
from heartwire.engine.config import EngineConfig, StreamConfig
from heartwire.engine.stacking import together
from heartwire.engine.station import Station
from heartwire.engine.worker import BATCH

_SOURCE = {"kind": "simulated-ecg"}
LOAD = Workload(leads=2, rate_hz=250.0, message_ms=100.0, seconds=3600.0)
_LEARNING_S = 6.0
"""Signal before what counts: the first windows of the VT/VF network are whole after four seconds."""


class Row(msgspec.Struct):
    """One number of beds."""

    beds: int
    us_a_message: float
    least_us: float
    most_us: float
    """The fastest and the slowest of the turns."""
    real_time_beds: float
    """How many beds one core analyses in real time, at this cost."""


class AnalysisCost(msgspec.Struct):
    """What was measured, where."""

    signal: str
    batch: int
    """Most beds side by side."""
    turns: int
    environment: dict[str, str]
    rows: list[Row]


class _Ward:
    """So many beds, each with its place in a worker."""

    def __init__(self, load: Workload, batch: int) -> None:
        self._message_s = load.message_ms * 1e-3
        self._batch = batch
        loads = streams(load, tapes(load), lead_names(load))
        self._stations = [Station(_config(each), EngineConfig(), lambda _: None) for each in loads]
        self._stations[0].share(min(len(loads), batch), keep_warm=False)
        self._items = [each.item for each in loads]
        self._number = 0
        self.ns_a_message: list[int] = []

    def run(self, seconds: float, *, counts: bool) -> None:
        """Analyse the next seconds of all beds."""
        spent_ns = n = 0
        first_number, self._number = self._number, self._number + max(1, round(seconds / self._message_s))
        for number in range(first_number, self._number):
            for station, item in zip(self._stations, self._items, strict=True):
                station.put(item(number))
            begin_ns = time.thread_time_ns()
            for first in range(0, len(self._stations), self._batch):
                batch = self._stations[first : first + self._batch]
                for _ in together([station.asking() for station in batch]):
                    pass
            spent_ns += time.thread_time_ns() - begin_ns
            n += len(self._stations)
        if counts:
            self.ns_a_message.append(spent_ns // n)


def _config(load: StreamLoad) -> StreamConfig:
    return StreamConfig(id=load.id, source=_SOURCE, processor="ecg")


def measure(
    sizes: Sequence[int],
    turns: int = 9,
    batch: int = BATCH,
    load: Workload = LOAD,
    progress: Callable[[str], None] = lambda _: None,
) -> AnalysisCost:
    """Analyse a second of every bed at each size in turn, some turns.

    Parameters
    ----------
    sizes
        Numbers of beds.
    turns
        How often each size is measured; the median counts.
    batch
        Most beds side by side.
    load
        What a bed sends; it says nothing of how many there are.
    progress
        Is told what is being done.
    """
    wards = []
    for beds in sizes:
        progress(f"{beds} beds: begin")
        wards.append(_Ward(msgspec.structs.replace(load, beds=beds), batch))
        wards[-1].run(_LEARNING_S, counts=False)
    for turn in range(turns):
        for beds, ward in zip(sizes, wards, strict=True):
            progress(f"{beds} beds: turn {turn + 1} of {turns}")
            ward.run(1.0, counts=True)
    rows = [_row(beds, ward.ns_a_message, load.message_ms) for beds, ward in zip(sizes, wards, strict=True)]
    signal = f"{load.leads} leads at {load.rate_hz:g} Hz in messages of {load.message_ms:g} ms"
    return AnalysisCost(signal, batch, turns, environment(), rows)


def _row(beds: int, ns_a_message: Sequence[int], message_ms: float) -> Row:
    middle, least, most = (1e-3 * f(ns_a_message) for f in (statistics.median, min, max))
    return Row(beds, round(middle, 1), round(least, 1), round(most, 1), round(1e3 * message_ms / middle))


def table(cost: AnalysisCost) -> Table:
    """Show what was measured."""
    shown = Table("beds", "us a message", "fastest", "slowest turn", "beds in real time on one core")
    shown.title = f"Analysis of {cost.signal}, up to {cost.batch} beds side by side, CPU time; {cost.turns} turns"
    for row in cost.rows:
        figures = (row.us_a_message, row.least_us, row.most_us)
        shown.add_row(str(row.beds), *(f"{us:.0f}" for us in figures), f"{row.real_time_beds:.0f}")
    return shown
