"""The engine on test waves like those of IEC 60601-2-27: time to alarm, heart rate shown, what is alarmed besides.

Each wave is run several times, begun a little later each time: decisions fall on moments counted from its start.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
import numpy as np
from rich.progress import Progress

from heartwire.benchmarks.accuracy.grid import Grid
from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.page import facts, page
from heartwire.benchmarks.plots import Axis, bars
from heartwire.engine import registry
from heartwire.engine.alarms.conditions import CONDITIONS, RANK, SIGNAL_GENERATION_DELAY_S
from heartwire.engine.messages import AlarmEvent, EcgChunk, Finding, HeartRate
from heartwire.streams.simulators.test_waves import RATE_HZ, Wave, every_wave

_LATER_S = (0.0, 0.13, 0.26, 0.39)
_SETTLED_S = 20.0
_MESSAGE = round(RATE_HZ)


class WaveFigures(msgspec.Struct, kw_only=True):
    """What one wave gave.

    `delays_s` are the times from the change to the first alarm asked for, None where there was none; `alarms` the
    conditions that gave it. `rates_bpm` are the lowest and highest heart rate shown from 20 s on (after a change:
    in the last 5 s), None where none was shown. `besides` are alarms of high or medium priority not asked for.
    """

    name: str
    text: str
    asked: list[str]
    alarms: list[str]
    delays_s: list[float | None]
    rate_bpm: float | None
    rates_bpm: tuple[float, float] | None
    besides: list[str]
    begun: dict[str, list[tuple[float, float]]]
    """By condition, the delays of each alarm that began, s: of the condition (onset to decision) and its signal (what
    the engine took over the message of one second that completed the decision)."""


class AlarmsResult(msgspec.Struct, kw_only=True):
    """The whole evaluation; the two figures of tachycardia are over its six waves, each with its mean."""

    environment: dict[str, str]
    waves: list[WaveFigures]
    tachycardia_mean_s: float | None
    tachycardia_max_s: float | None


def _findings(wave: Wave, later: int) -> Iterator[tuple[Finding, float]]:
    """Give the findings of a wave, each with the seconds from its message's arrival to it."""
    processor = registry.processor("ecg", wave.name, {"limits": wave.limits} if wave.limits else {})
    samples = wave.samples()[later:]
    for first in range(0, len(samples), _MESSAGE):
        part = samples[first : first + _MESSAGE]
        chunk = EcgChunk(stream=wave.name, first_sample=first, rate_hz=RATE_HZ, leads=("II",), samples=part)
        begin_s = time.perf_counter()
        found = list(processor.process(chunk))
        took_s = time.perf_counter() - begin_s
        yield from ((finding, took_s) for finding in found)


def run_wave(wave: Wave) -> WaveFigures:
    """Run one wave, several times."""
    delays: list[float | None] = []
    by: set[str] = set()
    besides: set[str] = set()
    rates: list[float] = []
    begun: dict[str, list[tuple[float, float]]] = {}
    for later_s in _LATER_S:
        later = round(later_s * RATE_HZ)
        onset = wave.onset_s * RATE_HZ - later
        rates_from = (wave.seconds - 5.0 if wave.onset_s else _SETTLED_S) * RATE_HZ - later
        found: tuple[str, float] | None = None
        for finding, took_s in _findings(wave, later):
            if isinstance(finding, AlarmEvent) and finding.change == "on":
                begun.setdefault(finding.condition, []).append((finding.algorithmic_delay_s, took_s))
            match finding:
                case AlarmEvent(change="on", condition=condition, decision_sample=sample):
                    if condition in wave.conditions and sample >= onset:
                        found = found or (condition, round((sample - onset) / RATE_HZ, 3))
                    elif finding.priority != "low":
                        besides.add(condition)
                case HeartRate(sample=sample, rate_bpm=rate_bpm) if sample >= rates_from:
                    rates.append(rate_bpm)
        delays.append(found[1] if found else None)
        by |= {found[0]} if found else set()
    return WaveFigures(
        name=wave.name,
        text=wave.text,
        asked=list(wave.conditions),
        alarms=sorted(by),
        delays_s=delays,
        rate_bpm=wave.rate_bpm,
        rates_bpm=(min(rates), max(rates)) if rates else None,
        besides=sorted(besides),
        begun=begun,
    )


