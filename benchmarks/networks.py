"""What a row of each network of the ECG costs by its batch: as ONNX Runtime runs it, and as the engine does.

Warm runs on random input, each stream's state carried, both in turns, in the CPU time of one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import msgspec
import numpy as np
from rich.table import Table

from heartwire.benchmarks.environment import environment
from heartwire.engine.compiled.stack import CompiledStack
from heartwire.engine.inference import Model
from heartwire.engine.session import Session
from heartwire.engine.stacking import Question, SessionStack, Stack

NETWORKS = ("ecg-qrs", "ecg-beats", "ecg-vf", "ecg-fibrillation")
BATCHES = (1, 2, 4, 8, 16, 32)
_FRAMES = 3
"""What a message of 100 ms holds."""


class Row(msgspec.Struct):
    """One network at one batch, in us a row; `engine_us` is None where the engine leaves it to ONNX Runtime."""

    network: str
    batch: int
    onnx_us: float
    engine_us: float | None


class NetworkRows(msgspec.Struct):
    """What was measured, where."""

    runs: int
    environment: dict[str, str]
    rows: list[Row]


def measure(networks: Sequence[str] = NETWORKS, batches: Sequence[int] = BATCHES, runs: int = 60) -> NetworkRows:
    """Time each network at each batch, some runs of either kind; the medians count."""
    rows = []
    for name in networks:
        model = Model(name, provider="cpu")
        kinds: list[Stack] = [SessionStack(Session(model.path))]
        if isinstance(model.stack, CompiledStack):
            kinds.append(model.stack)
        for batch in batches:
            questions = [_questions(stack, model, batch) for stack in kinds]
            took: list[list[float]] = [[] for _ in kinds]
            for _ in range(runs):
                for asked, us in zip(questions, took, strict=True):
                    us.append(_us(asked))
            onnx_us, *engine_us = (round(statistics.median(us[runs // 4 :]) / batch, 1) for us in took)
            rows.append(Row(name, batch, onnx_us, engine_us[0] if engine_us else None))
    return NetworkRows(runs, environment(), rows)


def _questions(stack: Stack, model: Model, batch: int) -> list[Question]:
    random = np.random.default_rng(batch)
    frame = round(model.card.settings.get("frame_samples", 1))
    shapes = {name: shape for name, shape in model.card.inputs.items() if not name.startswith("state_")}
    frames = _FRAMES if any(-1 in shape[1:] for shape in shapes.values()) else 1
    return [
        Question(
            stack,
            {
                name: random.standard_normal([1, *(frame * frames if n == -1 else n for n in shape[1:])], np.float32)
                for name, shape in shapes.items()
            },
            frames=frames,
            state=stack.state(),
        )
        for _ in range(batch)
    ]


def _us(questions: Sequence[Question]) -> float:
    begin_ns = time.thread_time_ns()
    left = questions
    while left:
        left = left[len(left[0].stack.answer(left)) :]
    return (time.thread_time_ns() - begin_ns) * 1e-3


def table(found: NetworkRows) -> Table:
    """Show what was measured."""
    batches = sorted({row.batch for row in found.rows})
    shown = Table("us a row", *map(str, batches), title=f"Networks of the ECG by batch, medians of {found.runs} runs")
    for name in dict.fromkeys(row.network for row in found.rows):
        of_network = {row.batch: row for row in found.rows if row.network == name}
        shown.add_row(f"{name}, ONNX Runtime", *(f"{of_network[batch].onnx_us:.1f}" for batch in batches))
        compiled = [of_network[batch].engine_us for batch in batches]
        if compiled[0] is not None:
            shown.add_row(f"{name}, compiled", *(f"{us or 0.0:.1f}" for us in compiled))
    return shown
