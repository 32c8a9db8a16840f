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
MEASURES = 6
IN_HAND = MEASURES + 2
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
def _judge(measures: npt.NDArray[np.float64], slot: int, quiet: npt.NDArray[np.float64]) -> tuple[float, bool]:
    """Give the quality of a lead by the measures of its last hops, the last one in a slot, and whether it is off."""
    filled = len(measures)
    invalid_part = 0.0
    held_part = 0.0
    low = measures[slot, 2]
    top = measures[slot, 3]
    slope = measures[slot, 5]
    for hop in range(filled):
        invalid_part += measures[hop, 0]
        held_part += measures[hop, 1]
        low = min(low, measures[hop, 2])
        top = max(top, measures[hop, 3])
        quiet[hop] = measures[hop, 4]
        slope = max(slope, measures[hop, 5])
    invalid_part /= filled
    held_part /= filled
    span = top - low
    quiet.sort()
    floor = quiet[filled // 4]
    is_off = invalid_part + held_part >= OFF_FRACTION or span < FLAT_MV
    q = max(0.0, 1.0 - 2.0 * invalid_part)
    q *= min(1.0, max(0.0, (0.95 - held_part) / 0.25))
    q *= min(1.0, max(0.0, (_ABSURD_MV[1] - span) / (_ABSURD_MV[1] - _ABSURD_MV[0])))
    q *= _BLUNT_QUALITY + (1.0 - _BLUNT_QUALITY) * min(1.0, slope / (_SHARP_RATIO * span + 1e-4))
    q /= 1.0 + (floor / (_NOISE_RATIO * max(span, _SMALL_MV))) ** 2
    return q, is_off


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def measure(
    samples: FloatArray,
    valid: _Flags,
    held: _Flags,
    high: FloatArray,
    hop: npt.NDArray[np.float64],
    ring: npt.NDArray[np.float64],
    n_before: int,
    quality: FloatArray,
    off: _Flags,
) -> None:
    """Go on with the hop in hand; at the end of each put its measures into the ring and judge each lead over that."""
    quiet = np.empty(WINDOW_HOPS)
    for lead in range(samples.shape[1]):
        n = n_before % HOP
        n_hops = n_before // HOP
        number = 0
        invalid, still, noise, slope = hop[lead, 0], hop[lead, 1], hop[lead, 4], hop[lead, 5]
        low, top = np.float32(hop[lead, 2]), np.float32(hop[lead, 3])
        last, last_but_one = np.float32(hop[lead, 6]), np.float32(hop[lead, 7])
        for i in range(samples.shape[0]):
            x = samples[i, lead]
            if n == 0:
                invalid = still = noise = slope = 0.0
                low = top = x
            if not valid[i, lead]:
                invalid += 1.0
            elif held[i, lead]:
                still += 1.0
            low = min(low, x)
            top = max(top, x)
            noise += abs(high[i, lead])
            if n >= 1:
                slope = max(slope, abs(x - last))
            if n >= 2:
                noise += abs(x - 2.0 * last + last_but_one)
            last_but_one, last = last, x
            n += 1
            if n == HOP:
                slot = n_hops % WINDOW_HOPS
                ring[slot, lead, 0] = invalid / HOP
                ring[slot, lead, 1] = still / HOP
                ring[slot, lead, 2] = low
                ring[slot, lead, 3] = top
                ring[slot, lead, 4] = noise / HOP
                ring[slot, lead, 5] = slope
                n_hops += 1
                filled = min(n_hops, WINDOW_HOPS)
                q, is_off = _judge(ring[:filled, lead], slot, quiet[:filled])
                off[number, lead] = is_off
                quality[number, lead] = 0.0 if is_off else q
                number += 1
                n = 0
        hop[lead, 0], hop[lead, 1], hop[lead, 4], hop[lead, 5] = invalid, still, noise, slope
        hop[lead, 2], hop[lead, 3], hop[lead, 6], hop[lead, 7] = low, top, last, last_but_one


class QualityMeter:
    """Judges the leads of one stream.

    Parameters
    ----------
    n_leads
        How many leads.
    """

    def __init__(self, n_leads: int) -> None:
        self.n_leads = n_leads
        self.arrays = np.zeros((WINDOW_HOPS, n_leads, MEASURES)), np.zeros((n_leads, IN_HAND))
        """Of the last hops their measures; of the hop in hand these, and its last two samples. They stay there."""
        self.reset()

    def reset(self) -> None:
        """Forget the signal so far."""
        for array in self.arrays:
            array[:] = 0.0
        self.n_taken = 0
        """Samples taken so far."""

    def measure(self, conditioned: Conditioned) -> LeadQuality:
        """Take the next samples of the conditioned signal, give each lead's quality at the end of each hop of them.

        Parameters
        ----------
        conditioned
            Arrays of shape (n_samples, n_leads).
        """
        samples, valid, held, high, _ = conditioned
        n_before, self.n_taken = self.n_taken, self.n_taken + len(samples)
        n_hops = self.n_taken // HOP - n_before // HOP
        quality = np.empty((n_hops, self.n_leads), np.float32)
        off = np.empty((n_hops, self.n_leads), np.bool_)
        ring, hop = self.arrays
        measure(samples, valid, held, high, hop, ring, n_before, quality, off)
        return LeadQuality(quality, off)

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self.n_taken, *(array.tobytes() for array in self.arrays)))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same number of leads."""
        self.n_taken, *kept = msgspec.msgpack.decode(state, type=tuple[int, bytes, bytes])
        for array, raw in zip(self.arrays, kept, strict=True):
            array[:] = np.frombuffer(raw).reshape(array.shape)
