"""heartwire in one process: frames through queue, host, account and a chain of three steps, without sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from heartwire.benchmarks.peers import roles
from heartwire.benchmarks.peers.engine_steps import KIND
from heartwire.benchmarks.peers.work import Load, stream_id
from heartwire.engine.config import EngineConfig, StreamConfig
from heartwire.engine.messages import Overlay, Trace, XrayFrame
from heartwire.engine.station import Station

_STEPS_BEFORE = 2
"""With the processor, three."""


def run(load: Load, folder: Path) -> None:
    """Put each frame into its station when it is due and work it through."""
    settings: dict[str, Any] = {"load": msgspec.to_builtins(load), "steps": _STEPS_BEFORE}
    ids = [stream_id(load, n) for n in range(load.streams)]
    stations = [
        Station(
            StreamConfig(id=name, processor=KIND, source={"kind": KIND}, settings=settings),
            EngineConfig(),
            lambda _: None,
        )
        for name in ids
    ]
    start_ns = roles.started()
    notes = roles.Notes(load, start_ns)
    for stream, n, intended_ns, message in roles.paced(load, start_ns):
        frame = XrayFrame(stream=ids[stream], frame=n, pixels=message, captured_ns=intended_ns, seq=n)
        frame.trace = Trace(intended_ns=intended_ns)
        stations[stream].put(frame)
        for finding in stations[stream].work():
            if isinstance(finding, Overlay):
                notes.note(stream, finding.frame)
    notes.save(folder)


if __name__ == "__main__":
    roles.main({"all": run})
