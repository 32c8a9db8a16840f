"""Hours of a bed in steps of ten seconds: heart rate, ventricular beats a minute, ST levels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from heartwire.streams.dashboard.line_file import LineFile

STEP_S = 10
_KEEP_STEPS = 24 * 3600 // STEP_S
_STEPS_A_MINUTE = 60 // STEP_S
_OPEN_STEPS = 3
"""A step is written when so many newer ones have begun: no beat of it is revised any more."""


class Trend(msgspec.Struct, kw_only=True):
    """What is drawn; null where nothing is known. The first value is that of the `step_s` from `start_ms` on."""

    start_ms: float
    step_s: int
    heart_rate_bpm: list[float | None]
    pvc_per_minute: list[int | None]
    st_mv: dict[str, list[float | None]]


class _Step(msgspec.Struct):
    """One step: `number` counts from 1970."""

    number: int
    rate_sum: float = 0.0
    rates: int = 0
    beats: int = 0
    ventricular: int = 0
    st_mv: dict[str, float] = {}


class Trends:
    """The trends of one bed, the last 24 hours.

    Parameters
    ----------
    path
        File in which they outlive this process, a line of JSON a step; what is there already is taken over. None keeps
        them in memory alone.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = LineFile(path, _Step, 2 * _KEEP_STEPS) if path else None
        self._steps: deque[_Step] = deque(_in_order(self._file.read()) if self._file else (), maxlen=_KEEP_STEPS)
        self._written = self._steps[-1].number if self._steps else -1

    def write(self, last: bool = False) -> None:
        """Bring the steps that are over to the disk, at the `last` time all.

        Raises
        ------
        OSError
            If the disk does not take them.
        """
        steps = list(self._steps)
        over = steps if last else steps[:-_OPEN_STEPS]
        new = [step for step in over if step.number > self._written]
        if self._file is None or not new:
            return
        self._file.add(new, over)
        self._written = new[-1].number

    def _step(self, at_ms: float) -> _Step | None:
        """Give the step of a time, None where it is over for long."""
        number = int(at_ms // (1000 * STEP_S))
        steps = self._steps
        if not steps or number > steps[-1].number:
            steps.append(_Step(number))
            return steps[-1]
        return next((step for step in reversed(steps) if step.number == number), None)

    def heart_rate(self, at_ms: float, rate_bpm: float) -> None:
        """Take a heart rate."""
        if step := self._step(at_ms):
            step.rate_sum += rate_bpm
            step.rates += 1

    def st(self, at_ms: float, levels_mv: dict[str, float]) -> None:
        """Take the ST levels of leads."""
        if step := self._step(at_ms):
            step.st_mv = levels_mv

    def beat(self, at_ms: float, label: str, instead_of: str = "") -> None:
        """Take a beat, or another class of one that had been taken."""
        if step := self._step(at_ms):
            step.beats += not instead_of
            step.ventricular += (label == "V") - (instead_of == "V")

    def since(self, from_ms: float) -> Trend | None:
        """Give the trends from a time on, None where there is nothing."""
        steps = {step.number: step for step in self._steps if step.number >= from_ms // (1000 * STEP_S)}
        if not steps:
            return None
        first, last = min(steps), max(steps)
        rates: list[float | None] = []
        ventricular: list[int | None] = []
        for number in range(first, last + 1):
            step = steps.get(number)
            rates.append(round(step.rate_sum / step.rates, 1) if step and step.rates else None)
            minute = [steps[n].ventricular for n in range(number - _STEPS_A_MINUTE + 1, number + 1) if n in steps]
            ventricular.append(sum(minute) if step and step.beats else None)
        numbers = range(first, last + 1)
        leads = {lead: None for step in steps.values() for lead in step.st_mv}
        return Trend(
            start_ms=first * 1000.0 * STEP_S,
            step_s=STEP_S,
            heart_rate_bpm=rates,
            pvc_per_minute=ventricular,
            st_mv={lead: [steps[n].st_mv.get(lead) if n in steps else None for n in numbers] for lead in leads},
        )


def _in_order(steps: Iterable[_Step]) -> Iterator[_Step]:
    """Leave out what is no later than the step before it: each is written once."""
    last = -1
    for step in steps:
        if step.number > last:
            last = step.number
            yield step
