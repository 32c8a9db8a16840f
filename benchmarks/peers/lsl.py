"""Lab Streaming Layer: an outlet for each stream, an inlet and an outlet in the step, an inlet in the observer.

LSL cannot wait for several inlets at once: a thread waits at each, which is its fastest way.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from heartwire.benchmarks.peers import roles
from heartwire.benchmarks.peers.work import Load, Step

_CONFIG = """[ports]
IPv6 = disable
PortRange = 128
[multicast]
ResolveScope = machine
[lab]
KnownPeers = {127.0.0.1}
SessionID = SESSION
"""
"""An outlet takes several ports: the 32 of the default are too few for sixteen; one beyond them is not found."""
_RESOLVE_S = 30.0
_WAIT_S = 0.1
_SENT_S = 0.5


def _pylsl(folder: Path) -> Any:
    config = folder / "lsl.cfg"
    config.write_text(_CONFIG.replace("SESSION", folder.name))
    os.environ["LSLAPICFG"] = str(config)
    import pylsl

    return pylsl


def _outlet(lsl: Any, name: str, channels: int, rate_hz: float) -> Any:
    return lsl.StreamOutlet(lsl.StreamInfo(name, "ECG", channels, rate_hz, "float32", name))


def _inlet(lsl: Any, name: str) -> Any:
    found = lsl.resolve_byprop("name", name, 1, _RESOLVE_S)
    if not found:
        msg = f"LSL stream {name} was not found within {_RESOLVE_S:g} s"
        raise TimeoutError(msg)
    inlet = lsl.StreamInlet(found[0], recover=False)
    inlet.open_stream(timeout=_RESOLVE_S)
    return inlet


def _each(load: Load, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(stream,)) for stream in range(load.streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def source(load: Load, folder: Path) -> None:
    """Push the chunks when they are due."""
    lsl = _pylsl(folder)
    outlets = [_outlet(lsl, f"in-{n}", load.leads, load.rate_hz) for n in range(load.streams)]
    for stream, _, intended_ns, message in roles.paced(load, roles.started()):
        outlets[stream].push_chunk(message, intended_ns / 1e9)
    # A thread of LSL's sends: what was pushed last would end with it.
    time.sleep(_SENT_S)


def step(load: Load, folder: Path) -> None:
    """Pull what comes, do the step, push one sample for each whole message."""
    lsl = _pylsl(folder)
    outlets = [_outlet(lsl, f"out-{n}", load.leads, 0.0) for n in range(load.streams)]
    inlets = [_inlet(lsl, f"in-{n}") for n in range(load.streams)]
    until_ns = roles.started() + load.due()[-1][0] + round(roles.PATIENCE_S * 1e9)

    def work(stream: int) -> None:
        inlet, outlet, step = inlets[stream], outlets[stream], Step(load)
        samples = 0
        while time.monotonic_ns() < until_ns:
            first, _ = inlet.pull_sample(timeout=_WAIT_S)
            if first is None:
                continue
            more, _ = inlet.pull_chunk(timeout=0.0, max_samples=max(1, load.samples - 1))
            taken = step.samples(np.array([first, *more], np.float32))
            for at in range(load.samples - 1 - samples % load.samples, len(taken), load.samples):
                outlet.push_sample(taken[at].tolist())
            samples += len(taken)

    _each(load, work)


def observer(load: Load, folder: Path) -> None:
    """Note what comes out; samples come in order and each once, so they are counted."""
    lsl = _pylsl(folder)
    inlets = [_inlet(lsl, f"out-{n}") for n in range(load.streams)]
    notes = roles.Notes(load, roles.started())

    def work(stream: int) -> None:
        n = 0
        while not notes.complete:
            sample, _ = inlets[stream].pull_sample(timeout=_WAIT_S)
            if sample is not None:
                notes.note(stream, n)
                n += 1

    _each(load, work)
    notes.save(folder)


if __name__ == "__main__":
    roles.main({"source": source, "step": step, "observer": observer})
