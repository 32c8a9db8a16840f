"""Slots of the QRS network turned into R peaks, provisional and confirmed.

A slot is 8 ms. For each of its look-aheads the network gives, in slot n, the probability that an R peak lay so many
slots before n. A *provisional* peak is told as soon as three slots of the shortest look-ahead together pass their
threshold. A *confirmed* one is a peak of the sum over nine slots (a wide complex can be found surely without its peak
being placed surely) of a longer look-ahead; the centre of gravity of the nine slots is its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from heartwire.engine.errors import ModelError

SLOT = 2
"""Conditioned samples in a slot."""
SLOTS = 4
"""Slots in a frame."""
FRAME = SLOT * SLOTS
"""Conditioned samples in a frame, the network's step: 32 ms."""
SLOT_S = SLOT / 250.0
REFRACTORY = 25
"""No two beats closer than so many slots: 200 ms,"""
OVERRULED = 20
"""unless the later one, not closer than this, 160 ms, is the surer: then the first was none, but it has been told."""
REACH = 4
"""Slots summed on either side of a confirmed peak."""

RING = 128
_FULL_MASS = 3.76
_FULL_RISE = 2.6
_RISE = 2
"""Slots from where the sum of a sure peak passes the threshold to its place."""


class QrsSettings(msgspec.Struct, frozen=True):
    """The numbers that turn slots into R peaks, from the model's card.

    `lookaheads` are in slots, in the order of the network's output; `provisional` and `confirmed` index them. A
    threshold is the least sum of probabilities that makes a beat, 1 being that of a sure one.
    """

    lookaheads: tuple[int, ...]
    provisional: int
    confirmed: int
    provisional_threshold: float
    confirmed_threshold: float

    @property
    def delay(self) -> int:
        """Conditioned samples from an R peak to its confirmation, at most (a frame must be complete)."""
        return (self.lookaheads[self.confirmed] + REACH + 1 + SLOTS) * SLOT

    @classmethod
    def from_card(cls, settings: Mapping[str, float], *, lookahead_s: float | None = None) -> QrsSettings:
        """Read the settings of a model card.

        Parameters
        ----------
        settings
            The card's.
        lookahead_s
            Confirm at this of the network's look-aheads instead of the card's.

        Raises
        ------
        ModelError
            If the card lacks one, or there is no such look-ahead.
        """
        try:
            all_s = [settings[f"lookahead_{i}_s"] for i in range(round(settings["lookaheads"]))]
            chosen_s = settings["confirmed_lookahead_s"] if lookahead_s is None else lookahead_s
            return cls(
                lookaheads=tuple(round(s / SLOT_S) for s in all_s),
                provisional=all_s.index(settings["provisional_lookahead_s"]),
                confirmed=all_s.index(chosen_s),
                provisional_threshold=settings["provisional_threshold"],
                confirmed_threshold=settings["confirmed_threshold"],
            )
        except KeyError as error:
            msg = f"the card of the QRS model lacks the setting {error.args[0]}"
            raise ModelError(msg) from None
        except ValueError:
            msg = f"the QRS model has no look-ahead of {chosen_s:g} s: it has {all_s}"
            raise ModelError(msg) from None


class Bar(NamedTuple):
    """The first and last grid sample of a stretch in which no peak is to be confirmed, and the one that showed it.

    What is decided before that sample does not yet know of the bar, whatever has come already.
    """

    first: int
    last: int
    known_at: int

    def in_slots(self) -> tuple[float, float, float]:
        """Give it as `decode` takes it: the first two counted in slots."""
        return self.first / SLOT, self.last / SLOT, float(self.known_at)


