"""Test waves like those of IEC 60601-2-27 (and AAMI EC13), by which monitors disclose what they do with an ECG.

The standard's own drawings and recordings are not public domain: these are made anew from their description (rate,
peak-to-peak size, widths), each wave a sum of Gaussians and smooth ramps, one lead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

RATE_HZ = 500.0
RAIL_MV = 5.0
"""What the amplifier can give; pacer pulses are clipped there."""

_NOISE_MV = 0.005
_FILTER_SAMPLES = 5.0
_BEFORE_S = 20.0
_AFTER_S = 25.0
_NORMAL = ((0.10, -0.16, 0.022), (-0.08, -0.028, 0.009), (1.0, 0.0, 0.012), (-0.18, 0.028, 0.011), (0.22, 0.27, 0.045))
_ECTOPIC = ((0.35, -0.05, 0.022), (1.25, 0.0, 0.032), (-0.35, 0.07, 0.03), (-0.42, 0.26, 0.06))
_OPPOSITE = ((-0.30, -0.05, 0.022), (-1.15, 0.0, 0.034), (0.30, 0.07, 0.03), (0.40, 0.26, 0.06))
_WIDE = {
    "4a": ((0.55, -0.05, 0.030), (1.0, 0.02, 0.045), (-0.80, 0.14, 0.045)),
    "4b": ((-0.35, -0.07, 0.030), (-1.0, 0.0, 0.050), (0.75, 0.14, 0.050)),
}

Shape = tuple[tuple[float, float, float], ...]
"""The waves of a beat: size (mV), centre after R and width (s)."""


@dataclass(frozen=True)
class Wave:
    """One wave, and what a monitor is to do with it.

    `onset_s` is where the rhythm changes (the last beat before, for a change of rate), `condition` the alarm asked for,
    `limits` the alarm limits to be set, `rate_bpm` the heart rate to be shown at the end, None where none is asked for.
    """

    name: str
    text: str
    make: Callable[[Doubles], Doubles]
    seconds: float
    onset_s: float = 0.0
    conditions: tuple[str, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    rate_bpm: float | None = None

    def samples(self) -> npt.NDArray[np.float32]:
        """Give the whole wave, (n_samples, 1) in mV at `RATE_HZ`, with a little noise."""
        times_s = np.arange(round(self.seconds * RATE_HZ)) / RATE_HZ
        noise = np.random.default_rng(len(self.name)).normal(0.0, _NOISE_MV, len(times_s))
        return np.clip(self.make(times_s) + noise, -RAIL_MV, RAIL_MV)[:, None].astype(np.float32)


def _beat(times_s: Doubles, at_s: float, waves: Shape, size: float = 1.0) -> Doubles:
    out = np.zeros_like(times_s)
    for mv, centre_s, width_s in waves:
        out += size * mv * np.exp(-0.5 * ((times_s - at_s - centre_s) / width_s) ** 2)
    return out


def _beats(times_s: Doubles, places: list[tuple[float, Shape, float]]) -> Doubles:
    out = np.zeros_like(times_s)
    for at_s, waves, size in places:
        near = (times_s > at_s - 0.6) & (times_s < at_s + 1.0)
        out[near] += _beat(times_s[near], at_s, waves, size)
    return out


def _regular(first_s: float, end_s: float, bpm: float, waves: Shape = _NORMAL) -> list[tuple[float, Shape, float]]:
    return [(float(at_s), waves, 1.0) for at_s in np.arange(first_s, end_s, 60.0 / bpm)]


def _pattern(
    intervals_s: tuple[float, ...], waves: tuple[Shape, ...], end_s: float
) -> list[tuple[float, Shape, float]]:
    """Repeat beats, each followed by its interval."""
    places, at_s, n = [], 0.5, 0
    while at_s < end_s:
        places.append((at_s, waves[n % len(waves)], 1.0))
        at_s += intervals_s[n % len(intervals_s)]
        n += 1
    return places


def _tachycardia(name: str, bpm: float, peak_to_peak_mv: float) -> Wave:
    whole_s = np.arange(0.0, 2.0, 0.001)
    size = peak_to_peak_mv / float(np.ptp(_beats(whole_s, _regular(-1.0, 3.0, bpm, _WIDE[name]))))
    onset_s = _BEFORE_S

    def make(times_s: Doubles) -> Doubles:
        before = _regular(0.5, onset_s - 0.3, 80.0)
        fast = [(t, waves, size) for t, waves, _ in _regular(onset_s + 0.1, times_s[-1] + 1.0, bpm, _WIDE[name])]
        return _beats(times_s, [*before, *fast])

    text = (
        f"ventricular tachycardia {name}, {bpm:g}/min, {peak_to_peak_mv:g} mV peak to peak, after sinus rhythm 80/min"
    )
    conditions = ("VT", "VF", "EXTREME_TACHY")
    return Wave(f"vt-{bpm:g}-{peak_to_peak_mv:g}mv", text, make, onset_s + _AFTER_S, onset_s, conditions)


def _step(bpm: float, condition: str, limit: dict[str, float]) -> Wave:
    last_s = 0.5 + 26 * 0.75

    def make(times_s: Doubles) -> Doubles:
        before = _regular(0.5, last_s + 0.1, 80.0)
        return _beats(times_s, [*before, *_regular(last_s + 60.0 / bpm, times_s[-1], bpm)])

    limit_bpm = next(iter(limit.values()))
    text = f"heart rate 80 to {bpm:g}/min, alarm limit {limit_bpm:g}/min"
    conditions = (condition, f"EXTREME_{condition}")
    return Wave(f"step-80-{bpm:g}", text, make, last_s + _AFTER_S, last_s, conditions, limit, bpm)


def _asystole() -> Wave:
    last_s = 0.5 + 26 * 0.75
    make = lambda times_s: _beats(times_s, _regular(0.5, last_s + 0.1, 80.0))  # noqa: E731
    return Wave("asystole", "no beat any more after 80/min", make, last_s + 12.0, last_s, ("ASYSTOLE",))


def _irregular() -> Iterator[Wave]:
    n, v, o = _NORMAL, _ECTOPIC, _OPPOSITE
    for name, text, intervals_s, waves, bpm in (
        ("3a", "ventricular bigeminy", (0.6, 0.9), (n, v), 80.0),
        ("3b", "slow alternating ventricular bigeminy", (0.6, 0.6, 1.4, 1.4), (n, v), 60.0),
        ("3c", "rapid alternating ventricular bigeminy", (0.45, 0.55), (n, v), 120.0),
        ("3d", "bidirectional systoles", (60.0 / 90.0,), (v, o), 90.0),
    ):

        def make(
            times_s: Doubles, intervals_s: tuple[float, ...] = intervals_s, waves: tuple[Shape, ...] = waves
        ) -> Doubles:
            return _beats(times_s, _pattern(intervals_s, waves, times_s[-1]))

        yield Wave(f"irregular-{name}", f"{text}, {bpm:g}/min", make, 40.0, limits={"tachy_bpm": 130.0}, rate_bpm=bpm)


def _tall_t(t_mv: float) -> Wave:
    waves = (*_NORMAL[:-1], (t_mv, 0.26, 0.045))
    make = lambda times_s: _beats(times_s, _regular(0.5, times_s[-1], 80.0, waves))  # noqa: E731
    return Wave(f"tall-t-{t_mv:g}", f"QRS 1 mV, T wave {t_mv:g} mV, 80/min", make, 40.0, rate_bpm=80.0)


def _drift() -> Wave:
    def make(times_s: Doubles) -> Doubles:
        triangle = 2.0 * np.abs(2.0 * ((0.1 * times_s) % 1.0) - 1.0) - 1.0
        return 0.5 * _beats(times_s, _regular(0.5, times_s[-1], 80.0)) + 2.0 * triangle

    return Wave("drift", "QRS 0.5 mV on a triangle of 4 mV at 0.1 Hz, 80/min", make, 60.0, rate_bpm=80.0)


def _converted(samples: Doubles) -> Doubles:
    """Give what an anti-aliased converter makes of an instant, so many samples after it: its filter has an end."""
    near = np.minimum(np.abs(samples) / _FILTER_SAMPLES, 1.0)
    return 0.6 * np.sinc(0.6 * samples) * (0.5 + 0.5 * np.cos(np.pi * near))


def _pacer(pulse_mv: float, width_s: float, overshoot: float, *, captured: bool) -> Wave:
    """Pacer pulses at 80/min, each area spread over the samples that an anti-aliased converter takes it with."""
    last_s = 0.5 + 26 * 0.75

    def make(times_s: Doubles) -> Doubles:
        out = _beats(
            times_s, _regular(0.5, times_s[-1] if captured else last_s + 0.1, 80.0, _ECTOPIC if captured else _NORMAL)
        )
        begin_s = 0.5 if captured else last_s + 0.75
        for at_s in np.arange(begin_s, times_s[-1], 0.75) - (0.09 if captured else 0.0):
            out += pulse_mv * width_s * RATE_HZ * _converted((times_s - at_s) * RATE_HZ)
            tail_s = times_s - at_s - width_s
            out -= np.where(tail_s > 0.0, overshoot * np.exp(-np.maximum(tail_s, 0.0) / 0.05), 0.0)
        return out

    kind = f"{pulse_mv:g} mV, {width_s * 1e3:g} ms" + (f", overshoot {overshoot:g} mV" if overshoot else "")
    name = f"pacer-{pulse_mv:g}mv-{width_s * 1e3:g}ms" + ("-overshoot" if overshoot else "")
    if captured:
        return Wave(f"{name}-paced", f"pacer {kind}, each followed by a beat, 80/min", make, 40.0, rate_bpm=80.0)
    text = f"pacer {kind}, at 80/min after the last beat"
    return Wave(f"{name}-alone", text, make, last_s + 15.0, last_s, ("ASYSTOLE",))


def every_wave() -> list[Wave]:
    """Give every wave."""
    waves = [_tachycardia("4a", 206.0, mv) for mv in (0.5, 1.0, 2.0)]
    waves += [_tachycardia("4b", 195.0, mv) for mv in (1.0, 2.0, 4.0)]
    waves += [_step(120.0, "TACHY", {"tachy_bpm": 100.0}), _step(40.0, "BRADY", {"brady_bpm": 60.0}), _asystole()]
    waves += [*_irregular(), *(_tall_t(mv) for mv in (0.4, 0.8, 1.2)), _drift()]
    for pulse_mv, width_s in (
        (2.0, 0.0001),
        (2.0, 0.002),
        (-2.0, 0.002),
        (700.0, 0.0001),
        (700.0, 0.002),
        (-700.0, 0.002),
    ):
        for overshoot in (0.0, math.copysign(min(2.0, 0.025 * abs(pulse_mv)), pulse_mv)):
            waves += [_pacer(pulse_mv, width_s, overshoot, captured=captured) for captured in (True, False)]
    return waves
