"""Simulated ECG of a heart, 1 to 12 leads at any rate, with its exact truth.

The samples are made in fixed blocks of about a second and cut from them, so they do not depend on how they are asked
for. Sample `k` is the signal at `k / rate_hz` seconds.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import ConfigError
from heartwire.streams.simulators.heart import Disturbance, Heart
from heartwire.streams.simulators.heart_vector import LEAD_VECTORS, HeartVector
from heartwire.streams.simulators.script import LEADS

Float32Array = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]

_RAIL_MV = 5.0
_KEPT_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class EcgBeat:
    """A true beat: the sample of its R peak and its AAMI class."""

    sample: int
    label: Literal["N", "S", "V"]


@dataclass(frozen=True, slots=True)
class EcgRhythm:
    """A true rhythm from `sample` on; `label` is the WFDB rhythm code without the bracket."""

    sample: int
    label: str


class EcgSimulator:
    """The ECG of a heart.

    Parameters
    ----------
    heart
        What is recorded.
    rate_hz
        Samples a second, 100 to 2000.
    leads
        1 to 12 different names of `LEADS`.
    noise_mv
        Muscle noise at rest, root mean square.
    wander_mv
        Baseline wander, root mean square.
    mains_mv, mains_hz
        Hum.
    lead_off_as
        What a lead that is off gives: NaN, a flat line, or the amplifier's rail.

    Raises
    ------
    ConfigError
        If a value is out of its range or a lead is unknown.
    """

    def __init__(
        self,
        heart: Heart,
        *,
        rate_hz: float = 250.0,
        leads: Sequence[str] = ("II", "V1"),
        noise_mv: float = 0.012,
        wander_mv: float = 0.06,
        mains_mv: float = 0.004,
        mains_hz: float = 50.0,
        lead_off_as: Literal["nan", "flat", "rail"] = "nan",
    ) -> None:
        check_ecg(rate_hz, leads)
        self.heart = heart
        self.rate_hz = float(rate_hz)
        self.leads = tuple(leads)
        self._vector = HeartVector(heart)
        self._project = np.stack([LEAD_VECTORS[lead] for lead in leads], axis=1)
        self._block_samples = max(1, round(rate_hz))
        self._blocks: OrderedDict[int, Float32Array] = OrderedDict()
        self._beat_mv = np.array([self._vector.beat_mv(lead) for lead in leads])
        self._noise_mv, self._wander_mv, self._mains_mv, self._mains_hz = noise_mv, wander_mv, mains_mv, mains_hz
        self._off_mv = {"nan": math.nan, "flat": 0.0, "rail": _RAIL_MV}[lead_off_as]
        # a lead's noise is its own, whichever other leads are recorded
        pools = [_NoisePools(heart.seed, LEADS.index(lead), self.rate_hz) for lead in leads]
        self._pools = pools
        random = np.random.default_rng([heart.seed, 0x5741])
        self._wander_hz = np.array([0.05, 0.11, 0.17, 0.29]) * random.uniform(0.9, 1.1, 4)
        self._wander_phases = random.uniform(0.0, 2.0 * math.pi, (len(LEADS), 5))[[LEADS.index(x) for x in leads]]

    def samples(self, first: int, count: int) -> Float32Array:
        """Give samples `first` to `first + count - 1`, (count, n_leads) in mV; NaN where a lead is off."""
        out = np.empty((count, len(self.leads)), np.float32)
        done = 0
        while done < count:
            block, offset = divmod(first + done, self._block_samples)
            part = self._block(block)[offset : offset + count - done]
            out[done : done + len(part)] = part
            done += len(part)
        return out

    def beats(self, first: int, end: int) -> list[EcgBeat]:
        """Give the true beats with `first <= sample < end`."""
        found = self.heart.beats((first - 1) / self.rate_hz, (end + 1) / self.rate_hz)
        beats = [EcgBeat(round(beat.time_s * self.rate_hz), beat.label) for beat in found]
        return [beat for beat in beats if first <= beat.sample < end]

    def rhythms(self, first: int, end: int) -> list[EcgRhythm]:
        """Give the true rhythms that touch samples `first` to `end - 1`, each with the sample at which it begins."""
        found = self.heart.episodes(first / self.rate_hz, end / self.rate_hz)
        return [EcgRhythm(max(0, math.ceil(episode.start_s * self.rate_hz)), episode.label) for episode in found]

    def _block(self, number: int) -> Float32Array:
        block = self._blocks.get(number)
        if block is None:
            block = self._make_block(number)
            self._blocks[number] = block
            if len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        return block

    def _make_block(self, number: int) -> Float32Array:
        index = np.arange(number * self._block_samples, (number + 1) * self._block_samples)
        times_s = index / self.rate_hz
        signal = self._vector.over(times_s) @ self._project
        knots_s = (number + np.linspace(0.0, 1.0, 11)) * self._block_samples / self.rate_hz
        breath = np.interp(times_s, knots_s, [self.heart.breath(float(t)) for t in knots_s]) - 0.5
        signal *= 1.0 + 0.06 * breath[:, None]
        for lead, pools in enumerate(self._pools):
            signal[:, lead] += self._noise_mv * pools.muscle(index) + self._wander(lead, times_s, breath)
        hum = np.sin(2.0 * math.pi * self._mains_hz * times_s) * (1.0 + 0.3 * np.sin(2.0 * math.pi * 0.07 * times_s))
        signal += (math.sqrt(2.0) * self._mains_mv * hum)[:, None]
        for disturbance in self.heart.disturbances(float(times_s[0]), float(times_s[-1]) + 1e-9):
            self._disturb(signal, index, times_s, disturbance)
        return np.asarray(signal, np.float32)

    def _wander(self, lead: int, times_s: FloatArray, breath: FloatArray) -> FloatArray:
        phases = self._wander_phases[lead]
        turns = 2.0 * math.pi * np.outer(times_s, self._wander_hz) + phases[:4]
        slow = np.sin(turns) @ np.array([0.9, 0.65, 0.5, 0.4])
        return np.asarray(self._wander_mv * (slow + math.sin(phases[4]) * breath))

    def _disturb(
        self, signal: FloatArray, index: npt.NDArray[np.int64], times_s: FloatArray, disturbance: Disturbance
    ) -> None:
        within = (times_s >= disturbance.start_s) & (times_s < disturbance.end_s)
        for lead, name in enumerate(self.leads):
            if disturbance.kind == "noise":
                # as in the MIT-BIH noise stress test: a sine with the beat's peak-to-peak size counts as signal
                power = self._beat_mv[lead] ** 2 / 8.0 / 10.0 ** (disturbance.snr_db / 10.0)
                signal[within, lead] += math.sqrt(power) * self._pools[lead].motion(index[within])
            elif disturbance.lead in ("", name):
                signal[within, lead] = self._off_mv


class _NoisePools:
    """Two loops of noise of one lead, each unit variance, without seams and of lengths that do not meet again soon."""

    def __init__(self, seed: int, lead: int, rate_hz: float) -> None:
        random = np.random.default_rng([seed, lead, 0x4E])
        self._muscle = [_coloured(random, round(span_s * rate_hz), rate_hz, muscle=True) for span_s in (23.7, 31.1)]
        self._motion = [_coloured(random, round(span_s * rate_hz), rate_hz, muscle=False) for span_s in (29.3, 37.9)]

    def muscle(self, index: npt.NDArray[np.int64]) -> FloatArray:
        """Give muscle noise at samples."""
        return self._sum(self._muscle, index)

    def motion(self, index: npt.NDArray[np.int64]) -> FloatArray:
        """Give electrode motion with muscle noise at samples."""
        return np.asarray(0.85 * self._sum(self._motion, index) + 0.53 * self._sum(self._muscle, index))

    @staticmethod
    def _sum(pools: list[FloatArray], index: npt.NDArray[np.int64]) -> FloatArray:
        return np.asarray((pools[0][index % len(pools[0])] + pools[1][index % len(pools[1])]) * math.sqrt(0.5))


def _coloured(random: np.random.Generator, n: int, rate_hz: float, *, muscle: bool) -> FloatArray:
    """Make a loop of noise: muscle (20 to 120 Hz) or electrode motion (falling from 1 Hz)."""
    hz = np.fft.rfftfreq(n, 1.0 / rate_hz)
    if muscle:
        shape = (hz / 25.0) ** 2 / (1.0 + (hz / 25.0) ** 2) / (1.0 + (hz / 120.0) ** 2)
    else:
        shape = hz / (0.7 + hz) / (1.0 + (hz / 3.0) ** 1.5)
    loop = np.fft.irfft(np.fft.rfft(random.standard_normal(n)) * shape, n)
    return np.asarray(loop / loop.std())


def check_ecg(rate_hz: float, leads: Sequence[str]) -> None:
    """Check rate and leads of a simulated ECG.

    Raises
    ------
    ConfigError
        If the rate is out of its range or a lead is unknown or there twice.
    """
    if not 100.0 <= rate_hz <= 2000.0:
        msg = f"ECG simulator: rate_hz must lie between 100 and 2000, not {rate_hz:g}"
        raise ConfigError(msg)
    unknown = [lead for lead in leads if lead not in LEADS]
    if unknown or not 1 <= len(leads) <= len(LEADS) or len(set(leads)) != len(leads):
        wrong = f"{unknown[0]!r} is unknown" if unknown else f"{len(leads)} leads, or one twice"
        msg = f"ECG simulator: leads must be 1 to {len(LEADS)} different names of {', '.join(LEADS)}; {wrong}"
        raise ConfigError(msg)