def evaluate(progress: Progress) -> AlarmsResult:
    """Run every wave."""
    waves = [run_wave(wave) for wave in progress.track(every_wave(), description="test waves")]
    fast = [wave.delays_s for wave in waves if wave.name.startswith("vt-")]
    told = [delay for delays in fast for delay in delays if delay is not None]
    every = len(told) == sum(map(len, fast))
    return AlarmsResult(
        environment=environment(),
        waves=waves,
        tachycardia_mean_s=round(float(np.mean(told)), 3) if every else None,
        tachycardia_max_s=max(told) if every else None,
    )


def _delay(wave: WaveFigures) -> list[str]:
    told = [delay for delay in wave.delays_s if delay is not None]
    if not told:
        return ["-", "-", "-"]
    return [f"{np.mean(told):.2f}", f"{max(told):.2f}", f"{len(told)}/{len(wave.delays_s)}"]


def _delays(result: AlarmsResult) -> Grid:
    """Give the delays declared and measured of every condition."""
    begun: dict[str, list[tuple[float, float]]] = {}
    for wave in result.waves:
        for code, delays in wave.begun.items():
            begun.setdefault(code, []).extend(delays)
    rows = []
    for code in sorted(CONDITIONS, key=RANK.__getitem__):
        declared_s, delays = CONDITIONS[code].delay_s, begun.get(code, [])
        if declared_s is None and not delays:
            continue
        cells = [code, "-" if declared_s is None else f"{declared_s:g}", str(len(delays))]
        condition_s, signal_s = np.array(delays).reshape(-1, 2).T
        measured = (np.mean(condition_s), np.max(condition_s), np.max(signal_s)) if delays else ()
        rows.append([*cells, *(f"{value:.2f}" for value in measured), *["-"] * (3 - len(measured))])
    heads = ["condition", "declared s", "begun", "mean s", "max s", "signal, max s"]
    note = f"generation of the signal declared: {SIGNAL_GENERATION_DELAY_S:g} s"
    return Grid(
        "Delays of the conditions: from onset to decision, and of the signal after it", heads, rows, notes=[note]
    )


def tables(result: AlarmsResult) -> list[Grid]:
    """Give a table of the alarms and one of the heart rates."""
    alarms = [
        [wave.name, *_delay(wave), " ".join(wave.alarms), " ".join(wave.besides)] for wave in result.waves if wave.asked
    ]
    rates = []
    for wave in result.waves:
        if wave.rate_bpm is not None:
            shown = "-" if wave.rates_bpm is None else f"{wave.rates_bpm[0]:.0f} to {wave.rates_bpm[1]:.0f}"
            besides = "" if wave.asked else " ".join(wave.besides)
            rates.append([wave.name, f"{wave.rate_bpm:.0f}", shown, besides])
    mean_s, max_s = result.tachycardia_mean_s, result.tachycardia_max_s
    note = "not every one alarmed" if mean_s is None or max_s is None else f"mean {mean_s:.2f} s, longest {max_s:.2f} s"
    heads = ["wave", "mean s", "max s", "alarmed", "by", "besides"]
    return [
        _delays(result),
        Grid("Heart rate shown, a minute", ["wave", "true", "shown", "alarms"], rates),
        Grid("Time to alarm", heads, alarms, notes=[f"ventricular tachycardia, all six waves: {note}"]),
    ]


def alarms_page(result: AlarmsResult) -> str:
    """Give the page."""
    longest = {
        wave.name: max(delay for delay in wave.delays_s if delay is not None)
        for wave in result.waves
        if any(delay is not None for delay in wave.delays_s)
    }
    return page(
        "heartwire on test waves",
        f"<p>Longest time to alarm of each wave, begun {len(_LATER_S)} times.</p>{bars(longest, Axis('s'))}"
        f"{''.join(grid.page() for grid in reversed(tables(result)))}<h2>Environment</h2>{facts(result.environment)}",
    )
