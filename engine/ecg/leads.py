"""Which leads are analysed: the two best, changed only when another is clearly better or one of them fails.

A lead stays in its channel for as long as it is chosen: a network sees no lead jump from one channel to the other.
"""

from __future__ import annotations

import msgspec
import numpy as np

from heartwire.engine.ecg.quality import LeadQuality
from heartwire.engine.messages import FloatArray

N_ANALYSED = 2
"""Leads the networks take."""


class LeadSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to change leads."""

    better_by: float = 0.25
    """How much better another lead must be (smoothed quality)."""
    failed_below: float = 0.1
    """A lead below this is replaced by any lead above it at once."""
    smoothing_hops: float = 25.0
    """Time constant of the smoothed quality: 4 s."""


class LeadChoice:
    """Chooses the leads of one stream.

    Parameters
    ----------
    n_leads
        How many there are.
    settings
        When to change.
    """

    def __init__(self, n_leads: int, settings: LeadSettings) -> None:
        self.n_leads = n_leads
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Return to the first leads."""
        self.chosen: tuple[int, ...] = tuple(range(min(N_ANALYSED, self.n_leads)))
        self._smooth: FloatArray = np.ones(self.n_leads, np.float32)
        self._begun = False

    def update(self, now: LeadQuality) -> bool:
        """Take the quality of a hop; tell whether the choice changed."""
        if self.n_leads <= N_ANALYSED:
            return False
        if self._begun:
            self._smooth += (now.quality - self._smooth) / np.float32(self._settings.smoothing_hops)
        else:
            self._smooth[:] = now.quality
            self._begun = True
        smooth = np.where(now.off, np.float32(0), self._smooth)
        before = self.chosen
        for _ in before:
            worst = min(self.chosen, key=lambda lead: float(smooth[lead]))
            others = [lead for lead in range(self.n_leads) if lead not in self.chosen]
            best = max(others, key=lambda lead: float(smooth[lead]))
            failed = smooth[worst] < self._settings.failed_below <= smooth[best]
            if not failed and smooth[best] - smooth[worst] < self._settings.better_by:
                break
            self.chosen = tuple(best if lead == worst else lead for lead in self.chosen)
        return self.chosen != before

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self.chosen, self._begun, self._smooth.tobytes()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same number of leads."""
        self.chosen, self._begun, smooth = msgspec.msgpack.decode(state, type=tuple[tuple[int, ...], bool, bytes])
        self._smooth = np.frombuffer(smooth, np.float32).copy()
