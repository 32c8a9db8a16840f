"""Training examples for the fibrillation network: windows of beats, with ectopy, missed and false beats, noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heartwire.engine.ecg.last_beats import (
    ABSENT,
    CHANNELS,
    N_BEATS,
    OTHER,
    P_POINTS,
    SUPRAVENTRICULAR,
    VENTRICULAR,
    Array,
    atrial,
    describe,
)
from heartwire.models.ecg.told_beats import ToldBeats

_SHORTEST = 8
Doubles = npt.NDArray[np.float64]


class Windows(NamedTuple):
    """The network's input (n, FEATURES); the share of fibrillating beats in each window; the fold of its recording."""

    features: Array
    share: Array
    fold: npt.NDArray[np.int64]


class Pool(NamedTuple):
    """Recordings from which a share of the windows is drawn: those in fibrillation, in other rhythm, or at a change."""

    share: float
    recordings: Sequence[ToldBeats]
    ends: list[npt.NDArray[np.int64]]
    weights: Doubles


def pool(share: float, recordings: Sequence[ToldBeats], what: str) -> Pool:
    """Make a pool of the beats at which windows end: in "fibrillation", in "other" rhythm, or soon after a "change"."""
    kept, ends = [], []
    for recording in recordings:
        inside = recording.fibrillates
        if what == "change":
            at = np.flatnonzero(np.diff(inside.astype(np.int8)))
            found = np.unique((at[:, None] + np.arange(4, N_BEATS)).ravel())
        else:
            found = np.flatnonzero(inside if what == "fibrillation" else ~inside)
        found = found[(found >= _SHORTEST) & (found < len(inside))]
        if len(found):
            kept.append(recording)
            ends.append(found)
    # Long recordings weigh more than short ones, but not in proportion.
    roots = np.sqrt([len(each) for each in ends])
    return Pool(share, kept, ends, roots / roots.sum())


