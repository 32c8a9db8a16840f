"""Frames of the beat network turned into beats.

A frame is 16 ms. The network gives, for each, the probability that an R peak lay `qrs_lookahead` frames ago and the
class of a beat whose R peak lay `class_lookahead` frames ago. The first is summed over seven frames, because a wide
complex can be found surely without its peak being placed surely. A peak of the sum that no larger one follows within
the refractory period, as far as it is known when the class is, is a beat; the centre of gravity of the seven frames is
its place.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from heartwire.engine.errors import ModelError
from heartwire.engine.messages import BeatClass

FRAME = 4
"""Conditioned samples in a frame."""
REFRACTORY_FRAMES = 13
"""No two beats closer than this: 208 ms."""
CLASSES: tuple[BeatClass, ...] = ("N", "S", "V", "F", "Q")

_RING = 64
_REACH = 3
_FULL_MASS = 2.0


class BeatSettings(msgspec.Struct, frozen=True):
    """The numbers that turn frames into beats, from the model's card.

    `qrs_threshold` is the least sum of probabilities that makes a beat, 1 being that of a sure one. A class's
    probability is multiplied by its weight before the largest wins.
    """

    qrs_threshold: float
    qrs_lookahead_frames: int
    class_lookahead_frames: int
    class_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)

    @property
    def wait_frames(self) -> int:
        """Frames from a peak to the decision on it."""
        return max(REFRACTORY_FRAMES, self.class_lookahead_frames - self.qrs_lookahead_frames + _REACH)

    @classmethod
    def from_card(cls, settings: Mapping[str, float]) -> BeatSettings:
        """Read the settings of a model card.

        Raises
        ------
        ModelError
            If the card lacks one.
        """
        try:
            return cls(
                qrs_threshold=settings["qrs_threshold"],
                qrs_lookahead_frames=round(settings["qrs_lookahead_s"] * 250 / FRAME),
                class_lookahead_frames=round(settings["class_lookahead_s"] * 250 / FRAME),
                class_weights=tuple(settings[f"weight_{name}"] for name in CLASSES),
            )
        except KeyError as error:
            msg = f"the card of the beat model lacks the setting {error.args[0]}"
            raise ModelError(msg) from None


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _decode(
    qrs: npt.NDArray[np.float32],
    classes: npt.NDArray[np.float32],
    ring: npt.NDArray[np.float64],
    counters: npt.NDArray[np.int64],
    threshold: float,
    look: int,
    ahead: int,
    wait: int,
    weights: npt.NDArray[np.float64],
    found: npt.NDArray[np.float64],
) -> int:
    """Take frames; write (place, label, confidence, frame of decision) of each beat they complete."""
    n_classes = classes.shape[0]
    at_mass = 1 + n_classes
    mask = ring.shape[0] - 1
    n = counters[0]
    candidate, last = counters[1], counters[2]
    written = 0
    for i in range(len(qrs)):
        slot = n & mask
        ring[slot, 0] = qrs[i]
        for c in range(n_classes):
            ring[slot, 1 + c] = classes[c, i]
        mass = 0.0
        for frame in range(n - 2 * _REACH, n + 1):
            mass += ring[frame & mask, 0]
        ring[(n - _REACH) & mask, at_mass] = mass
        middle = n - _REACH - 1
        here = ring[middle & mask, at_mass]
        is_peak = here >= threshold * _FULL_MASS and here > ring[(middle - 1) & mask, at_mass] and here >= mass
        clear = candidate < 0 or middle - candidate >= REFRACTORY_FRAMES or here > ring[candidate & mask, at_mass]
        if is_peak and clear and middle - last >= REFRACTORY_FRAMES:
            candidate = middle
        if candidate >= 0 and n - candidate >= wait:
            moment = 0.0
            for k in range(-_REACH, _REACH + 1):
                moment += k * ring[(candidate + k) & mask, 0]
            here = ring[candidate & mask, at_mass]
            place = candidate + moment / here
            read = int(np.floor(place + 0.5)) + ahead - look
            best, best_score, total = 0, -1.0, 0.0
            for c in range(n_classes):
                p = ring[read & mask, 1 + c]
                total += p * weights[c]
                if p * weights[c] > best_score:
                    best, best_score = c, p * weights[c]
            found[written, 0] = (place - look + 0.5) * FRAME - 0.5
            found[written, 1] = best
            found[written, 2] = min(here / _FULL_MASS, 1.0) * best_score / max(total, 1e-9)
            written += 1
            candidate, last = -1, candidate
        n += 1
    counters[0] = n
    counters[1] = candidate
    counters[2] = last
    return written


class FrameDecoder:
    """Turns the frames of one stream into beats."""

    def __init__(self, settings: BeatSettings) -> None:
        self.settings = settings
        self._weights = np.array(settings.class_weights)
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh decoder."""
        self._ring = np.zeros((_RING, 2 + len(CLASSES)))
        self._counters = np.array([0, -1, -REFRACTORY_FRAMES], np.int64)

    @property
    def n_frames(self) -> int:
        """Frames taken so far."""
        return int(self._counters[0])

    def decode(self, qrs: npt.NDArray[np.float32], classes: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Take the next frames; give the beats they complete.

        Parameters
        ----------
        qrs
            (n_frames,) probability of an R peak.
        classes
            (5, n_frames) probability of each class.

        Returns
        -------
        (n_beats, 3): R peak on the grid, index of the class, confidence.
        """
        found = np.empty((len(qrs) // REFRACTORY_FRAMES + 2, 3))
        s = self.settings
        n = _decode(
            qrs,
            classes,
            self._ring,
            self._counters,
            s.qrs_threshold,
            s.qrs_lookahead_frames,
            s.class_lookahead_frames,
            s.wait_frames,
            self._weights,
            found,
        )
        return found[:n]

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self._ring.tobytes(), self._counters.tobytes()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        ring, counters = msgspec.msgpack.decode(state, type=tuple[bytes, bytes])
        self._ring = np.frombuffer(ring, np.float64).reshape(_RING, -1).copy()
        self._counters = np.frombuffer(counters, np.int64).copy()
