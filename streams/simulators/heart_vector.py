"""The heart vector: the electrical dipole of a simulated heart over time, and its projection onto the leads.

Each wave of a beat is a Gaussian in time along its own direction, as in ECGSYN (P. E. McSharry, G. D. Clifford,
L. Tarassenko and L. A. Smith, IEEE Trans. Biomed. Eng. 50:289, 2003), here in three dimensions (x left, y down,
z back, mV). Leads follow from the vector by the Dower matrix (G. E. Dower, J. Electrocardiol. 1:182, 1968).
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from heartwire.streams.simulators.heart import Episode, Heart, HeartBeat

FloatArray = npt.NDArray[np.float64]

_I, _II = np.array([0.632, -0.235, 0.059]), np.array([0.235, 1.066, -0.132])
LEAD_VECTORS = {
    "I": _I,
    "II": _II,
    "III": _II - _I,
    "aVR": -0.5 * (_I + _II),
    "aVL": _I - 0.5 * _II,
    "aVF": _II - 0.5 * _I,
    "V1": np.array([-0.515, 0.157, -0.917]),
    "V2": np.array([0.044, 0.164, -1.387]),
    "V3": np.array([0.882, 0.098, -1.277]),
    "V4": np.array([1.213, 0.127, -0.601]),
    "V5": np.array([1.125, 0.127, -0.086]),
    "V6": np.array([0.831, 0.076, 0.230]),
}
"""Each lead with the direction it looks along."""

BEFORE_S, AFTER_S = 0.4, 0.8
"""How far before and after its R peak a beat has any effect."""

_REACH_SIGMAS = 5.0
_EDGE_S = 0.15
_TWIST_HZ = 0.3
"""Turns a second of the axis in torsade de pointes: a dozen beats each."""


class HeartVector:
    """The dipole of one heart; the shape of its waves is drawn from the heart's seed.

    Parameters
    ----------
    heart
        Beats and episodes.
    """

    def __init__(self, heart: Heart) -> None:
        self._heart = heart
        random = np.random.default_rng([heart.seed, 0x454347])
        turn = _rotation(random.normal(0.0, 0.25, 3))
        size = float(random.uniform(0.75, 1.35))
        self._pr_s = float(random.uniform(0.13, 0.19))
        self._qt_s = float(random.uniform(0.36, 0.42))
        self._p = size * turn @ np.array([0.07, 0.12, -0.02])
        # direction (mV), centre and width (s) of septal, main and basal activation
        self._qrs = [
            (size * turn @ np.array([-0.14, -0.08, -0.25]), -0.026, 0.009),
            (size * turn @ np.array([1.15, 0.85, 0.35]), 0.0, float(random.uniform(0.010, 0.013))),
            (size * turn @ np.array([-0.22, -0.12, 0.5]), 0.027, 0.011),
        ]
        self._t = size * turn @ np.array([0.26, 0.22, -0.2]) * float(random.uniform(0.7, 1.3))
        self._ectopic = self._wide_complex(random, size)
        self._tachycardia = self._wide_complex(random, size)
        self._f_phases = random.uniform(0.0, 2.0 * math.pi, (3, 4))
        self._f_mv = float(random.uniform(0.04, 0.1))
        self._vf_phases = random.uniform(0.0, 2.0 * math.pi, (3, 6))
        self._vf_hz = float(random.uniform(3.3, 6.2))
        self._vf_mv = size * float(random.uniform(0.25, 0.65))

    def beat_mv(self, lead: str) -> float:
        """Give the peak-to-peak size of a normal beat in a lead."""
        t = np.arange(-0.1, 0.12, 0.001)
        vector = np.zeros((len(t), 3))
        for direction, centre_s, width_s in self._qrs:
            vector += np.exp(-0.5 * ((t - centre_s) / width_s) ** 2)[:, None] * direction
        return float(np.ptp(vector @ LEAD_VECTORS[lead]))

    def over(self, times_s: FloatArray) -> FloatArray:
        """Give the dipole at evenly spaced times, (n, 3) mV; each row depends on its own time alone."""
        out = np.zeros((len(times_s), 3))
        start_s, end_s = float(times_s[0]), float(times_s[-1])
        waves = [
            wave for beat in self._heart.beats(start_s - AFTER_S, end_s + BEFORE_S + 1e-9) for wave in self._waves(beat)
        ]
        waves += [self._p_wave(r_s) for r_s in self._heart.blocked(start_s - AFTER_S, end_s + BEFORE_S + 1e-9)]
        if waves:
            _add_waves(out, times_s, np.array(waves))
        for episode in self._heart.episodes(start_s, end_s + 1e-9):
            if episode.label == "AFIB":
                self._add_fibrillatory_waves(out, times_s, episode)
            elif episode.label in ("VF", "VFL"):
                self._add_ventricular(out, times_s, episode)
        return out

    def _p_wave(self, r_s: float) -> tuple[float, float, float, float, float]:
        """Give the P wave whose R peak would be at `r_s`."""
        return (*self._p, r_s - self._pr_s, 0.02)

    def _waves(self, beat: HeartBeat) -> list[tuple[float, float, float, float, float]]:
        """Give the waves of a beat: x, y, z (mV), centre and width (s)."""
        stretch = math.sqrt(min(1.3, max(0.3, beat.rr_s)) / 0.85)
        if beat.label == "V":
            parts, recovery = self._ectopic if beat.origin == "ventricular" else self._tachycardia
            turn = np.eye(3)
            if beat.origin == "torsades":
                # In the frontal plane, so that every limb lead sees it.
                turn = _rotation(np.array([0.0, 0.0, 2.0 * math.pi * _TWIST_HZ * beat.time_s]))
            waves = [(*(turn @ direction), beat.time_s + centre_s, width_s) for direction, centre_s, width_s in parts]
            late = 0.14 + 0.2 * stretch
            return [*waves, (*(turn @ recovery), beat.time_s + late, 0.07 * stretch)]
        waves = [(*direction, beat.time_s + centre_s, width_s) for direction, centre_s, width_s in self._qrs]
        t_peak_s = beat.time_s + 0.76 * self._qt_s * stretch - 0.02
        waves.append((*(0.7 * self._t), t_peak_s - 0.03 * stretch, 0.05 * stretch))
        waves.append((*(0.6 * self._t), t_peak_s, 0.033 * stretch))
        if beat.origin in ("sinus", "atrial"):
            p = self._p if beat.origin == "sinus" else self._p * np.array([-0.4, 0.6, 1.5])
            waves.append((*p, beat.time_s - self._pr_s * min(1.0, 0.6 + 0.4 * stretch), 0.02))
        return waves

    @staticmethod
    def _wide_complex(
        random: np.random.Generator, size: float
    ) -> tuple[list[tuple[FloatArray, float, float]], FloatArray]:
        """Draw a beat of ventricular origin: a wide, notched complex and a T wave against it."""
        main = random.normal(0.0, 1.0, 3) * np.array([0.8, 1.2, 0.8])
        main *= size * float(random.uniform(1.5, 2.2)) / float(np.linalg.norm(main))
        side = 0.35 * size * random.normal(0.0, 1.0, 3)
        parts = [
            (-0.25 * main + side, -0.055, 0.02),
            (main, 0.0, float(random.uniform(0.028, 0.038))),
            (0.35 * main - side, 0.055, 0.025),
        ]
        return parts, -0.35 * main

    def _add_fibrillatory_waves(self, out: FloatArray, times_s: FloatArray, episode: Episode) -> None:
        edge = _edges(times_s, episode)
        towards = np.array([0.3, 0.9, -0.9])
        for axis in range(3):
            for k, hz in enumerate((5.3, 6.1, 6.9, 12.7)):
                phase = self._f_phases[axis, k] + 0.8 * np.sin(2.0 * math.pi * 0.31 * (k + 1) * times_s)
                wave = np.sin(2.0 * math.pi * hz * times_s + phase)
                out[:, axis] += self._f_mv * towards[axis] * (0.6 if k < 3 else 0.25) * edge * wave

    def _add_ventricular(self, out: FloatArray, times_s: FloatArray, episode: Episode) -> None:
        """Add flutter (one strong sine) or fibrillation (several that wander in rate and swell and fade)."""
        edge = _edges(times_s, episode)
        into_s = times_s - episode.start_s
        if episode.label == "VFL":
            drift = 2.0 * math.pi * 0.21 * times_s
            turn = 2.0 * math.pi * episode.flutter_hz * times_s + 0.5 * np.sin(drift)
            size = 0.5 + 0.08 * np.sin(2.3 * drift + 1.0)
            wave = np.sin(turn) + 0.22 * np.sin(2.0 * turn + 1.0) + 0.07 * np.sin(3.0 * turn)
            out += (edge * size * wave)[:, None] * self._tachycardia[0][1][0]
            return
        coarse = self._vf_mv * (0.35 + 0.65 * np.exp(-np.maximum(into_s, 0.0) / 60.0))
        for axis in range(3):
            for k, (share, weight) in enumerate(
                ((1.0, 1.0), (0.83, 0.6), (1.19, 0.5), (0.64, 0.35), (1.55, 0.25), (2.7, 0.15))
            ):
                a, b = self._vf_phases[axis, k], self._vf_phases[(axis + 1) % 3, k]
                slow = 2.0 * math.pi * (0.13 + 0.07 * k)
                # the integral of a rate that swings by a tenth about its mean
                turn = 2.0 * math.pi * self._vf_hz * share * (times_s - 0.1 / slow * np.cos(slow * times_s + a))
                swell = 0.6 + 0.4 * np.sin(2.0 * math.pi * (0.35 + 0.11 * k) * times_s + b)
                out[:, axis] += weight * edge * coarse * swell * np.sin(turn + b)


def _edges(times_s: FloatArray, episode: Episode) -> FloatArray:
    """Rise and fall at the ends of an episode."""
    rise = np.clip((times_s - episode.start_s) / _EDGE_S, 0.0, 1.0)
    return np.asarray(rise * np.clip((episode.end_s - times_s) / _EDGE_S, 0.0, 1.0))


def _rotation(angles: FloatArray) -> FloatArray:
    out = np.eye(3)
    for axis, angle in enumerate(angles):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = math.cos(angle)
        turn[i, j], turn[j, i] = -math.sin(angle), math.sin(angle)
        out = turn @ out
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_waves(out, times_s, waves):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add Gaussians; whether a sample is reached is asked of its own time, so that cutting changes nothing."""
    n = len(times_s)
    step = (times_s[n - 1] - times_s[0]) / max(n - 1, 1) if n > 1 else 1.0
    for w in range(len(waves)):
        x, y, z, centre, width = waves[w]
        reach = _REACH_SIGMAS * width
        first = max(0, int((centre - reach - times_s[0]) / step) - 2)
        last = min(n, int((centre + reach - times_s[0]) / step) + 3)
        for i in range(first, last):
            u = (times_s[i] - centre) / width
            if -_REACH_SIGMAS < u < _REACH_SIGMAS:
                g = math.exp(-0.5 * u * u)
                out[i, 0] += g * x
                out[i, 1] += g * y
                out[i, 2] += g * z
