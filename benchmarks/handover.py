"""Handing a frame from one process to another through the bus: as bytes, and through shared memory, in turns.

In shared memory the pixels are copied into a slot by `send`, or laid there by the source before that (`reserve`); the
subscriber copies them out, or reads them where they lie and makes sure afterwards that they were there whole.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import zmq
from rich.table import Table

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.process import Child
from heartwire.engine.bus import Inbox, Publisher, Subscriber
from heartwire.engine.errors import HeartwireError
from heartwire.engine.messages import EndOfStream, XrayFrame
from heartwire.engine.slots import Frame

FPS = 30.0
_BYTES, _COPIED, _IN_PLACE, _LAID = WAYS = ("bytes", "copied in and out", "read in place", "no copy")
_SIZES = ((1024, "uint16"), (512, "uint8"))
_WARM_UP = 15
"""Frames of each stream that are not counted."""
_DIFFERENT = 8
_LOG_FILE = "log"
_WAIT_S = 30.0


class Row(msgspec.Struct):
    """One size by one way; ms from just before it is sent until the subscriber has read every pixel."""

    frame: str
    by: str
    n: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    in_hand_p50_ms: float
    """Until the subscriber has the frame, its pixels not yet read."""


class Handover(msgspec.Struct):
    """What was measured, where."""

    fps: float
    environment: dict[str, str]
    rows: list[Row]


class _Seen(msgspec.Struct, array_like=True):
    stream: str
    frame: int
    in_hand_ns: int
    read_ns: int
    check: int


def _endpoint(folder: Path, way: str) -> str:
    return f"ipc://{folder}/{way.replace(' ', '-')}"


def _check(pixels: Frame) -> int:
    """Read every pixel."""
    return int(np.bitwise_xor.reduce(pixels.reshape(-1).view(np.uint64)))


def measure(seconds: float = 20.0) -> Handover:
    """Send frames of each size at 30 Hz each way, the ways in turns, to another process.

    Parameters
    ----------
    seconds
        Length of each size.

    Raises
    ------
    HeartwireError
        If a frame did not arrive, or not as it was sent.
    """
    count = max(round(seconds * FPS), 1)
    return Handover(FPS, environment(), [row for size, dtype in _SIZES for row in _measure_size(size, dtype, count)])


def _measure_size(size: int, dtype: str, count: int) -> list[Row]:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, np.iinfo(dtype).max, (size, size), np.dtype(dtype)) for _ in range(_DIFFERENT)]
    count += _WARM_UP
    with tempfile.TemporaryDirectory(prefix="heartwire-handover-") as name, zmq.Context() as context:
        folder = Path(name)
        publishers = {
            way: Publisher(_endpoint(folder, way), slots=0 if way == _BYTES else 8, context=context) for way in WAYS
        }

        def serve() -> None:
            for publisher in publishers.values():
                publisher.serve(5)

        with Child("heartwire.benchmarks.handover", folder) as child:
            child.wait("ready", _WAIT_S, serve)
            _send(publishers, frames, count)
            child.wait("done", _WAIT_S, serve)
        for publisher in publishers.values():
            publisher.close()
        seen = msgspec.msgpack.decode((folder / _LOG_FILE).read_bytes(), type=list[_Seen])
    checks = [_check(frame) for frame in frames]
    label = f"{size} x {size} {dtype}"
    return [_row(label, way, [s for s in seen if s.stream == _stream(way)], count, checks) for way in WAYS]


def _stream(way: str) -> str:
    return f"handover/{way.replace(' ', '-')}"


def _send(publishers: dict[str, Publisher], frames: list[Frame], count: int) -> None:
    due_ns = time.monotonic_ns()
    for n in range(count):
        for way, publisher in publishers.items():
            due_ns += round(1e9 / FPS / len(publishers))
            publisher.serve(max(0, due_ns - time.monotonic_ns()) / 1e6)
            pixels = frames[n % _DIFFERENT]
            if way == _LAID:
                laid = publisher.reserve(_stream(way), (pixels.shape[0], pixels.shape[1]), pixels.dtype)
                laid[:] = pixels
                pixels = laid
            frame = XrayFrame(stream=_stream(way), frame=n, pixels=pixels, rate_hz=FPS, bits=8 * pixels.itemsize)
            frame.trace.intended_ns = time.monotonic_ns()
            publisher.send(frame)
    for way, publisher in publishers.items():
        publisher.send(EndOfStream(stream=_stream(way), offered=count))


def _row(label: str, way: str, seen: list[_Seen], count: int, checks: list[int]) -> Row:
    if [(s.frame, s.check) for s in seen] != [(n, checks[n % _DIFFERENT]) for n in range(count)]:
        msg = f"{label} by {way}: {len(seen)} of {count} frames arrived, or not as they were sent"
        raise HeartwireError(msg)
    read_ms = np.array([s.read_ns for s in seen[_WARM_UP:]]) / 1e6
    p50, p99, most = (round(float(v), 3) for v in np.quantile(read_ms, (0.5, 0.99, 1.0)))
    in_hand_ms = float(np.median([s.in_hand_ns for s in seen[_WARM_UP:]])) / 1e6
    return Row(label, way, len(read_ms), p50, p99, most, round(in_hand_ms, 3))


def table(found: Handover) -> Table:
    """Show what was measured."""
    shown = Table("frame", "by", "n", "p50, ms", "p99, ms", "max, ms", "in hand p50, ms")
    shown.title = f"A frame from process to process at {found.fps:g} Hz"
    for row in found.rows:
        figures = (f"{v:.3f}" for v in (row.p50_ms, row.p99_ms, row.max_ms, row.in_hand_p50_ms))
        shown.add_row(row.frame, row.by, str(row.n), *figures)
    return shown


def main() -> None:
    """Run as the subscriber process."""
    folder = Path(sys.argv[1])
    seen: list[_Seen] = []
    ended = 0
    in_place = [_stream(way) for way in (_IN_PLACE, _LAID)]
    with zmq.Context() as context:
        subscribers = [
            Subscriber(_endpoint(folder, way), streams=[_stream(way)], in_place=in_place, context=context)
            for way in WAYS
        ]
        inbox = Inbox(subscribers)
        print("ready", flush=True)  # noqa: T201 - the parent listens
        while ended < len(WAYS):
            for message in inbox.receive(1000):
                ended += isinstance(message, EndOfStream)
                if not isinstance(message, XrayFrame):
                    continue
                sent_ns, in_hand_ns = message.trace.intended_ns, time.monotonic_ns()
                check = _check(message.pixels)
                message.check()
                read_ns = time.monotonic_ns() - sent_ns
                seen.append(_Seen(message.stream, message.frame, in_hand_ns - sent_ns, read_ns, check))
        (folder / _LOG_FILE).write_bytes(msgspec.msgpack.encode(seen))
        print("done", flush=True)  # noqa: T201
        for subscriber in subscribers:
            subscriber.close()


if __name__ == "__main__":
    main()
