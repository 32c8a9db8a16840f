"""A bare pyzmq loop: publish, subscribe, step, publish, subscribe. No numbering, no resending, no account."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import zmq

from heartwire.benchmarks.peers import roles
from heartwire.benchmarks.peers.work import Load, Step

_HEAD = struct.Struct("<qq")
_WAIT_MS = 100


def _socket(kind: int, endpoint: str, *, binds: bool) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    if kind == zmq.SUB:
        socket.subscribe(b"")
    (socket.bind if binds else socket.connect)(endpoint)
    return socket


def source(load: Load, folder: Path) -> None:
    """Publish the messages when they are due."""
    out = _socket(zmq.PUB, f"ipc://{folder}/in", binds=True)
    for stream, n, _, message in roles.paced(load, roles.started()):
        out.send(_HEAD.pack(stream, n), zmq.SNDMORE)
        out.send(message.data)


def step(load: Load, folder: Path) -> None:
    """Take each message, do the step, publish what comes of it."""
    incoming = _socket(zmq.SUB, f"ipc://{folder}/in", binds=False)
    out = _socket(zmq.PUB, f"ipc://{folder}/out", binds=True)
    steps = [Step(load) for _ in range(load.streams)]
    shape, dtype = load.message(0, 0).shape, load.message(0, 0).dtype
    until_ns = roles.started() + load.due()[-1][0] + round(roles.PATIENCE_S * 1e9)
    while time.monotonic_ns() < until_ns:
        if incoming.poll(_WAIT_MS):
            head, payload = incoming.recv_multipart()
            stream, _ = _HEAD.unpack(head)
            found = steps[stream](np.frombuffer(payload, dtype).reshape(shape))
            out.send(head, zmq.SNDMORE)
            out.send(struct.pack(f"<{len(found)}d", *found))


def observer(load: Load, folder: Path) -> None:
    """Note what comes out."""
    incoming = _socket(zmq.SUB, f"ipc://{folder}/out", binds=False)
    notes = roles.Notes(load, roles.started())
    while not notes.complete:
        if incoming.poll(_WAIT_MS):
            head, _ = incoming.recv_multipart()
            notes.note(*_HEAD.unpack(head))
    notes.save(folder)


if __name__ == "__main__":
    roles.main({"source": source, "step": step, "observer": observer})
