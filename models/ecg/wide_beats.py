"""Ventricular and paced beats set into recordings of other patients.

Ventricular ectopy in the annotated recordings comes from few patients, each with complexes of its own, mostly early.
Here a ventricular complex of one patient takes the place of beats of another: alone, in patterns and in runs, early or
not.
Paced beats are made in the same way, with the spike before them; the annotated recordings with a pacemaker are kept for
testing. Where every beat of a patient is wide behind its P wave, it is bundle branch block: a counter-example.
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


def _spike() -> Array:
    """Give what conditioning leaves of an impulse, of height 1."""
    t = np.arange(-6, 7) / 250.0
    inside = np.cos(0.5 * np.pi * np.clip(t / DELAY_S, -1, 1)) ** 2
    return np.asarray(np.sinc(2 * PASS_BAND_HZ[1] * t) * inside, np.float32)


_SPIKE = _spike()


def wide_complex(signal: Array, peak: float) -> Array | None:
    """Cut out a complex, (2, 160), its ends faded to nothing; None where it lies too near an end of the signal."""
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
        (2, 160) the ventricular complex, from `wide_complex`.
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
    """Let a pacemaker take over for a whole stretch or a part of it.

    Parameters
    ----------
    stretch
        Beats of any kind.
    wide
        (2, 160) the complex that the pacemaker brings about, from `wide_complex`.
    """
    signal, labels = stretch.signal.copy(), stretch.labels.copy()
    begin, end = (0, len(labels)) if random.random() < 0.7 else np.sort(random.integers(0, len(labels), 2))
    lead_samples = int(random.integers(2, 18))
    height = random.uniform(0.3, 1.5, 2) * random.choice((-1.0, 1.0), 2) * np.ptp(wide, axis=1)
    for i in range(begin, end):
        if _set_in(signal, stretch.peaks[i], wide * np.float32(random.normal(1.0, 0.03)), 0.0):
            spike = round(float(stretch.peaks[i])) - lead_samples
            signal[:, spike - 6 : spike + 7] += (height[:, None] * _SPIKE).astype(np.float32)
            labels[i] = _PACED
        else:
            labels[i] = -1
    return Stretch(signal, stretch.peaks, labels)


def block(stretch: Stretch, wide: Array, random: np.random.Generator) -> Stretch:
    """Give every normal and supraventricular beat the complex of a bundle branch block; classes stay as they are."""
    signal, labels = stretch.signal.copy(), stretch.labels.copy()
    size = random.uniform(0.6, 1.6) * _height(stretch.signal) / max(_height(wide), 1e-3)
    for i in np.flatnonzero(labels <= _SUPRAVENTRICULAR):
        if not _set_in(signal, stretch.peaks[i], wide * np.float32(size * random.normal(1.0, 0.04)), 0.0):
            labels[i] = -1
    return Stretch(signal, stretch.peaks, labels)


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
    high, low = np.percentile(signal, (99.5, 0.5), axis=1)
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
