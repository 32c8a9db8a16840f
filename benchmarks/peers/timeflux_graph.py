"""Timeflux: a graph of its ZeroMQ nodes around a step; source and observer speak its format without its nodes.

`Sub`, the step and `Pub` are one graph under its own scheduler. The environment says how often it turns: rate 0 spins.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from heartwire.benchmarks.peers import roles
from heartwire.benchmarks.peers.work import Load, Step

RATE = "HEARTWIRE_PEERS_TIMEFLUX_RATE_HZ"
_WAIT_MS = 100


def source(load: Load, folder: Path) -> None:
    """Publish data frames, indexed by sample, when they are due."""
    import pandas as pd

    out: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUB)
    out.bind(f"ipc://{folder}/in")
    leads = [f"lead{n}" for n in range(load.leads)]
    meta = pickle.dumps({}, pickle.HIGHEST_PROTOCOL)
    for stream, n, _, message in roles.paced(load, roles.started()):
        rows = range(n * load.samples, (n + 1) * load.samples)
        data = pd.DataFrame(message, index=rows, columns=leads)
        out.send_multipart([f"s{stream}".encode(), pickle.dumps(data, pickle.HIGHEST_PROTOCOL), meta])


def node(load: Load) -> Any:
    """Make the node that does the step: a row out for each whole message."""
    import pandas as pd
    from timeflux.core.node import Node

    class StepNode(Node):  # type: ignore[misc]
        def __init__(self) -> None:
            self._steps: dict[str, Step] = {}

        def update(self) -> None:
            for _, suffix, port in list(self.iterate("i_*")):
                if not port.ready():
                    continue
                step = self._steps.setdefault(suffix, Step(load))
                done = step.samples(port.data.to_numpy())
                ends = np.flatnonzero(port.data.index.to_numpy() % load.samples == load.samples - 1)
                out = getattr(self, f"o_{suffix}")
                out.data = pd.DataFrame(done[ends], port.data.index[ends], port.data.columns)

    return StepNode()


def step(load: Load, folder: Path) -> None:
    """Run the graph until this process is ended."""
    from timeflux.core.scheduler import Scheduler
    from timeflux.core.worker import Worker

    sub = {"id": "sub", "class": "Sub", "params": {"topics": [""], "address": f"ipc://{folder}/in"}}
    pub = {"id": "pub", "class": "Pub", "params": {"topic": "", "address": f"ipc://{folder}/out"}}
    nodes = [{**one, "module": "timeflux.nodes.zmq"} for one in (sub, pub)]
    mine = {"id": "step", "module": __spec__.name, "class": "node", "params": {"load": load}}
    rate_hz = float(os.environ.get(RATE, "0"))
    edges = [{"source": "sub:*", "target": "step"}, {"source": "step:*", "target": "pub"}]
    path, made = Worker({"id": "graph", "rate": rate_hz, "nodes": [*nodes, mine], "edges": edges}).load()
    roles.started()
    Scheduler(path, made, rate_hz).run()


def observer(load: Load, folder: Path) -> None:
    """Note what comes out."""
    incoming: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    incoming.subscribe(b"")
    incoming.bind(f"ipc://{folder}/out")
    notes = roles.Notes(load, roles.started())
    while not notes.complete:
        if incoming.poll(_WAIT_MS):
            topic, data, _ = incoming.recv_multipart()
            for sample in pickle.loads(data).index.to_list():
                notes.note(int(topic.decode().lstrip("_s")), sample // load.samples)
    notes.save(folder)


if __name__ == "__main__":
    roles.main({"source": source, "step": step, "observer": observer})
