"""What writing alarms before they are sent costs: the journal's commits, the wait of an alarm, of another stream."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import zmq
from rich.table import Table

from heartwire.benchmarks.environment import environment
from heartwire.engine.alarms.journal import Journal, Record
from heartwire.engine.alarms.outbox import Outbox
from heartwire.engine.alarms.scribe import Scribe
from heartwire.engine.alarms.strips import Strip
from heartwire.engine.bus import Publisher
from heartwire.engine.messages import AlarmEvent, HeartRate, Message

_STRIP = Strip(0, 250.0, ("II", "V1"), np.arange(5000, dtype="<i2").tobytes())
_TURN_S = 0.001


class Row(msgspec.Struct):
    """One distribution, ms."""

    what: str
    n: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class JournalCost(msgspec.Struct):
    """What was measured, where."""

    folder: str
    environment: dict[str, str]
    rows: list[Row]


def _row(what: str, taken_s: Sequence[float]) -> Row:
    p50, p99, most = (float(v) for v in np.quantile(np.array(taken_s) * 1e3, (0.5, 0.99, 1.0)))
    return Row(what, len(taken_s), round(p50, 4), round(p99, 4), round(most, 4))


def _alarm(stream: str, seq: int = 0) -> AlarmEvent:
    return AlarmEvent(
        stream=stream,
        condition="VT",
        mdc=199832,
        kind="physiological",
        priority="high",
        change="on",
        onset_sample=1,
        decision_sample=2500,
        algorithmic_delay_s=3.0,
        reason={"rule": "windows voting", "beat_samples": list(range(0, 2500, 100)), "beat_classes": "N" * 25},
        seq=seq,
    )


def _commits(folder: Path, size: int, times: int) -> list[float]:
    taken_s = []
    with Journal(folder / f"commits-{size}.journal") as journal:
        for n in range(times):
            records = [Record(1, _alarm("bed/ecg", size * n + k), _STRIP) for k in range(size)]
            began_s = time.perf_counter()
            journal.append(records)
            taken_s.append(time.perf_counter() - began_s)
    return taken_s


def _streams(folder: Path, alarms: int) -> list[Row]:
    """Send the heart rate of one bed at each turn of a worker, with and without alarms of another on their way."""
    put_at_s: dict[int, float] = {}
    held_s: list[float] = []
    calm_s: list[float] = []
    beside_s: list[float] = []

    def sent(message: Message) -> None:
        if isinstance(message, AlarmEvent):
            held_s.append(time.perf_counter() - put_at_s[message.seq])

    scribe = Scribe(folder / "streams.journal")
    scribe.start()
    with zmq.Context() as context, Publisher("inproc://journal", context=context) as publisher:
        outbox = Outbox(publisher, scribe, sent)
        for _ in range(alarms):
            for waits in (False, True):
                if waits:
                    alarm = _alarm("bed-1/ecg")
                    began_s = time.perf_counter()
                    outbox.put(alarm, _STRIP)
                    put_at_s[alarm.seq] = began_s
                for _ in range(5):
                    rate = HeartRate(stream="bed-2/ecg", sample=1, decision_sample=2, rate_bpm=60.0)
                    began_s = time.perf_counter()
                    outbox.put(rate)
                    (beside_s if waits else calm_s).append(time.perf_counter() - began_s)
                    time.sleep(_TURN_S)
                    outbox.release()
                outbox.flush(10.0)
    scribe.stop()
    return [
        _row("an alarm, from decision to sent", held_s),
        _row("another stream's message, no alarm on its way", calm_s),
        _row("another stream's message, beside an alarm on its way", beside_s),
    ]


def measure(folder: Path, times: int = 500) -> JournalCost:
    """Measure on the disk of a folder.

    Parameters
    ----------
    folder
        Where the journals are made; they are removed again.
    times
        Commits of each size, and alarms.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        rows = [
            _row(f"commit of {size} alarm{'s' * (size > 1)} with strip", _commits(Path(name), size, times))
            for size in (1, 16)
        ]
        rows += _streams(Path(name), times)
    return JournalCost(str(folder), environment(), rows)


def table(cost: JournalCost) -> Table:
    """Show what was measured."""
    shown = Table("what", "n", "p50, ms", "p99, ms", "max, ms", title=f"Journal of alarms in {cost.folder}")
    for row in cost.rows:
        shown.add_row(row.what, str(row.n), f"{row.p50_ms:.3f}", f"{row.p99_ms:.3f}", f"{row.max_ms:.3f}")
    return shown
