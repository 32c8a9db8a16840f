"""One heart: a rhythm script made into beats, episodes and motion, without end.

The ECG and the fluoroscopy simulators read the same `Heart`; a heart made anew from the same seed and script beats at
exactly the same times, so the two may also live in different processes.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from heartwire.streams.simulators.script import CALM, Step, parse_script

BeatOrigin = Literal["sinus", "atrial", "junctional", "fibrillation", "ventricular", "tachycardia", "torsades"]

_RHYTHM_LABELS = {
    "sinus": "N",
    "brady": "SBR",
    "tachy": "N",
    "svt": "SVTA",
    "af": "AFIB",
    "bigeminy": "B",
    "trigeminy": "T",
    "idioventricular": "IVR",
    "block2": "BII",
    "block3": "BIII",
    "vt": "VT",
    "torsades": "VT",
    "vfl": "VFL",
    "vf": "VF",
    "asystole": "ASYS",
}
_WITHOUT_BEATS = ("VF", "VFL", "ASYS")
_ELECTROMECHANICAL_DELAY_S = 0.04
_LONGEST_RR_S = 4.0
_BLOCKED_ATRIAL_S = 0.75
"""Interval of the P waves in third-degree block."""


@dataclass(frozen=True, slots=True)
class HeartBeat:
    """One beat, at its R peak.

    `label` is the AAMI class N, S or V; `rr_s` the interval since the beat before.
    """

    time_s: float
    label: Literal["N", "S", "V"]
    origin: BeatOrigin
    rr_s: float


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of one rhythm.

    `label` is its WFDB rhythm code without the bracket (N, AFIB, VT, VF, ASYS ...); `flutter_hz` is the rate of
    ventricular flutter, which has no beats, and 0 for others.
    """

    start_s: float
    end_s: float
    label: str
    flutter_hz: float = 0.0


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A disturbance of the ECG signal: `noise` with its ratio, or `lead_off` with its lead (empty for all)."""

    start_s: float
    end_s: float
    kind: Literal["noise", "lead_off"]
    snr_db: float = math.nan
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Motion:
    """What moves at one moment; each part is about 0 at rest.

    `contraction` is 1 at the end of a normal systole, `twist` swings between about -1 and 1 within a beat, `kick` is 1
    at the height of atrial contraction, `breath` goes from 0 (expiration) to 1 (inspiration).
    """

    contraction: float
    twist: float
    kick: float
    breath: float


def _start(episode: Episode) -> float:
    return episode.start_s


class Heart:
    """A heart that follows a rhythm script for ever, with breathing.

    Times are seconds from the start of the stream. Beats are made as they are asked for.

    Parameters
    ----------
    seed
        Which heart; the same seed and script give the same beats.
    script
        What it does, see `heartwire.streams.simulators.script`.

    Raises
    ------
    ConfigError
        If the script is wrong.
    """

    def __init__(self, seed: int = 0, script: str = CALM) -> None:
        self.seed = seed
        self.script = script
        self._steps = parse_script(script)
        self._random = np.random.default_rng([seed, 0x48454152])
        self._times_s: list[float] = []
        self._beats: list[HeartBeat] = []
        self._blocked_s: list[float] = []
        self._episodes: list[Episode] = []
        self._disturbances: list[Disturbance] = []
        self._base_rr_s = 60.0 / 70.0
        self._next_rr_s: float | None = None
        self._clock_s = 0.0
        self._last_r_s = -0.5 * self._base_rr_s
        self._script_end_s: float | None = None
        self._breath_hz = float(self._random.uniform(0.18, 0.33))
        self._breath_phases = [float(x) for x in self._random.uniform(0.0, 2.0 * math.pi, 3)]
        self._sinus_arrhythmia = float(self._random.uniform(0.01, 0.04))
        self._course = self._follow_script()

    def __repr__(self) -> str:
        return f"Heart(seed={self.seed}, script={self.script!r})"

    def beats(self, start_s: float, end_s: float) -> list[HeartBeat]:
        """Give the beats with `start_s <= time_s < end_s`."""
        self._grow(end_s)
        return self._beats[bisect_left(self._times_s, start_s) : bisect_left(self._times_s, end_s)]

    def blocked(self, start_s: float, end_s: float) -> list[float]:
        """Give when the R peaks would be of the P waves that are not conducted, with `start_s <= time < end_s`."""
        self._grow(end_s)
        return self._blocked_s[bisect_left(self._blocked_s, start_s) : bisect_left(self._blocked_s, end_s)]

    def episodes(self, start_s: float, end_s: float) -> list[Episode]:
        """Give the rhythm episodes that touch the interval; the last may end later than it."""
        self._grow(end_s)
        first = max(0, bisect_right(self._episodes, start_s, key=_start) - 1)
        last = bisect_left(self._episodes, end_s, key=_start)
        return [episode for episode in self._episodes[first:last] if episode.end_s > start_s]

    def disturbances(self, start_s: float, end_s: float) -> list[Disturbance]:
        """Give the disturbances of the signal that touch the interval."""
        self._grow(end_s)
        return [d for d in self._disturbances if d.start_s < end_s and d.end_s > start_s]

    def phase(self, time_s: float) -> float:
        """Give the cardiac phase: 0 at an R peak, 1 at the next; NaN without beats (VF, asystole, before the first)."""
        self._grow(time_s)
        i = bisect_right(self._times_s, time_s) - 1
        episode = self._episode_at(time_s)
        silent = episode is not None and episode.label in _WITHOUT_BEATS
        if i < 0 or silent or time_s - self._times_s[i] > _LONGEST_RR_S:
            return math.nan
        self._grow(self._times_s[i] + _LONGEST_RR_S)
        next_rr_s = self._times_s[i + 1] - self._times_s[i] if i + 1 < len(self._times_s) else math.inf
        if next_rr_s <= _LONGEST_RR_S:
            return (time_s - self._times_s[i]) / next_rr_s
        return min(0.999, (time_s - self._times_s[i]) / self._beats[i].rr_s)

    def breath(self, time_s: float) -> float:
        """Give the breathing curve, 0 at rest (expiration) to 1 (inspiration)."""
        a, b, c = self._breath_phases
        turn = 2.0 * math.pi * self._breath_hz * time_s + a
        turn += 0.6 * math.sin(2.0 * math.pi * 0.021 * time_s + b)
        depth = 0.88 + 0.12 * math.sin(2.0 * math.pi * 0.034 * time_s + c)
        return float(depth * (0.5 - 0.5 * math.cos(turn)) ** 1.6)

    def motion(self, time_s: float) -> Motion:
        """Give the state of the moving parts at a moment."""
        contraction = twist = kick = 0.0
        for beat in self.beats(time_s - 1.2, time_s + 0.4):
            filling = min(1.0, math.sqrt(beat.rr_s / 0.8))
            strength = filling * (0.6 if beat.label == "V" else 1.0)
            systole_s = min(0.45, max(0.18, 0.36 * math.sqrt(beat.rr_s)))
            u = (time_s - beat.time_s - _ELECTROMECHANICAL_DELAY_S) / systole_s
            if 0.0 < u < 2.0:
                pulse = math.sin(0.5 * math.pi * u) ** 2
                contraction += strength * pulse
                twist += strength * math.sin(math.pi * u) * math.sqrt(pulse)
            if beat.origin == "sinus":
                v = (time_s - beat.time_s + 0.07) / 0.055
                kick += math.exp(-0.5 * v * v)
        episode = self._episode_at(time_s)
        if episode is not None and episode.label in ("VF", "VFL"):
            into_s = min(time_s - episode.start_s, episode.end_s - time_s)
            size = 0.07 * min(1.0, max(0.0, into_s))
            contraction += size * math.sin(2.0 * math.pi * 5.1 * time_s)
            twist += size * math.sin(2.0 * math.pi * 4.3 * time_s + 1.0)
        return Motion(contraction, twist, kick, self.breath(time_s))

    def script_end_s(self) -> float:
        """Give when the script first comes to its end; infinite where its last step lasts for ever."""
        if math.isinf(self._steps[-1].duration_s):
            return math.inf
        while self._script_end_s is None:
            next(self._course)
        return self._script_end_s

    def _episode_at(self, time_s: float) -> Episode | None:
        i = bisect_right(self._episodes, time_s, key=_start) - 1
        return self._episodes[i] if i >= 0 and time_s < self._episodes[i].end_s else None

    def _grow(self, until_s: float) -> None:
        while self._clock_s <= until_s:
            next(self._course)

    def _follow_script(self) -> Iterator[None]:
        """Make beats and episodes, one small advance of the clock at a time."""
        while True:
            for step in self._steps:
                if step.kind in ("noise", "lead_off"):
                    end_s = self._clock_s + step.duration_s
                    kind: Literal["noise", "lead_off"] = "noise" if step.kind == "noise" else "lead_off"
                    self._disturbances.append(Disturbance(self._clock_s, end_s, kind, step.snr_db, step.lead))
                elif step.kind == "pause":
                    self._next_rr_s = step.duration_s
                    self._clock_s = max(self._clock_s, self._last_r_s + step.duration_s - 1e-3)
                    self._end_episode(self._clock_s)
                elif step.kind == "pac":
                    self._premature("S", "atrial", float(self._random.uniform(0.62, 0.75)) * self._base_rr_s)
                    self._next_rr_s = 1.08 * self._base_rr_s
                elif step.kind in ("pvc", "couplet", "run"):
                    self._run(step)
                elif step.kind in ("vf", "vfl", "asystole"):
                    yield from self._no_beats(step)
                else:
                    yield from self._rhythm(step)
                yield
            if self._script_end_s is None:
                self._script_end_s = self._clock_s

    def _open_episode(self, label: str, end_s: float, flutter_hz: float = 0.0) -> None:
        start_s = self._clock_s
        if self._episodes:
            self._end_episode(start_s)
            last = self._episodes[-1]
            if last.label == label and last.flutter_hz == flutter_hz:
                start_s = self._episodes.pop().start_s
        self._episodes.append(Episode(start_s, end_s, label, flutter_hz))

    def _end_episode(self, end_s: float) -> None:
        if self._episodes:
            self._episodes[-1] = replace(self._episodes[-1], end_s=end_s)

    def _no_beats(self, step: Step) -> Iterator[None]:
        end_s = self._clock_s + step.duration_s
        self._open_episode(_RHYTHM_LABELS[step.kind], end_s, step.rate_bpm / 60.0 if step.kind == "vfl" else 0.0)
        while self._clock_s < end_s:
            self._clock_s = min(end_s, self._clock_s + 1.0)
            yield
        self._next_rr_s = None

    def _rhythm(self, step: Step) -> Iterator[None]:
        start_s, end_s = self._clock_s, self._clock_s + step.duration_s
        self._base_rr_s = 60.0 / step.rate_bpm
        self._open_episode(_RHYTHM_LABELS[step.kind], end_s)
        position = 0
        while True:
            label, origin, rr_s = self._next_beat(step, position)
            if self._next_rr_s is not None:
                rr_s, self._next_rr_s = self._next_rr_s, None
            time_s = self._last_r_s + rr_s
            if time_s < start_s:
                time_s = start_s + 0.4 * self._base_rr_s
            if time_s >= end_s:
                self._clock_s = end_s
                return
            self._block(step.kind, start_s, time_s)
            self._beat(time_s, label, origin)
            self._clock_s = time_s
            position += 1
            yield

    def _block(self, kind: str, start_s: float, next_r_s: float) -> None:
        """Add the P waves before the next beat that are not conducted."""
        if kind == "block2" and self._last_r_s > start_s:
            self._blocked_s.append(0.5 * (self._last_r_s + next_r_s))
        elif kind == "block3":
            if not self._blocked_s or self._blocked_s[-1] < start_s:
                self._blocked_s.append(start_s)
            while self._blocked_s[-1] < next_r_s:
                draw = float(self._random.standard_normal())
                self._blocked_s.append(self._blocked_s[-1] + _BLOCKED_ATRIAL_S * (1.0 + 0.01 * draw))

    def _next_beat(self, step: Step, position: int) -> tuple[Literal["N", "S", "V"], BeatOrigin, float]:
        rr_s, draw = self._base_rr_s, float(self._random.standard_normal())
        if step.kind == "af":
            return "N", "fibrillation", max(0.3, rr_s * math.exp(0.2 * draw - 0.02))
        if step.kind == "block3":
            return "N", "junctional", rr_s * (1.0 + 0.01 * draw)
        if step.kind == "svt":
            return "S", "junctional", rr_s * (1.0 + 0.008 * draw)
        if step.kind == "torsades":
            return "V", "torsades", rr_s * (1.0 + 0.05 * draw)
        if step.kind in ("vt", "idioventricular"):
            return "V", "tachycardia" if step.kind == "vt" else "ventricular", rr_s * (1.0 + 0.012 * draw)
        period = {"bigeminy": 2, "trigeminy": 3}.get(step.kind, 0)
        if period and position % period == period - 1:
            return "V", "ventricular", rr_s * (0.62 + 0.01 * draw)
        if period and position and position % period == 0:
            return "N", "sinus", rr_s * (1.38 + 0.01 * draw)
        arrhythmia = self._sinus_arrhythmia * math.sin(2.0 * math.pi * self._breath_hz * self._last_r_s)
        return "N", "sinus", rr_s * (1.0 + arrhythmia + 0.012 * draw)

    def _premature(self, label: Literal["S", "V"], origin: BeatOrigin, coupling_s: float) -> None:
        time_s = self._last_r_s + coupling_s
        if time_s < self._clock_s:
            time_s = max(self._clock_s + 0.02, self._last_r_s + 0.3)
        self._beat(time_s, label, origin)
        self._clock_s = time_s
        self._end_episode(time_s)

    def _run(self, step: Step) -> None:
        start_s = self._clock_s
        coupling_s = float(self._random.uniform(0.58, 0.7)) * self._base_rr_s
        for i in range(step.count):
            rr_s = 60.0 / step.rate_bpm * (1.0 + 0.02 * float(self._random.standard_normal()))
            self._premature("V", "ventricular", coupling_s if i == 0 else rr_s)
            if i == 0:
                start_s = self._clock_s
        self._next_rr_s = max(1.0, 2.0 - coupling_s / self._base_rr_s) * self._base_rr_s
        if step.count >= 3:
            end_s, self._clock_s = self._clock_s, start_s
            self._open_episode("VT", end_s)
            self._clock_s = end_s

    def _beat(self, time_s: float, label: Literal["N", "S", "V"], origin: BeatOrigin) -> None:
        rr_s = time_s - self._last_r_s
        self._times_s.append(time_s)
        self._beats.append(HeartBeat(time_s, label, origin, rr_s))
        self._last_r_s = time_s