class WindowMaker:
    """Draws windows of beats from pools and disturbs their rhythm.

    Parameters
    ----------
    pools
        What to draw from.
    seed
        Of everything random.
    """

    def __init__(self, pools: Sequence[Pool], *, seed: int) -> None:
        self._pools = [each for each in pools if each.recordings]
        shares = np.array([each.share for each in self._pools])
        self._shares = shares / shares.sum()
        self._random = np.random.default_rng(seed)

    def draw(self, size: int) -> Windows:
        """Draw `size` windows."""
        rr_s = np.zeros((size, N_BEATS), np.float32)
        kinds = np.full((size, N_BEATS), ABSENT, np.uint8)
        waves = np.zeros((size, CHANNELS, N_BEATS, P_POINTS), np.float32)
        share = np.zeros(size, np.float32)
        fold = np.zeros(size, np.int64)
        for i, which in enumerate(self._random.choice(len(self._pools), size, p=self._shares)):
            beats = self._beats(self._pools[which])
            fold[i] = beats.fold
            n = min(len(beats.at_s), N_BEATS)
            rr_s[i, N_BEATS - n :] = beats.rr_s[-n:]
            kinds[i, N_BEATS - n :] = beats.kinds[-n:]
            share[i] = beats.fibrillates[-n:].mean()
            if beats.waves is not None:
                waves[i, :, N_BEATS - n :] = beats.waves[-n:].transpose(1, 0, 2)
        # An interval is missing now and then, as after a gap.
        rr_s[self._random.random(rr_s.shape) < 0.003] = 0.0
        of_atria, usual = atrial(waves.transpose(0, 2, 1, 3))
        features = describe(rr_s, kinds, of_atria, usual[:, -1])
        return Windows(features, share, fold)

    def _beats(self, source: Pool) -> ToldBeats:
        random = self._random
        which = random.choice(len(source.recordings), p=source.weights)
        whole, end = source.recordings[which], int(source.ends[which][random.integers(len(source.ends[which]))]) + 1
        n = N_BEATS if random.random() < 0.65 else int(random.integers(_SHORTEST, N_BEATS))
        drawn = slice(max(end - n - 1, 0), end)
        waves = None if whole.waves is None else whole.waves[drawn].copy()
        at_s, kinds = whole.at_s[drawn].copy(), whole.kinds[drawn].copy()
        beats = ToldBeats(whole.name, at_s, kinds, waves, whole.fibrillates[drawn], whole.fold)
        if not beats.fibrillates.any():
            chance = random.random()
            if chance < 0.35:
                self._ectopy(beats)
            elif chance < 0.55:
                self._respiration(beats)
            elif chance < 0.6:
                self._dropping(beats)
        elif random.random() < 0.2:
            beats.kinds[random.random(len(beats.kinds)) < random.uniform(0.0, 0.3)] = VENTRICULAR
        if random.random() < 0.3:
            beats.kinds[:] = OTHER
        beats.at_s[:] = beats.at_s[0] + (beats.at_s - beats.at_s[0]) * np.exp(random.uniform(-0.2, 0.2))
        beats.at_s[:] += random.normal(0.0, random.uniform(0.0, 0.006), len(beats.at_s))
        return self._misread(beats)

    def _ectopy(self, beats: ToldBeats) -> None:
        """Make some beats come early: now and then, or every second to fourth."""
        random = self._random
        n = len(beats.at_s)
        early = random.random(n) < random.uniform(0.03, 0.35)
        if random.random() < 0.5:
            every = int(random.integers(2, 5))
            early = np.arange(n) % every == random.integers(every)
            early &= random.random(n) < random.uniform(0.6, 1.0)
        kind = VENTRICULAR if random.random() < 0.5 else SUPRAVENTRICULAR
        by, told, resets = random.uniform(0.15, 0.5), random.random() < 0.75, random.uniform(0.0, 1.0)
        rr = np.diff(beats.at_s)
        for i in np.flatnonzero(early[1:]):
            advance = float(rr[i] * by * np.exp(random.normal(0.0, 0.08)))
            beats.at_s[i + 1] -= advance
            if kind == SUPRAVENTRICULAR:
                beats.at_s[i + 2 :] -= advance * resets
            if told:
                beats.kinds[i + 1] = kind
            if beats.waves is not None:
                beats.waves[i + 1] *= np.float32(random.uniform(-1.0, 1.0))

    def _respiration(self, beats: ToldBeats) -> None:
        random = self._random
        n = len(beats.at_s) - 1
        breath = np.sin(2 * np.pi * (np.arange(n) / random.uniform(3.0, 9.0) + random.random()))
        drift = np.cumsum(random.normal(0.0, random.uniform(0.0, 0.02), n))
        change = np.exp(np.clip(random.uniform(0.05, 0.25) * breath + drift, -0.5, 0.5))
        beats.at_s[1:] = beats.at_s[0] + np.cumsum(np.diff(beats.at_s) * change)

    def _dropping(self, beats: ToldBeats) -> None:
        """Leave out the beat after every few, the intervals before it growing shorter: a second degree AV block."""
        random = self._random
        rr = np.diff(beats.at_s)
        group = int(random.integers(2, 6))
        place = (np.arange(len(rr)) + random.integers(group)) % group
        shorter = 1.0 - random.uniform(0.0, 0.06) * place
        rr *= np.where(place == 0, random.uniform(1.5, 2.0), shorter)
        beats.at_s[1:] = beats.at_s[0] + np.cumsum(rr)

    def _misread(self, beats: ToldBeats) -> ToldBeats:
        """Leave out some beats of some windows, and add false ones to others."""
        random = self._random
        n = len(beats.at_s)
        chance = random.random()
        if chance < 0.12:
            keep = random.random(n) > random.uniform(0.0, 0.12)
            keep[[0, -1]] = True
            order = np.flatnonzero(keep)
            at_s = beats.at_s[order]
        elif chance < 0.2:
            after = np.flatnonzero(random.random(n - 1) < random.uniform(0.0, 0.1))
            order = np.sort(np.concatenate((np.arange(n), after)))
            at_s = beats.at_s[order]
            false = np.flatnonzero(np.diff(order) == 0) + 1
            at_s[false] += random.uniform(0.25, 0.75, len(false)) * (beats.at_s[order[false] + 1] - at_s[false])
        else:
            return beats
        waves = None if beats.waves is None else beats.waves[order]
        return ToldBeats(beats.name, at_s, beats.kinds[order], waves, beats.fibrillates[order], beats.fold)
