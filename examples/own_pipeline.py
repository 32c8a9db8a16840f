"""A pipeline of somebody's own: it takes ECG and frames from ZeroMQ and publishes a finding for each.

It speaks the wire format (docs/wire.md) and nothing else of heartwire's engine runs in it. Measure it with::

    heartwire bench latency --pipeline "python examples/own_pipeline.py {connect} {publish}"

The heart rate comes from the times at which the first lead passes a threshold on its way up; the catheter tip is the
darkest pixel. That is poor medicine, but a finding with the number of the sample or frame that it needed last is all
that the benchmark asks for. The ledger at the end lets it check that nothing was lost.
"""

from __future__ import annotations

import sys

import numpy as np
import zmq

from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.messages import (
    CatheterFix,
    Device,
    EcgChunk,
    EndOfStream,
    Gap,
    HeartRate,
    LedgerReport,
    XrayFrame,
    size_of,
)

THRESHOLD_MV = 0.5


class OwnPipeline:
    """Findings and account of any number of streams."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._last_r: dict[str, int] = {}
        self._processed: dict[str, int] = {}
        self._missing: dict[str, int] = {}

    def take(self, item: EcgChunk | XrayFrame | Gap | EndOfStream) -> bool:
        """Process an item; False at the end of its stream."""
        name = item.stream
        match item:
            case EcgChunk():
                self._publisher.send(self._rate(item))
            case XrayFrame():
                self._publisher.send(self._fix(item))
            case Gap():
                self._missing[name] = self._missing.get(name, 0) + item.count
            case EndOfStream():
                processed, missing = self._processed.get(name, 0), self._missing.get(name, 0)
                account = LedgerReport(
                    stream=name,
                    offered=item.offered,
                    processed=processed,
                    dropped={},
                    missing=missing,
                    in_flight=item.offered - processed - missing,
                    final=True,
                )
                self._publisher.send(account)
                return False
        self._processed[name] = self._processed.get(name, 0) + size_of(item)
        return True

    def _rate(self, chunk: EcgChunk) -> HeartRate:
        lead = chunk.samples[:, 0]
        up = np.flatnonzero((lead[1:] > THRESHOLD_MV) & (lead[:-1] <= THRESHOLD_MV))
        r = chunk.first_sample + int(up[0]) + 1 if len(up) else 0
        before = self._last_r.get(chunk.stream, 0)
        if r:
            self._last_r[chunk.stream] = r
        rate_bpm = 60.0 * chunk.rate_hz / (r - before) if r > before > 0 else 0.0
        last = chunk.end_sample - 1
        return HeartRate(stream=chunk.stream, sample=last, decision_sample=last, rate_bpm=rate_bpm, trace=chunk.trace)

    def _fix(self, frame: XrayFrame) -> CatheterFix:
        y, x = np.unravel_index(int(frame.pixels.argmin()), frame.pixels.shape)
        tip = (float(x), float(y))
        device = Device(
            id=1,
            class_="catheter",
            state="tracked",
            visible=True,
            confidence=0.0,
            tip_px=tip,
            tip_mm=None,
            error_px=None,
            centreline_px=[tip],
        )
        return CatheterFix(
            stream=frame.stream,
            frame=frame.frame,
            captured_ns=frame.captured_ns,
            devices=[device],
            trace=frame.trace,
        )


def main() -> None:
    """Run until every stream that was seen has ended."""
    connect, publish = sys.argv[1:3]
    # A name makes it a registered subscriber, so that closed loops can measure it too.
    with (
        zmq.Context() as context,
        Publisher(publish, context=context) as publisher,
        Subscriber(connect, identity="own-pipeline", context=context) as subscriber,
    ):
        pipeline = OwnPipeline(publisher)
        open_streams: dict[str, bool] = {}
        while not open_streams or any(open_streams.values()):
            for item in subscriber.receive(50):
                if isinstance(item, EcgChunk | XrayFrame | Gap | EndOfStream):
                    open_streams[item.stream] = pipeline.take(item)
                    subscriber.acknowledge(item.stream, item.seq)
            publisher.serve()
        subscriber.receive(0)  # sends the last acknowledgements
        publisher.serve(1000)


if __name__ == "__main__":
    main()
