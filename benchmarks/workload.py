"""What a pipeline is given: beds and labs, each a simulated patient on a tape that is played over and over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from heartwire.engine.messages import EcgChunk, XrayFrame


class Workload(msgspec.Struct, kw_only=True, frozen=True):
    """The signals, and how long they last."""

    beds: Annotated[int, Meta(ge=0, le=4096)] = 8
    """ECG streams."""
    leads: Annotated[int, Meta(ge=1, le=12)] = 12
    rate_hz: float = 500.0
    message_ms: float = 40.0
    labs: Annotated[int, Meta(ge=0, le=64)] = 0
    """X-ray streams."""
    frame_px: int = 512
    frame_hz: float = 15.0
    seconds: float = 120.0
    in_step: bool = False
    """All beds send at the same instant, the worst case; else each device has a phase of its own."""
    seed: int = 1
    patients: int = 4
    """Different hearts; beds that share one are at different places of its tape."""
    cycle_s: float = 40.0
    """ECG on a tape."""
    cycle_frames: int = 60
    """Frames on a tape; they are played forwards and backwards, so that no catheter jumps."""

    def __str__(self) -> str:
        """Say it in words."""
        beds = f"beds: {self.beds} of {self.leads} leads, {self.rate_hz:g} Hz, messages of {self.message_ms:g} ms"
        labs = f"labs: {self.labs} of {self.frame_px} px, {self.frame_hz:g} frames/s"
        signals = [beds] * bool(self.beds) + [labs] * bool(self.labs)
        return f"{' and '.join(signals)}, {self.seconds:g} s, seed {self.seed}{', in step' if self.in_step else ''}"

    @property
    def message_samples(self) -> int:
        """Samples of each lead in a message."""
        return max(1, round(self.message_ms * 1e-3 * self.rate_hz))


class StreamLoad(NamedTuple):
    """One stream of a workload."""

    id: str
    kind: str  # "ecg" or "xray"
    phase_ns: int  # how long after the common start its first item is captured
    items: int  # how many there are
    item: Callable[[int], EcgChunk | XrayFrame]  # gives the item with a number, its times counted from the start
    offered: int  # samples or frames in all
    per_item: int  # samples or frames in one


def streams(load: Workload, made: dict[str, list[str]], leads: tuple[str, ...]) -> list[StreamLoad]:
    """Give the streams of a workload from its tapes."""
    rng = np.random.default_rng(load.seed)
    ecg, xray = ([np.load(path) for path in made[kind]] for kind in ("ecg", "xray"))
    phases_ms = rng.uniform(0.0, 0.0 if load.in_step else load.message_ms, load.beds)
    looped = [np.concatenate([tape, tape[: load.message_samples]]) for tape in ecg]
    beds = [_bed(load, n, leads, looped[n % len(ecg)], round(phases_ms[n] * 1e6)) for n in range(load.beds)]
    return beds + [_lab(load, f"lab-{n + 1}/xray", xray[n % len(xray)]) for n in range(load.labs)]


def _bed(
    load: Workload, bed: int, leads: tuple[str, ...], looped: npt.NDArray[np.float32], phase_ns: int
) -> StreamLoad:
    name = f"bed-{bed + 1}/ecg"
    step, total = load.message_samples, max(1, round(load.seconds * load.rate_hz))
    cycle = len(looped) - step
    # Beds of one patient are spread over its tape.
    turn = (bed // load.patients) * 7919

    def item(number: int) -> EcgChunk:
        first = number * step
        count = min(step, total - first)
        at = (first + turn) % cycle
        captured_ns = round((first + count - 1) / load.rate_hz * 1e9)
        return EcgChunk(
            stream=name,
            first_sample=first,
            rate_hz=load.rate_hz,
            leads=leads,
            samples=looped[at : at + count],
            captured_ns=captured_ns,
        )

    return StreamLoad(name, "ecg", phase_ns, -(-total // step), item, total, step)


def _lab(load: Workload, name: str, tape: npt.NDArray[np.uint8]) -> StreamLoad:
    total = max(1, round(load.seconds * load.frame_hz))
    order = [*range(len(tape)), *range(len(tape) - 2, 0, -1)]

    def item(number: int) -> XrayFrame:
        return XrayFrame(
            stream=name,
            frame=number,
            pixels=tape[order[number % len(order)]],
            rate_hz=load.frame_hz,
            spacing_mm=(0.3, 0.3),
            spacing_plane="patient",
            captured_ns=round(number / load.frame_hz * 1e9),
        )

    return StreamLoad(name, "xray", 0, total, item, total, 1)