class Peak(NamedTuple):
    """An R peak on the conditioned grid, with fractions; `decided_at` is the last grid sample that it rests on."""

    at: float
    decided_at: int
    confidence: float
    confirmed: bool


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def decode(
    qrs: npt.NDArray[np.float32],
    early: int,
    sure: int,
    ring: npt.NDArray[np.float64],
    counters: npt.NDArray[np.int64],
    thresholds: npt.NDArray[np.float64],
    lookaheads: npt.NDArray[np.int64],
    barred: npt.NDArray[np.float64],
    found: npt.NDArray[np.float64],
) -> int:
    """Take frames, (rows, n_frames), with the slots of the look-aheads from rows `early` and `sure` on.

    Written of each peak that they show: place in slots, slot of decision, confidence, confirmed or not.
    """
    mask = ring.shape[0] - 1
    n, last, told, last_middle = counters[0], counters[1], counters[2], counters[3]
    written = 0
    for i in range(SLOTS * qrs.shape[1]):
        ring[n & mask, 0] = qrs[early + i % SLOTS, i // SLOTS]
        ring[n & mask, 1] = qrs[sure + i % SLOTS, i // SLOTS]
        mass = 0.0
        for slot in range(n - 2 * REACH, n + 1):
            mass += ring[slot & mask, 1]
        ring[(n - REACH) & mask, 2] = mass
        middle = n - REACH - 1
        here = ring[middle & mask, 2]
        if here >= thresholds[1] * _FULL_MASS and here > ring[(middle - 1) & mask, 2] and here >= mass:
            moment = 0.0
            for k in range(-REACH, REACH + 1):
                moment += k * ring[(middle + k) & mask, 1]
            place = middle + moment / here - lookaheads[1]
            surer = place - last >= OVERRULED and here > ring[last_middle & mask, 2]
            free = True
            decided_at = (n // SLOTS + 1) * FRAME - 1
            for j in range(len(barred)):
                free = free and not (barred[j, 2] <= decided_at and barred[j, 0] <= place <= barred[j, 1])
            if free and (place - last >= REFRACTORY or surer):
                found[written, 0] = place
                found[written, 1] = n
                found[written, 2] = min(here / _FULL_MASS, 1.0)
                found[written, 3] = 1.0
                written += 1
                last = int(np.floor(place + 0.5))
                last_middle = middle
                told = max(told, last)
        rise = ring[n & mask, 0] + ring[(n - 1) & mask, 0] + ring[(n - 2) & mask, 0]
        if rise >= thresholds[0] * _FULL_RISE:
            place = n - 1 + _RISE - lookaheads[0]
            if place - told >= REFRACTORY:
                found[written, 0] = place
                found[written, 1] = n
                found[written, 2] = min(rise / _FULL_RISE, 1.0)
                found[written, 3] = 0.0
                written += 1
                told = place
        n += 1
    counters[0] = n
    counters[1] = last
    counters[2] = told
    counters[3] = last_middle
    return written


class SlotDecoder:
    """Turns the slots of one stream into R peaks."""

    def __init__(self, settings: QrsSettings) -> None:
        self.settings = settings
        s = settings
        self.rules = (
            np.array((s.provisional_threshold, s.confirmed_threshold)),
            np.array((s.lookaheads[s.provisional], s.lookaheads[s.confirmed]), np.int64),
        )
        """Thresholds and look-aheads, as `decode` takes them."""
        self.arrays = np.zeros((RING, 3)), np.zeros(4, np.int64)
        """Ring and counters that `decode` carries. They stay where they are."""
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh decoder."""
        ring, counters = self.arrays
        ring[:] = 0.0
        counters[:] = 0, -REFRACTORY, -REFRACTORY, 0

    @property
    def n_slots(self) -> int:
        """Slots taken so far."""
        return int(self.arrays[1][0])

    def decode(self, qrs: npt.NDArray[np.float32], barred: Sequence[Bar] = ()) -> list[Peak]:
        """Take the next frames; give the peaks they show, in the order of their decision.

        Parameters
        ----------
        qrs
            (look-aheads x slots, n_frames), as the network gives it.
        barred
            The stretches in which no peak is to be confirmed.
        """
        early, sure = self.rows
        found = np.empty((most_peaks(qrs.shape[1]), 4))
        stretches = np.array([bar.in_slots() for bar in barred]).reshape(-1, 3)
        n = decode(np.ascontiguousarray(qrs), early, sure, *self.arrays, *self.rules, stretches, found)
        return told_peaks(found, n)

    @property
    def rows(self) -> tuple[int, int]:
        """Where in the network's output the slots of the early and the sure look-ahead begin."""
        return self.settings.provisional * SLOTS, self.settings.confirmed * SLOTS

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(tuple(array.tobytes() for array in self.arrays))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        for array, raw in zip(self.arrays, msgspec.msgpack.decode(state, type=tuple[bytes, bytes]), strict=True):
            array[:] = np.frombuffer(raw, array.dtype).reshape(array.shape)


def most_peaks(n_frames: int) -> int:
    """Give how many peaks so many frames show at most."""
    return 2 * SLOTS * n_frames // REFRACTORY + 4


def told_peaks(found: npt.NDArray[np.float64], n: int) -> list[Peak]:
    """Give the first `n` of the peaks that `decode` found."""
    if not n:
        return []
    return [
        Peak((at + 0.5) * SLOT - 0.5, (int(slot) // SLOTS + 1) * FRAME - 1, confidence, bool(confirmed))
        for at, slot, confidence, confirmed in found[:n].tolist()
    ]
