"""GPU outputs against CPU outputs of every model that ships."""

from __future__ import annotations

import time

import numpy as np
from rich.console import Console
from rich.table import Table

from heartwire.engine.errors import HeartwireError
from heartwire.engine.inference import Model, Runner
from heartwire.models.catalogue import shipped

_TOLERANCE = 5e-3
"""Largest difference allowed: outputs are probabilities and px offsets; TF32 convolutions differ in the third digit."""
_STEPS = 50


def _inputs(runner: Runner, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for array in runner.inputs.values():
        array[...] = rng.standard_normal(array.shape, np.float32)


def compare(console: Console) -> None:
    """Run every model on both devices over the same inputs, state carried, and show difference and time.

    Raises
    ------
    HeartwireError
        If there is no usable GPU, or outputs differ by more than the tolerance.
    """
    table = Table("model", "largest difference", "CPU ms", "CUDA ms", title="GPU against CPU")
    worst = 0.0
    for path in shipped():
        runners = [Model(path, provider=p).runner() for p in ("cpu", "cuda")]
        spent_s = [0.0, 0.0]
        difference = 0.0
        for step in range(_STEPS):
            for n, runner in enumerate(runners):
                _inputs(runner, step)
                begin_s = time.perf_counter()
                runner.run()
                spent_s[n] += time.perf_counter() - begin_s
            for name, on_cpu in runners[0].outputs.items():
                difference = max(difference, float(np.abs(on_cpu - runners[1].outputs[name]).max()))
        worst = max(worst, difference)
        table.add_row(path.stem, f"{difference:.2e}", *(f"{1e3 * s / _STEPS:.3f}" for s in spent_s))
    console.print(table)
    if worst > _TOLERANCE:
        msg = f"GPU and CPU outputs differ by {worst:.2e}, more than {_TOLERANCE:g}"
        raise HeartwireError(msg)
