"""The numbers of which evidence consists: names, and how each is made of beats, hops and pulses. Times are in s.

NaN stands for what is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

WINDOW_S = 16.0
"""How far back an alarm is judged."""
BEFORE_S = 90.0
"""How far back pulses tell what is usual of this patient."""
BEAT_NAMES = (
    "gap_s", "slow5_bpm", "slow5_median_bpm", "fast17_bpm", "fast17_median_bpm", "fast9_bpm", "fast5_bpm", "fast3_bpm",
    "rr_spread", "rr_median_s", "beats", "ventricular", "ventricular_run", "ventricular_fast_run", "ventricular5",
    "ventricular5_least", "ventricular3",
)  # fmt: skip
SIGNAL_NAMES = (
    "quality", "quality_least", "quality_worse", "network_quality", "network_quality_least", "network_quality_worse",
    "vt4", "vf4", "v4", "v8", "v4_any", "v4_both", "v_mean", "vf4_both", "noise4", "noise4_any", "noise_mean",
)  # fmt: skip
PULSE_NAMES = (
    "gap_s", "slow5_bpm", "fast17_bpm", "fast5_bpm", "rr_spread", "rr_median_s", "height_spread", "height_now",
    "height_least", "agreement", "delay_spread", "usual_rr_spread",
)  # fmt: skip
NAMES = (
    *BEAT_NAMES,
    *SIGNAL_NAMES,
    *(f"pulse_{name}" for name in PULSE_NAMES),
    *(f"other_pulse_{name}" for name in PULSE_NAMES),
    "silence_s",
)
"""The numbers, in order: of the beats, the signal, the steadier and the other pulse channel, and of all together."""

_LONGEST_S = 20.0
_FAST_V_S = 0.65
_FAST_RUN_S = {5: 2.6, 3: 1.3}
_PULSE_LEAST = 0.4
PULSE_AFTER_S = 0.2
"""How long after its beat a pulse comes."""
_PULSE_WITHIN_S = 0.6
_NOW_S = 6.0
FEWEST_PULSES = 5
"""Fewer pulses tell nothing."""
_NAN = float("nan")
_Doubles: TypeAlias = npt.NDArray[np.float64]


class HopEvidence(NamedTuple):
    """Of one hop: when, quality of the leads analysed, the network's (or none), and VT, VF, noise by lead (or none)."""

    at_s: float
    quality: list[float]
    network: list[float]
    windows: list[list[float]]


def of_signal(hops: Sequence[HopEvidence]) -> list[float]:
    """Give the numbers of the signal over hops."""
    if not hops:
        return [_NAN] * len(SIGNAL_NAMES)
    quality = np.array([hop.quality for hop in hops])
    network = np.array([hop.network for hop in hops if hop.network])
    best = quality.max(axis=1)
    numbers = [float(best.mean()), float(best.min()), float(quality.min(axis=1).mean())]
    if len(network):
        top = network.max(axis=1)
        numbers += [float(top.mean()), float(top.min()), float(network.min(axis=1).mean())]
    else:
        numbers += [_NAN] * 3
    judged = [hop for hop in hops if hop.windows]
    if not judged:
        return [*numbers, *[_NAN] * 11]
    weight = np.array([hop.quality for hop in judged]) + 1e-3
    n_leads = weight.shape[1]
    weight /= weight.sum(axis=1, keepdims=True)
    vt, vf, noise = np.array([[row[:n_leads] for row in hop.windows] for hop in judged]).transpose(1, 0, 2)
    both = vt + vf
    mean_vt, mean_vf, mean_v, mean_noise = ((p * weight).sum(axis=1) for p in (vt, vf, both, noise))
    numbers += [_best(mean_vt, 4), _best(mean_vf, 4), _best(mean_v, 4), _best(mean_v, 8)]
    numbers += [_best(both.max(axis=1), 4), _best(both.min(axis=1), 4), float(mean_v.mean())]
    numbers += [_best(vf.min(axis=1), 4)]
    return [*numbers, _best(mean_noise, 4), _best(noise.max(axis=1), 4), float(mean_noise.mean())]


