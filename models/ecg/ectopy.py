"""Rhythms made from recorded sinus rhythm: the same patient's beats, brought nearer together or further apart.

Supraventricular ectopy is rare in the annotated recordings and comes from few patients. A premature atrial beat is a
normal QRS complex that comes early after another P wave: it can be made from any patient's sinus beats by cutting
diastole short, letting the P wave fall into the T wave where they meet, and changing the P wave's form. Sinus
arrhythmia, changes of rate, pauses and atrial fibrillation are made in the same way as counter-examples, so that early
beats alone do not mean ectopy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_P_ONSET = 55
"""Samples before R at which a beat is taken to begin: 220 ms."""
_P_END = 14
"""Samples before R at which its P wave is taken to have ended: 56 ms."""
_NORMAL, _SUPRAVENTRICULAR = 0, 1
_SHORTEST_RR = 60.0


class Stretch(NamedTuple):
    """A stretch of recording: (ROWS, n_samples) at 250 Hz, R peaks in samples, a class for each."""

    signal: Array
    peaks: Doubles
    labels: Labels


class _Plan(NamedTuple):
    """For each beat: the RR interval before it, the factor on its P wave, its class."""

    rr: Doubles
    p_wave: Doubles
    labels: Labels
    fibrillation_mv: float = 0.0


def reshape_rhythm(stretch: Stretch, random: np.random.Generator) -> Stretch:
    """Draw a rhythm and make it from the normal beats of a stretch; beats that are not normal stay as they are."""
    rr = np.diff(stretch.peaks, prepend=stretch.peaks[0] - 200.0)
    kinds = (_isolated, _runs, _chaotic, _sinus_arrhythmia, _fibrillation, _pauses, _patterned)
    plan = kinds[random.choice(len(kinds), p=(0.2, 0.12, 0.18, 0.2, 0.15, 0.05, 0.1))](rr, stretch.labels, random)
    # What is not normal keeps its own interval, and so does the beat after it.
    fixed = stretch.labels != _NORMAL
    fixed[1:] |= stretch.labels[:-1] != _NORMAL
    new_rr = np.where(fixed, rr, np.clip(plan.rr, np.minimum(rr, _SHORTEST_RR), 900.0))
    labels = np.where(fixed, stretch.labels, plan.labels)
    return assemble(stretch, new_rr, np.where(fixed, 1.0, plan.p_wave), labels, plan.fibrillation_mv, random)


def _ectopic_p(random: np.random.Generator) -> float:
    """Draw the factor on an ectopic P wave: inverted, flat or lower."""
    return float(random.uniform(-1.2, 0.7))


def _isolated(rr: Doubles, labels: Labels, random: np.random.Generator) -> _Plan:
    new, p_wave, told = rr.copy(), np.ones(len(rr)), labels.copy()
    chosen = random.random(len(rr)) < random.uniform(0.01, 0.2)
    low, high = np.sort(random.uniform(0.4, 0.82, 2))
    pause = random.uniform(0.9, 1.5)
    for i in np.flatnonzero(chosen & (labels == _NORMAL)):
        new[i] = rr[i] * random.uniform(low, high)
        p_wave[i], told[i] = _ectopic_p(random), _SUPRAVENTRICULAR
        if i + 1 < len(rr) and not chosen[i + 1]:
            new[i + 1] = rr[i + 1] * pause * random.uniform(0.93, 1.07)
    return _Plan(new, p_wave, told)


def _runs(rr: Doubles, labels: Labels, random: np.random.Generator) -> _Plan:
    new, p_wave, told = rr.copy(), np.ones(len(rr)), labels.copy()
    i = int(random.integers(3, 20))
    while i < len(rr):
        length = int(random.integers(2, 25))
        speed, focus = random.uniform(0.4, 0.8), _ectopic_p(random)
        irregular = random.choice((0.01, 0.03, 0.12))
        for k in range(i, min(i + length, len(rr))):
            new[k] = rr[k] * speed * np.exp(random.normal(0.0, irregular))
            p_wave[k], told[k] = focus + random.normal(0.0, 0.1), _SUPRAVENTRICULAR
        i += length
        if i < len(rr):
            new[i] = rr[i] * random.uniform(0.9, 1.8)
        i += int(random.integers(3, 30))
    return _Plan(new, p_wave, told)


def _chaotic(rr: Doubles, labels: Labels, random: np.random.Generator) -> _Plan:
    """Mostly ectopic beats, broken by a pause and one or a few sinus beats."""
    new, p_wave, told = rr.copy(), np.ones(len(rr)), labels.copy()
    slow = random.uniform(1.0, 1.6)
    speed, irregular, focus = random.uniform(0.5, 0.85), random.uniform(0.02, 0.12), _ectopic_p(random)
    longest, pause = random.integers(2, 16), random.uniform(1.2, 2.4)
    i = 0
    while i < len(rr):
        for k in range(i, min(i + int(random.integers(1, 4)), len(rr))):
            new[k] = rr[k] * slow * (pause if k == i else 1.0) * np.exp(random.normal(0.0, 0.08))
            i = k + 1
        for k in range(i, min(i + int(random.integers(1, longest + 1)), len(rr))):
            new[k] = rr[k] * slow * speed * np.exp(random.normal(0.0, irregular))
            p_wave[k], told[k] = focus + random.normal(0.0, 0.2), _SUPRAVENTRICULAR
            i = k + 1
    return _Plan(new, p_wave, told)


def _patterned(rr: Doubles, labels: Labels, random: np.random.Generator) -> _Plan:
    """Every second, third or fourth beat is premature, for a while."""
    new, p_wave, told = rr.copy(), np.ones(len(rr)), labels.copy()
    every = int(random.integers(2, 5))
    early, pause, focus = random.uniform(0.5, 0.82), random.uniform(1.0, 1.4), _ectopic_p(random)
    begin, end = np.sort(random.integers(0, len(rr), 2))
    for k in range(begin, end):
        if k % every == 0:
            new[k] = rr[k] * early * np.exp(random.normal(0.0, 0.03))
            p_wave[k], told[k] = focus + random.normal(0.0, 0.1), _SUPRAVENTRICULAR
        elif k % every == 1:
            new[k] = rr[k] * pause * np.exp(random.normal(0.0, 0.03))
    return _Plan(new, p_wave, told)


def _sinus_arrhythmia(rr: Doubles, labels: Labels, random: np.random.Generator) -> _Plan:
    beats = np.arange(len(rr))
    breath = random.uniform(0.05, 0.35) * np.sin(2 * np.pi * (beats / random.uniform(3.0, 8.0) + random.random()))
    drift = np.cumsum(random.normal(0.0, random.uniform(0.0, 0.03), len(rr)))
    step = random.uniform(-0.3, 0.3) / (1 + np.exp(-(beats - random.integers(len(rr))) / random.uniform(1.0, 8.0)))
    jitter = random.normal(0.0, random.uniform(0.0, 0.08), len(rr))
    return _Plan(rr * np.exp(np.clip(breath + drift + step + jitter, -0.5, 0.5)), np.ones(len(rr)), labels.copy())


def _pauses(rr: Doubles, labels: Labels, random: np.random.Generator) -> _Plan:
    long = random.random(len(rr)) < random.uniform(0.02, 0.15)
    return _Plan(np.where(long, rr * random.uniform(1.3, 2.6), rr), np.ones(len(rr)), labels.copy())


def _fibrillation(rr: Doubles, labels: Labels, random: np.random.Generator) -> _Plan:
    mean = random.uniform(90.0, 260.0)
    new = mean * np.exp(random.normal(0.0, random.uniform(0.08, 0.3), len(rr)))
    return _Plan(new, random.normal(0.0, 0.1, len(rr)), labels.copy(), float(random.uniform(0.0, 0.12)))


def assemble(
    stretch: Stretch, rr: Doubles, p_wave: Doubles, labels: Labels, fibrillation_mv: float, random: np.random.Generator
) -> Stretch:
    """Put the beats together at their new distances."""
    signal, peaks = stretch.signal, stretch.peaks
    begins = np.round(peaks - _P_ONSET).astype(np.int64)
    keep = (begins >= 0) & (np.roll(begins, -1) <= signal.shape[1])
    keep[-1] = False
    first, last = int(np.argmax(keep)), len(peaks) - 1
    pieces, at, new_peaks = [], 0.0, []
    spill = signal[:, :0]
    for i in range(first, last):
        piece = signal[:, begins[i] : begins[i + 1]].copy()
        _change_p(piece, float(p_wave[i]))
        wanted = max(round(float(rr[i + 1])), 30)
        new_peaks.append(at + _P_ONSET + (peaks[i] - _P_ONSET - begins[i]))
        piece, left = _to_length(piece, wanted)
        if spill.shape[1]:
            n = min(spill.shape[1], piece.shape[1])
            piece[:, :n] += spill[:, :n]
        spill = left
        pieces.append(piece)
        at += piece.shape[1]
    joined = np.concatenate(pieces, axis=1)
    if fibrillation_mv:
        joined[:2] += _fibrillatory_waves(joined.shape[1], fibrillation_mv, random)
    return Stretch(joined, np.array(new_peaks), labels[first:last].copy())


def _change_p(piece: Array, factor: float) -> None:
    """Scale the P wave against the line between its ends."""
    end = _P_ONSET - _P_END
    if factor == 1.0 or piece.shape[1] <= end:
        return
    line = np.linspace(piece[:, 0], piece[:, end], end, axis=1)
    piece[:, :end] = line + np.float32(factor) * (piece[:, :end] - line)


def _to_length(piece: Array, wanted: int) -> tuple[Array, Array]:
    """Shorten or lengthen diastole; give the piece and what of its T wave runs into the next beat."""
    n = piece.shape[1]
    if wanted == n:
        return piece, piece[:, :0]
    systole = min(_P_ONSET + round(0.4 * np.sqrt(n / 250.0) * 250), n)
    if wanted > systole:
        tail = piece[:, systole - 1 :]
        n = wanted - systole + 1
        stretched = played(tail, (tail.shape[1] - 1.0) / (n - 1), n)
        return np.concatenate((piece[:, :systole], stretched[:, 1:]), axis=1), piece[:, :0]
    rest = piece[:, wanted:systole]
    if not rest.shape[1]:
        return piece[:, :wanted].copy(), rest
    fade = np.linspace(1.0, 0.0, rest.shape[1], dtype=np.float32)
    # The next beat brings a baseline of its own: only what stands out of this one's runs into it.
    level = piece[:, systole - 1 : systole]
    return piece[:, :wanted].copy(), (rest - level) * fade


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def played(signal: Array, speed: float, n: int) -> Array:
    """Give `n` samples of a signal, (rows, n_samples), at another speed; linear between samples."""
    last = signal.shape[1] - 1
    out = np.empty((signal.shape[0], n), np.float32)
    for k in range(n):
        at = min(k * speed, float(last))
        i = min(int(at), max(last - 1, 0))
        part = np.float32(at - i)
        for row in range(signal.shape[0]):
            x = signal[row, i]
            out[row, k] = x + part * (signal[row, min(i + 1, last)] - x)
    return out


def _fibrillatory_waves(n: int, size_mv: float, random: np.random.Generator) -> Array:
    wander = np.cumsum(random.normal(0.0, 0.02, n))
    phase = 2 * np.pi * (random.uniform(4.0, 9.0) * np.arange(n) / 250.0 + wander)
    wave = size_mv * (np.sin(phase) + 0.4 * np.sin(2 * phase + random.uniform(0, 6)))
    return (wave * random.uniform(0.2, 1.0, (2, 1))).astype(np.float32)
