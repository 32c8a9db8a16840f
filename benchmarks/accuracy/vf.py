"""Alarms for ventricular tachycardia, flutter and fibrillation against annotated episodes.

An episode is a stretch of VT, VFL or VF without a break, whatever its label turns into on the way. It is alarmed when
an alarm is on at any time within it; the delay runs from its onset to the decision. Where the alarm was still on from
before, the episode is carried: it counts as alarmed, but has no delay. An alarm is false when it touches no stretch of
VT, VFL or VF of any length; alarms in stretches annotated as noise are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

VENTRICULAR = frozenset({"VT", "VF", "VFIB", "VFL"})
"""Rhythm labels of WFDB, without the bracket, that call for an alarm."""
MIN_EPISODE_S = 5.0
GRACE_S = 5.0
"""An alarm decided so soon after an episode still belongs to it: the decision looks back."""


class Span(NamedTuple):
    """A stretch of time, seconds."""

    begin_s: float
    end_s: float


class Alarm(NamedTuple):
    """An alarm that was on from its decision until `off_s`."""

    decided_s: float
    off_s: float


class EpisodeScore(NamedTuple):
    """One record's score.

    `delays_s` has an entry for each episode that was alarmed afresh, `carried` counts those over which the alarm was on
    from before. `false_alarms` are those outside every
    episode, `in_noise` those outside but in noise. `other_s` is how long the record is without episodes and noise.
    """

    episodes: list[Span]
    delays_s: list[float]
    carried: int
    false_alarms: int
    in_noise: int
    other_s: float


def spans(rhythms: Sequence[tuple[float, str]], end_s: float, labels: frozenset[str]) -> list[Span]:
    """Give the stretches without a break in which the rhythm is one of `labels`.

    Parameters
    ----------
    rhythms
        (begin in seconds, label) of each change of rhythm, in order.
    end_s
        End of the record.
    labels
        The labels looked for.
    """
    found: list[Span] = []
    for (begin, label), (end, _) in pairwise([*rhythms, (end_s, "")]):
        if label not in labels:
            continue
        if found and found[-1].end_s == begin:
            found[-1] = Span(found[-1].begin_s, end)
        else:
            found.append(Span(begin, end))
    return found


def score_alarms(
    rhythms: Sequence[tuple[float, str]], end_s: float, alarms: Sequence[Alarm], *, min_episode_s: float = MIN_EPISODE_S
) -> EpisodeScore:
    """Score the alarms of one record.

    Parameters
    ----------
    rhythms
        Reference: (begin in seconds, label) of each change of rhythm, in order.
    end_s
        End of the record.
    alarms
        VT and VF alarms.
    min_episode_s
        Shorter episodes need no alarm, but one within them is not false.
    """
    all_episodes = spans(rhythms, end_s, VENTRICULAR)
    noise = spans(rhythms, end_s, frozenset({"NOISE"}))
    episodes = [e for e in all_episodes if e.end_s - e.begin_s >= min_episode_s]
    delays: list[float] = []
    carried = 0
    for episode in episodes:
        during = [a for a in alarms if a.decided_s <= episode.end_s and a.off_s >= episode.begin_s]
        if any(a.decided_s < episode.begin_s for a in during):
            carried += 1
        elif during:
            delays.append(min(a.decided_s for a in during) - episode.begin_s)
    outside = [
        a for a in alarms if not any(a.decided_s <= e.end_s + GRACE_S and a.off_s >= e.begin_s for e in all_episodes)
    ]
    in_noise = sum(any(n.begin_s <= a.decided_s <= n.end_s + GRACE_S for n in noise) for a in outside)
    covered = sum(s.end_s - s.begin_s for s in (*all_episodes, *noise))
    return EpisodeScore(episodes, delays, carried, len(outside) - in_noise, in_noise, end_s - covered)


class AlarmSummary(NamedTuple):
    """Several records' scores together; delays over the episodes alarmed afresh."""

    n_episodes: int
    n_alarmed: int
    n_carried: int
    median_delay_s: float
    p95_delay_s: float
    false_alarms: int
    in_noise: int
    other_hours: float

    @property
    def alarmed_share(self) -> float:
        """Alarmed of all episodes."""
        return self.n_alarmed / self.n_episodes if self.n_episodes else 1.0

    @property
    def false_per_hour(self) -> float:
        """False alarms an hour of other rhythm."""
        return self.false_alarms / self.other_hours if self.other_hours else 0.0


def summarise(scores: Sequence[EpisodeScore]) -> AlarmSummary:
    """Add up the records."""
    delays = [delay for score in scores for delay in score.delays_s]
    carried = sum(score.carried for score in scores)
    return AlarmSummary(
        n_episodes=sum(len(score.episodes) for score in scores),
        n_alarmed=len(delays) + carried,
        n_carried=carried,
        median_delay_s=float(np.median(delays)) if delays else float("nan"),
        p95_delay_s=float(np.percentile(delays, 95)) if delays else float("nan"),
        false_alarms=sum(score.false_alarms for score in scores),
        in_noise=sum(score.in_noise for score in scores),
        other_hours=sum(score.other_s for score in scores) / 3600.0,
    )
