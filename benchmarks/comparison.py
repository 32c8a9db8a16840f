"""An earlier result beside this one: ratios, and what else is different."""

from __future__ import annotations

from pathlib import Path

import msgspec

from heartwire.benchmarks.result import Comparison, Difference, Result, Spread
from heartwire.engine.errors import InputError

MACHINE = (
    "processor",
    "cores",
    "gpu",
    "memory",
    "kernel",
    "container",
    "governor",
    "python",
    "onnxruntime",
    "numpy",
    "pyzmq",
    "collector",
)
"""What of the environment moves figures without anybody having changed heartwire; models are told apart by `git`."""


def read(path: Path) -> Result:
    """Read a result.

    Raises
    ------
    InputError
        If there is none.
    """
    file = path / "result.json" if path.is_dir() else path
    try:
        return msgspec.json.decode(file.read_bytes(), type=Result)
    except OSError as error:
        msg = f"--against {file}: {error.strerror}"
        raise InputError(msg) from None
    except msgspec.DecodeError as error:
        msg = f"--against {file} is no result of `heartwire bench`: {error}"
        raise InputError(msg) from None


def compare(now: Result, before: Result) -> Comparison:
    """Compare the headline figures.

    Raises
    ------
    InputError
        If the earlier result is of another scenario.
    """
    if now.scenario != before.scenario:
        msg = f"--against is a result of {before.scenario!r}, this one is of {now.scenario!r}"
        raise InputError(msg)
    rows = []
    for name, spread in now.headline.items():
        if (old := before.headline.get(name)) is None:
            continue
        rows.append(
            Difference(
                figure=name,
                before=old.median,
                now=spread.median,
                ratio=spread.median / old.median if old.median else None,
                apart=_apart(old, spread),
            )
        )
    keys = [key for key in MACHINE if before.environment.get(key) != now.environment.get(key)]
    machine = [f"{key}: {before.environment.get(key, '?')} -> {now.environment.get(key, '?')}" for key in keys]
    return Comparison(
        earlier=before.environment.get("git", "?"), machine=machine, workload=_workloads(before, now), rows=rows
    )


def told(apart: bool | None) -> str:
    """Say whether ranges are apart."""
    return {None: "one run", True: "apart", False: "overlap"}[apart]


def _apart(before: Spread, now: Spread) -> bool | None:
    if min(len(before.values), len(now.values)) < 2:
        return None
    return now.lowest > before.highest or now.highest < before.lowest


def _workloads(before: Result, now: Result) -> list[str]:
    """Say what differs of options and load; sizes that a search tried are its finding, not its load."""
    differs = []
    if before.pipeline != now.pipeline:
        differs.append(f"pipeline: {before.pipeline} -> {now.pipeline}")
    keys = sorted({*before.options, *now.options} - {"repeats"})
    pairs = [(key, before.options.get(key), now.options.get(key)) for key in keys]
    differs += [f"{key}: {old} -> {new}" for key, old, new in pairs if old != new]
    if before.runs and now.runs:
        old, new = (msgspec.structs.asdict(result.runs[-1].workload) for result in (before, now))
        searched = {"beds"} if now.scenario == "beds" else set()
        differs += [f"{key}: {old[key]} -> {new[key]}" for key in new if key not in searched and old[key] != new[key]]
    return differs
