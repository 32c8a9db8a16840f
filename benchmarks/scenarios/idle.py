"""Idle: the same items with longer and longer pauses between them, and whether keeping warm helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.load import Drive, Phase
from heartwire.benchmarks.result import Point, Result, Run, Spread
from heartwire.benchmarks.summary import conclude, one
from heartwire.benchmarks.workload import Workload

PHASES = (Phase(0.0, 400), Phase(0.1, 100), Phase(1.0, 40), Phase(10.0, 11))
"""Continuous, 10, 1 and 0.1 Hz; a median needs eleven items."""
_TURNS = 8
"""The phases take turns, so that what the machine does of its own falls to all of them."""


def measure(harnesses: Mapping[str, Harness], workload: Workload, *, phases: Sequence[Phase] = PHASES) -> Result:
    """Run all phases, in turns, in one start of each pipeline.

    Parameters
    ----------
    harnesses
        The pipelines by what is different of them ("keep-warm off", "keep-warm on").
    workload
        Its length is set by the phases.
    phases
        The first is what the others are compared with.
    """
    before = environment()
    drive = Drive(pace="closed", phases=in_turns(phases))
    items = sum(phase.items for phase in phases)
    seconds = items * max(workload.message_samples / workload.rate_hz, 1.0 / workload.frame_hz)
    load = msgspec.structs.replace(workload, seconds=seconds)
    runs: list[Run] = []
    headline: dict[str, Spread] = {}
    curve: list[Point] = []
    for name, harness in harnesses.items():
        run = harness.run(load, drive, name)
        runs.append(run)
        medians = {n: f.percentiles_ms["p50"] for n, f in run.items.items()}
        headline |= penalties(medians, phases, name)
        for phase in phases:
            found = {f"{k} p50 ms, {name}": medians.get(f"{k} {phase.name}") for k in ("ecg", "xray")}
            curve.append(Point(x=phase.interval_s, figures={k: v for k, v in found.items() if v is not None}, met=True))
    return conclude(
        "idle",
        next(iter(harnesses.values())),
        runs,
        options={"phases": [list(phase) for phase in phases]},
        environment_before=before,
        pool=[],
        headline=headline,
        curve=curve,
        curve_label="pause between items, s",
        remarks=[] if len(harnesses) > 1 else ["this engine has no setting keep_warm: measured without"],
    )


def in_turns(phases: Sequence[Phase]) -> tuple[Phase, ...]:
    """Cut phases into turns: as many items in all, each turn about as many."""
    cuts = [[phase.items * turn // _TURNS for turn in range(_TURNS + 1)] for phase in phases]
    return tuple(
        Phase(phase.interval_s, cut[turn + 1] - cut[turn])
        for turn in range(_TURNS)
        for phase, cut in zip(phases, cuts, strict=True)
    )


def penalties(medians: Mapping[str, float | None], phases: Sequence[Phase], name: str) -> dict[str, Spread]:
    """Give the median of each phase, and how many times that of the first it is."""
    figures = {}
    for kind in ("ecg", "xray"):
        base = medians.get(f"{kind} {phases[0].name}")
        for phase in phases:
            value = medians.get(f"{kind} {phase.name}")
            if value is None:
                continue
            figures[f"{kind} p50 ms at {phase.name}, {name}"] = one(value)
            if base and phase is not phases[0]:
                figures[f"{kind} penalty at {phase.name}, {name}"] = one(value / base)
    return figures
