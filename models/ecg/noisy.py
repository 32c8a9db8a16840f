"""Recordings with noise added to them, as the noise stress test database was made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from heartwire.models.ecg.recordings import Noise, Recording

_BURST_S = (2.0, 30.0)
_BURST_DB = (-3.0, 18.0)
_QUIET_S = (5.0, 60.0)


def with_noise(recording: Recording, noise: Noise, decibel: float) -> Recording:
    """Add noise at a signal-to-noise ratio, as `nstdb` counts it."""
    scale = _scale(recording, noise, decibel)
    shape = recording.signal.shape
    return replace(
        recording,
        signal=recording.signal + np.resize(noise.signal, shape) * scale,
        sharp=recording.sharp + np.resize(noise.sharp, shape) * scale,
    )


def with_bursts(recording: Recording, noise: list[Noise], random: np.random.Generator) -> Recording:
    """Add bursts of noise of any kind and strength; between them the recording stays as it is."""
    signal, sharp = recording.signal.copy(), recording.sharp.copy()
    at = random.uniform(*_QUIET_S)
    while (first := int(at * 250)) < len(signal):
        of_burst = random.uniform(*_BURST_S)
        n = min(int(of_burst * 250), len(signal) - first)
        kind = noise[random.integers(len(noise))]
        begin = int(random.integers(len(kind.signal) - n))
        leads = random.permutation(2)[: signal.shape[1]]
        scale = _scale(recording, kind, random.uniform(*_BURST_DB)) * (random.random(signal.shape[1]) < 0.85)
        signal[first : first + n] += (kind.signal[begin : begin + n, leads] * scale).astype(np.float32)
        sharp[first : first + n] += (kind.sharp[begin : begin + n, leads] * scale).astype(np.float32)
        at += of_burst + random.uniform(*_QUIET_S)
    return replace(recording, signal=signal, sharp=sharp)


def _scale(recording: Recording, noise: Noise, decibel: float) -> npt.NDArray[np.float32]:
    """Give the factor on each lead of the noise."""
    high, low = np.percentile(recording.signal, (99.5, 0.5), axis=0)
    power = (high - low) ** 2 / 8.0 / 10 ** (decibel / 10)
    variance = np.var(noise.signal, axis=0)[: len(power)]
    return np.asarray(np.sqrt(power / variance), np.float32)
