"""What the processes of a peer do alike: wait for the start, send when it is due, note what comes out.

A process is started as `python -m heartwire.benchmarks.peers.<peer> ROLE FOLDER`. It says `ready` on its standard
output, is given the common start (monotonic ns) on its standard input, does its part, says `done` and stays until its
input ends, so that its use of the processor can be read.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np

from heartwire.benchmarks.peers.work import Array, Load, Seen
from heartwire.engine.process import wake_in_time

LOAD_FILE = "load.json"
SEEN_FILE = "seen.npy"
PATIENCE_S = 2.0
"""How long after the last message was due one that is late is waited for."""


def started() -> int:
    """Say that this process can begin; wait for the common start and give it."""
    wake_in_time()
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    return int(sys.stdin.readline() or 0)


def wait_until(due_ns: int) -> None:
    """Sleep until a monotonic time."""
    if (left_ns := due_ns - time.monotonic_ns()) > 0:
        time.sleep(left_ns / 1e9)


def paced(load: Load, start_ns: int) -> Iterator[tuple[int, int, int, Array]]:
    """Give (stream, n, intended_ns, message) of each message when it is due, or at once where that is past."""
    for due_ns, stream, n in load.due():
        intended_ns = start_ns + due_ns
        message = load.message(stream, n)
        wait_until(intended_ns)
        yield stream, n, intended_ns, message


class Notes:
    """What an observer has seen so far."""

    def __init__(self, load: Load, start_ns: int) -> None:
        self._load = load
        self._start_ns = start_ns
        self._rows: list[tuple[int, int, int, int]] = []
        self._wanted = load.streams * load.messages
        self._until_ns = start_ns + load.due()[-1][0] + round(PATIENCE_S * 1e9)

    @property
    def complete(self) -> bool:
        """Whether all has come, or it is too late for what has not."""
        return len(self._rows) >= self._wanted or time.monotonic_ns() > self._until_ns

    def note(self, stream: int, n: int) -> None:
        """Note a message that has just come out."""
        now_ns = time.monotonic_ns()
        self._rows.append((stream, n, self._start_ns + self._load.intended_ns(stream, n), now_ns))

    def save(self, folder: Path) -> None:
        """Write what was seen."""
        save(folder, self._rows)


def save(folder: Path, rows: list[tuple[int, int, int, int]]) -> None:
    """Write (stream, n, intended_ns, observed_ns) of each message seen."""
    np.save(folder / SEEN_FILE, np.array(rows, np.int64).reshape(-1, 4))


def read_seen(folder: Path) -> Seen:
    """Read what an observer saw; nothing where there was none."""
    path = folder / SEEN_FILE
    rows = np.load(path) if path.exists() else np.zeros((0, 4), np.int64)
    return Seen(*rows.T)


def main(roles: Mapping[str, Callable[[Load, Path], None]]) -> None:
    """Run one role of a peer as this process."""
    folder = Path(sys.argv[2])
    load = msgspec.json.decode((folder / LOAD_FILE).read_bytes(), type=Load)
    roles[sys.argv[1]](load, folder)
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stdin.read()
