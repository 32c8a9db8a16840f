"""Ventricular and paced beats set into recordings of other patients.

Ventricular ectopy in the annotated recordings comes from few patients, each with complexes of its own, mostly early.
Here a ventricular complex of one patient takes the place of beats of another: alone, in patterns and in runs, early or
not.
Paced beats are made in the same way, with a spike before them that may be weak and never has the same height twice; the
annotated recordings with a pacemaker are kept for testing. Where every beat of a patient is wide behind its P wave, it
is bundle branch block: a counter-example.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heartwire.engine.ecg.conditioning import DELAY_S, PASS_BAND_HZ
from heartwire.models.ecg.ectopy import Array, Stretch, assemble

_BEFORE = 24
_AFTER = 136
_FADE = 10
_NORMAL, _SUPRAVENTRICULAR, _VENTRICULAR, _FUSION, _PACED, _TO_COME = 0, 1, 2, 3, 4, 9
_SHARP = (0.03, 1.0)
"""How sharp a spike is against the complex that follows: from tape recordings to front ends that show it as it is."""


def _spike() -> Array:
    """Give what conditioning leaves of an impulse, of height 1."""
    t = np.arange(-6, 7) / 250.0
    inside = np.cos(0.5 * np.pi * np.clip(t / DELAY_S, -1, 1)) ** 2
    return np.asarray(np.sinc(2 * PASS_BAND_HZ[1] * t) * inside, np.float32)


_SPIKE = _spike()


def wide_complex(signal: Array, peak: float) -> Array | None:
    """Cut out a complex, (ROWS, 160), its ends faded to nothing; None where it lies too near an end of the signal."""
    first = round(peak) - _BEFORE
    if first < 0 or first + _BEFORE + _AFTER > signal.shape[1]:
        return None
    piece = signal[:, first : first + _BEFORE + _AFTER].copy()
    line = np.linspace(piece[:, 0], piece[:, -1], piece.shape[1], axis=1)
    window = np.ones(piece.shape[1], np.float32)
    window[:_FADE] = np.linspace(0.0, 1.0, _FADE)
    window[-_FADE:] = np.linspace(1.0, 0.0, _FADE)
    return np.asarray((piece - line) * window, np.float32)


def ventricular(stretch: Stretch, wide: Array, random: np.random.Generator) -> Stretch:
    """Let ventricular beats break into the rhythm: alone, every second or third beat, or in runs; early or not.

    Parameters
    ----------
    stretch
        Beats of any kind; only normal ones are replaced.
    wide
        (ROWS, 160) the ventricular complex, from `wide_complex`.
    """
    rr = np.diff(stretch.peaks, prepend=stretch.peaks[0] - 200.0)
    chosen = _pattern(len(rr), random) & (stretch.labels == _NORMAL)
    after = np.roll(chosen, 1) & ~chosen
    early, pause = random.uniform(0.5, 1.05), random.uniform(0.9, 1.6)
    spread = random.choice((0.01, 0.05, 0.12))
    new = np.where(chosen, rr * early * np.exp(random.normal(0.0, spread, len(rr))), np.where(after, rr * pause, rr))
    fixed = (stretch.labels != _NORMAL) | np.roll(stretch.labels != _NORMAL, 1)
    new = np.where(fixed, rr, np.clip(new, np.minimum(rr, 60.0), 900.0))
    labels = np.where(chosen, _TO_COME, stretch.labels)
    made = assemble(stretch, new, np.where(chosen, random.uniform(0.0, 0.3), 1.0), labels, 0.0, random)
    height = random.uniform(0.6, 2.0) * _height(stretch.signal) / max(_height(wide), 1e-3)
    fused = random.random() < 0.2
    for i in np.flatnonzero(made.labels == _TO_COME):
        share = random.uniform(0.35, 0.65) if fused and random.random() < 0.3 else 1.0
        size = height * share * random.normal(1.0, 0.05)
        there = _set_in(made.signal, made.peaks[i], wide * np.float32(size), 1.0 - share)
        made.labels[i] = -1 if not there else _VENTRICULAR if share == 1.0 else _FUSION
    return made


def pace(stretch: Stretch, wide: Array, random: np.random.Generator) -> Stretch:
    """Let a pacemaker take over: for a whole stretch, a part of it, or by turns with the patient's own rhythm.

    At times at a rate of its own, without P waves; at times the atria are paced too; at times its beats fuse with the
    patient's own.

    Parameters
    ----------
    stretch
        Beats of any kind; ventricular and fusion beats stay.
    wide
        (ROWS, 160) the complex that the pacemaker brings about, from `wide_complex`.
    """
    if random.random() < 0.4:
        stretch = _at_one_rate(stretch, random)
    signal, labels, peaks = stretch.signal.copy(), stretch.labels.copy(), stretch.peaks.copy()
    taken = _spells(len(labels), random) & (labels <= _SUPRAVENTRICULAR)
    lead_samples = int(random.integers(0, 30))
    # One lead may show less of the spike than the other. The shorter it is, the less of it conditioning leaves.
    sharp = np.exp(random.uniform(*np.log(_SHARP))) * np.ptp(wide[:2], axis=1)
    sharp[random.integers(2)] *= random.uniform(0.1, 1.0)
    height = random.choice((-1.0, 1.0), 2) * sharp / np.exp(random.uniform(np.log(0.25), np.log(3.0)))
    # A spike is shorter than the time between two samples: how much of it they meet differs from beat to beat.
    least = random.uniform(0.1, 1.0)
    # The R peak is put onto the tallest deflection: a spike, where that is taller than the complex.
    early = lead_samples if np.abs(height[0]) > 0.7 * np.ptp(wide[0]) else 0
    spikes_at = [lead_samples] + ([lead_samples + int(random.integers(25, 50))] if random.random() < 0.25 else [])
    fused = random.uniform(0.05, 0.4) if random.random() < 0.3 else 0.0
    for i in np.flatnonzero(taken):
        own = random.uniform(0.2, 0.7) if random.random() < fused else 0.0
        if not _set_in(signal, peaks[i], wide * np.float32((1.0 - own) * random.normal(1.0, 0.03)), own):
            labels[i] = -1
            continue
        for before in spikes_at:
            at, part = round(float(peaks[i])) - before, random.uniform(least, 1.0)
            if at >= 6:
                signal[:2, at - 6 : at + 7] += (part * height[:, None] * _SPIKE).astype(np.float32)
                signal[2:, at] += (part * sharp).astype(np.float32)
        labels[i] = _PACED
    return Stretch(signal, np.where(labels == _PACED, peaks - early, peaks), labels)


def _at_one_rate(stretch: Stretch, random: np.random.Generator) -> Stretch:
    """Let the beats follow one another at one interval, without P waves; ventricular and fusion beats keep theirs."""
    rr = np.diff(stretch.peaks, prepend=stretch.peaks[0] - 200.0)
    own = stretch.labels > _SUPRAVENTRICULAR
    steady = np.median(rr) * random.uniform(0.8, 1.2) * np.exp(random.normal(0.0, 0.005, len(rr)))
    fixed = own | np.roll(own, 1)
    p_wave = np.where(fixed, 1.0, random.uniform(0.0, 0.3))
    return assemble(stretch, np.where(fixed, rr, np.clip(steady, 100.0, 400.0)), p_wave, stretch.labels, 0.0, random)


def _spells(n: int, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw which beats a pacemaker takes: all, one stretch, or by turns."""
    kind = random.random()
    if kind < 0.6:
        return np.ones(n, np.bool_)
    if kind < 0.75:
        begin, end = np.sort(random.integers(0, n, 2))
        return np.asarray((np.arange(n) >= begin) & (np.arange(n) < end))
    return np.asarray(np.cumsum(random.random(n) < random.uniform(0.02, 0.4)) % 2 == 1)