def of_beats(times: _Doubles, ventricular: _Doubles, now_s: float) -> list[float]:
    """Give the numbers of beats: their times, and how likely each is ventricular."""
    begin_s = now_s - WINDOW_S
    recent = times >= begin_s
    at, rr = times[recent], np.diff(times[recent])
    numbers = [longest_gap(times, begin_s, now_s), _rate(at, 4, slow=True), _median_rate(rr, 4, slow=True)]
    numbers += [_rate(at, 16), _median_rate(rr, 16), _rate(at, 8), _rate(at, 4), _rate(at, 2)]
    many = len(rr) > 2
    numbers += [float(rr.std() / rr.mean()) if many else _NAN, float(np.median(rr)) if len(rr) else _NAN]
    is_v = ventricular >= 0.5
    longest = fast = run = fast_run = 0
    for i in range(len(times)):
        run = run + 1 if is_v[i] and recent[i] else 0
        quick = i > 0 and times[i] - times[i - 1] < _FAST_V_S
        fast_run = 0 if not is_v[i] else fast_run + 1 if fast_run and quick else 1
        longest = max(longest, run)
        fast = max(fast, fast_run if recent[i] else 0)
    numbers += [float(recent.sum()), float((is_v & recent).sum()), float(longest), float(fast)]
    mean5, least5 = _runs(times, ventricular, recent, 5)
    mean3, _ = _runs(times, ventricular, recent, 3)
    return [*numbers, mean5, least5, mean3]


def _runs(times: _Doubles, ventricular: _Doubles, recent: npt.NDArray[np.bool_], n: int) -> tuple[float, float]:
    """Give the most that the mean, and the least, of n fast beats in a row reach."""
    mean = least = 0.0
    for i in range(n - 1, len(times)):
        if recent[i] and times[i] - times[i - n + 1] < _FAST_RUN_S[n]:
            run = ventricular[i - n + 1 : i + 1]
            mean, least = max(mean, float(run.mean())), max(least, float(run.min()))
    return mean, least


def of_pulses(at: _Doubles, height: _Doubles, beats: _Doubles, now_s: float) -> tuple[list[float], _Doubles]:
    """Give the numbers of one channel, and the times of its pulses that are no ripple."""
    begin_s = now_s - WINDOW_S
    before = (at < now_s - _LONGEST_S) & (at > now_s - BEFORE_S)
    usual = float(np.median(height[before])) if before.sum() > FEWEST_PULSES else float(np.median(height))
    big = at[height > _PULSE_LEAST * usual]
    recent = big[big >= begin_s]
    rr, rr_before = np.diff(recent), np.diff(at[before])
    heights = height[at >= begin_s]
    now = height[at >= now_s - _NOW_S]
    delays = []
    for pulse_s in recent:
        i = int(np.searchsorted(beats, pulse_s)) - 1
        if i >= 0 and pulse_s - beats[i] < _PULSE_WITHIN_S:
            delays.append(pulse_s - beats[i])
    fours = [float(np.median(heights[i : i + 4])) for i in range(max(1, len(heights) - 3))] if len(heights) else [0.0]
    numbers = [
        longest_gap(big, begin_s, now_s - PULSE_AFTER_S),
        _rate(recent, 4, slow=True),
        _rate(recent, 16),
        _rate(recent, 4),
        float(rr.std() / rr.mean()) if len(rr) > 2 else 1.0,
        float(np.median(rr)) if len(rr) else WINDOW_S,
        float(heights.std() / heights.mean()) if len(heights) > 2 else 1.0,
        float(np.median(now)) / usual if len(now) else 0.0,
        min(fours) / usual,
        len(delays) / len(recent) if len(recent) else 0.0,
        float(np.std(delays)) if len(delays) > 2 else 0.3,
        float(rr_before.std() / rr_before.mean()) if len(rr_before) > 3 else 1.0,
    ]
    return numbers, big


def longest_gap(times: _Doubles, begin_s: float, now_s: float) -> float:
    """Give the longest time without an event that ends after `begin_s`; the one that goes on now counts."""
    ends = np.append(times[times < now_s], now_s)
    gaps = np.diff(ends)[ends[1:] >= begin_s]
    return min(float(gaps.max()), _LONGEST_S) if len(gaps) else _LONGEST_S


def _rate(times: _Doubles, intervals: int, *, slow: bool = False) -> float:
    """Give the fastest (slowest) rate over so many intervals, a minute."""
    if len(times) <= intervals:
        return _NAN
    spans = (times[intervals:] - times[:-intervals]) / intervals
    return float(60.0 / (spans.max() if slow else spans.min()))


def _median_rate(rr: _Doubles, intervals: int, *, slow: bool = False) -> float:
    if len(rr) < intervals:
        return _NAN
    medians = np.median(np.lib.stride_tricks.sliding_window_view(rr, intervals), axis=1)
    return float(60.0 / (medians.max() if slow else medians.min()))


def _best(values: _Doubles, n: int) -> float:
    """Give the highest mean of n values in a row."""
    n = min(n, len(values))
    sums = np.convolve(values, np.ones(n) / n, "valid")
    return float(sums.max())
