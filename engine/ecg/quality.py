"""How far each ECG lead can be trusted, from 0 (unusable) to 1, hop by hop.

Five things are looked at over the last `WINDOW_HOPS` hops: samples that are invalid, samples that do not change (flat
or clipped), an amplitude that no heart gives, noise between the complexes, and complexes that are blunt for their
height, as when an electrode moves. The noise is the quiet quarter of the hops: a QRS complex is as sharp as muscle
noise, but short, so that it leaves most hops quiet, while noise leaves none. Bluntness counts little: fibrillation is
blunt too.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from heartwire.engine.ecg.conditioning import Conditioned
from heartwire.engine.messages import FloatArray

HOP = 40
"""Conditioned samples in a hop: 160 ms."""
WINDOW_HOPS = 16
"""Hops looked at: 2.56 s, which holds a beat at 25 a minute."""
OFF_FRACTION = 0.9
"""A lead is off when so much of the window is invalid or does not change."""
OFF_SEEN_AFTER_S = OFF_FRACTION * WINDOW_HOPS * 0.16
"""How long after its signal ended a lead is seen to be off."""
FLAT_MV = 0.01
"""A lead whose whole window spans less than this is off."""

_Flags: TypeAlias = npt.NDArray[np.bool_]
_MEASURES = 6
_ABSURD_MV = (6.0, 12.0)
_NOISE_RATIO = 0.02
_SMALL_MV = 0.5
_SHARP_RATIO = 0.1
_BLUNT_QUALITY = 0.6


class LeadQuality(NamedTuple):
    """Quality of each lead and whether it is off; arrays of shape (n_hops, n_leads), or (n_leads,) of one hop."""

    quality: FloatArray
    off: _Flags


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _measure(
    samples: FloatArray,
    valid: _Flags,
    held: _Flags,
    high: FloatArray,
    ring: npt.NDArray[np.float64],
    n_before: int,
    quality: FloatArray,
    off: _Flags,
) -> None:
    """Put each hop's measures into the ring, then judge each lead over the ring."""
    n_leads = samples.shape[1]
    quiet = np.empty(WINDOW_HOPS)
    for number in range(quality.shape[0]):
        begin = number * HOP
        slot = (n_before + number) % WINDOW_HOPS
        filled = min(n_before + number + 1, WINDOW_HOPS)
        for lead in range(n_leads):
            invalid = 0
            still = 0
            low = samples[begin, lead]
            top = low
            noise = 0.0
            slope = 0.0
            for i in range(begin, begin + HOP):
                x = samples[i, lead]
                if not valid[i, lead]:
                    invalid += 1
                elif held[i, lead]:
                    still += 1
                low = min(low, x)
                top = max(top, x)
                noise += abs(high[i, lead])
                if i >= begin + 1:
                    slope = max(slope, abs(x - samples[i - 1, lead]))
                if i >= begin + 2:
                    noise += abs(x - 2.0 * samples[i - 1, lead] + samples[i - 2, lead])
            ring[slot, lead, 0] = invalid / HOP
            ring[slot, lead, 1] = still / HOP
            ring[slot, lead, 2] = low
            ring[slot, lead, 3] = top
            ring[slot, lead, 4] = noise / HOP
            ring[slot, lead, 5] = slope
            invalid_part = 0.0
            held_part = 0.0
            low = ring[slot, lead, 2]
            top = ring[slot, lead, 3]
            for hop in range(filled):
                invalid_part += ring[hop, lead, 0]
                held_part += ring[hop, lead, 1]
                low = min(low, ring[hop, lead, 2])
                top = max(top, ring[hop, lead, 3])
                quiet[hop] = ring[hop, lead, 4]
                slope = max(slope, ring[hop, lead, 5])
            invalid_part /= filled
            held_part /= filled
            span = top - low
            quiet[:filled].sort()
            floor = quiet[filled // 4]
            is_off = invalid_part + held_part >= OFF_FRACTION or span < FLAT_MV
            q = max(0.0, 1.0 - 2.0 * invalid_part)
            q *= min(1.0, max(0.0, (0.95 - held_part) / 0.25))
            q *= min(1.0, max(0.0, (_ABSURD_MV[1] - span) / (_ABSURD_MV[1] - _ABSURD_MV[0])))
            q *= _BLUNT_QUALITY + (1.0 - _BLUNT_QUALITY) * min(1.0, slope / (_SHARP_RATIO * span + 1e-4))
            q /= 1.0 + (floor / (_NOISE_RATIO * max(span, _SMALL_MV))) ** 2
            off[number, lead] = is_off
            quality[number, lead] = 0.0 if is_off else q


class QualityMeter:
    """Judges the leads of one stream.

    Parameters
    ----------
    n_leads
        How many leads.
    """

    def __init__(self, n_leads: int) -> None:
        self.n_leads = n_leads
        self.reset()

    def reset(self) -> None:
        """Forget the signal so far."""
        self._ring = np.zeros((WINDOW_HOPS, self.n_leads, _MEASURES))
        self._hops = 0

    def measure(self, hops: Conditioned) -> LeadQuality:
        """Take the next hops of the conditioned signal, give each lead's quality at the end of each.

        Parameters
        ----------
        hops
            Arrays of shape (n_hops x 40, n_leads).
        """
        n_hops = len(hops.samples) // HOP
        quality = np.empty((n_hops, self.n_leads), np.float32)
        off = np.empty((n_hops, self.n_leads), np.bool_)
        _measure(hops.samples, hops.valid, hops.held, hops.high, self._ring, self._hops, quality, off)
        self._hops += n_hops
        return LeadQuality(quality, off)

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self._hops, self._ring.tobytes()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same number of leads."""
        self._hops, ring = msgspec.msgpack.decode(state, type=tuple[int, bytes])
        self._ring = np.frombuffer(ring).reshape(WINDOW_HOPS, self.n_leads, _MEASURES).copy()