def block(stretch: Stretch, wide: Array, random: np.random.Generator) -> Stretch:
    """Give every normal and supraventricular beat the complex of a bundle branch block; classes stay as they are."""
    signal, labels = stretch.signal.copy(), stretch.labels.copy()
    size = random.uniform(0.6, 1.6) * _height(stretch.signal) / max(_height(wide), 1e-3)
    blocked = wide * np.float32(size)
    if random.random() < 0.6:
        # A narrow r wave before the wide one: what conditioning leaves of a spike looks like it, but is sharp.
        r_wave = np.exp(-0.5 * ((np.arange(wide.shape[1]) - random.uniform(4, 22)) / random.uniform(1.2, 3.0)) ** 2)
        blocked[:2] += (random.normal(0.0, 0.4, (2, 1)) * np.ptp(blocked[:2], axis=1, keepdims=True) * r_wave).astype(
            np.float32
        )
    for i in np.flatnonzero(labels <= _SUPRAVENTRICULAR):
        if not _set_in(signal, stretch.peaks[i], blocked * np.float32(random.normal(1.0, 0.04)), 0.0):
            labels[i] = -1
    return Stretch(signal, stretch.peaks, labels)


def late_forces(stretch: Stretch, random: np.random.Generator) -> Stretch:
    """Let the right ventricle be late in some or all beats, which begin as they did and end in a slow wave of its own.

    Right bundle branch block, lasting, coming and going, or at short intervals only; classes stay as they are.
    """
    signal, n = stretch.signal.copy(), len(stretch.peaks)
    rr = np.diff(stretch.peaks, prepend=stretch.peaks[0] - 200.0)
    late = np.ones(n, np.bool_)
    kind = random.random()
    if kind < 0.35:
        late = rr < np.quantile(rr, random.uniform(0.1, 0.9))
    elif kind < 0.75:
        late = np.cumsum(random.random(n) < random.uniform(0.02, 0.4)) % 2 == 1
    width = int(random.integers(15, 30))
    begin = int(random.integers(2, 12))
    t = np.arange(100)
    slow = np.where((t >= begin) & (t < begin + width), np.sin(np.pi * (t - begin) / width) ** 2, 0.0)
    opposed = np.exp(-0.5 * ((t - random.uniform(55, 75)) / 12.0) ** 2) * random.uniform(0.1, 0.4)
    size = _height(signal) * random.uniform(0.2, 0.9, 2) * random.choice((-1.0, 1.0), 2)
    wave = size[:, None] * (slow - opposed) * np.minimum(1.0, (len(t) - t) / 15.0)
    for peak in stretch.peaks[late & (stretch.labels <= _SUPRAVENTRICULAR)]:
        first = round(float(peak))
        room = signal[:2, first : first + len(t)]
        room += (wave[:, : room.shape[1]] * random.normal(1.0, 0.04)).astype(np.float32)
    return Stretch(signal, stretch.peaks, stretch.labels)


def _pattern(n: int, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    kind = random.random()
    chosen = np.zeros(n, np.bool_)
    if kind < 0.4:
        return np.asarray(random.random(n) < random.uniform(0.02, 0.25))
    if kind < 0.65:
        begin, end = np.sort(random.integers(0, n, 2))
        chosen[begin : end : int(random.integers(2, 4))] = True
        return chosen
    i = int(random.integers(5, 20))
    while i < n:
        length = int(random.integers(2, 30))
        chosen[i : i + length] = True
        i += length + int(random.integers(2, 25))
    return chosen


def _height(signal: Array) -> float:
    high, low = np.percentile(signal[:2], (99.5, 0.5), axis=1)
    return float((high - low).mean())


def _set_in(signal: Array, peak: float, wide: Array, share: float) -> bool:
    """Put a complex in the place of the beat at `peak`, of which a share stays; tell whether there was room."""
    first = round(float(peak)) - _BEFORE
    last = first + wide.shape[1]
    if first < _BEFORE or last > signal.shape[1]:
        return False
    line = np.linspace(signal[:, first], signal[:, last - 1], wide.shape[1], axis=1)
    signal[:, first:last] = line + np.float32(share) * (signal[:, first:last] - line) + wide
    return True
