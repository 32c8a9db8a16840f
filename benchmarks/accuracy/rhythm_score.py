"""Stretches of a rhythm as the engine tells them against those annotated: by duration and by episode, as in EC57.

An annotated episode is found when a told one overlaps it, a told one is right when it overlaps an annotated one; the
figures by duration ask for the overlap itself. Episodes shorter than a least length neither count nor make a told one
wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from heartwire.benchmarks.accuracy.vf import Span


class RhythmScore(msgspec.Struct, frozen=True):
    """Stretches of one rhythm over one record or several.

    Durations: `annotated_s`, `told_s`, `both_s` of the rhythm, `other_s` annotated as anything else. Episodes:
    `episodes` annotated and `found` of them; `calls` told and `right` of them. `delays_s` from the annotated onset to
    the decision, for episodes told afresh.
    """

    annotated_s: float = 0.0
    told_s: float = 0.0
    both_s: float = 0.0
    other_s: float = 0.0
    episodes: int = 0
    found: int = 0
    calls: int = 0
    right: int = 0
    delays_s: tuple[float, ...] = ()

    @property
    def duration_sensitivity(self) -> float | None:
        """Share of the annotated time that is told."""
        return self.both_s / self.annotated_s if self.annotated_s else None

    @property
    def duration_predictivity(self) -> float | None:
        """Share of the told time that is annotated."""
        return self.both_s / self.told_s if self.told_s else None

    @property
    def specificity(self) -> float | None:
        """Share of the other time in which the rhythm is not told."""
        return 1.0 - (self.told_s - self.both_s) / self.other_s if self.other_s else None

    @property
    def episode_sensitivity(self) -> float | None:
        """Share of the annotated episodes that are found."""
        return self.found / self.episodes if self.episodes else None

    @property
    def episode_predictivity(self) -> float | None:
        """Share of the told episodes that are right."""
        return self.right / self.calls if self.calls else None


def overlap_s(a: Span, b: Span) -> float:
    """Give the seconds that two stretches share."""
    return max(0.0, min(a.end_s, b.end_s) - max(a.begin_s, b.begin_s))


def score_rhythm(
    annotated: Sequence[Span],
    told: Sequence[Span],
    decided_s: Sequence[float],
    length_s: float,
    *,
    least_s: float = 0.0,
) -> RhythmScore:
    """Score one record.

    Parameters
    ----------
    annotated, told
        The stretches of the rhythm, in order.
    decided_s
        When each told one was decided.
    length_s
        Length of the record.
    least_s
        Shorter annotated episodes are not asked for.
    """
    long = [e for e in annotated if e.end_s - e.begin_s >= least_s]
    delays = []
    for episode in long:
        over = [(t, at) for t, at in zip(told, decided_s, strict=True) if overlap_s(episode, t) > 0.0]
        if over and over[0][1] >= episode.begin_s:
            delays.append(over[0][1] - episode.begin_s)
    annotated_s = _total(annotated)
    return RhythmScore(
        annotated_s=annotated_s,
        told_s=_total(told),
        both_s=sum(overlap_s(a, t) for a in annotated for t in told),
        other_s=length_s - annotated_s,
        episodes=len(long),
        found=sum(any(overlap_s(e, t) > 0.0 for t in told) for e in long),
        calls=len(told),
        right=sum(any(overlap_s(a, t) > 0.0 for a in annotated) for t in told),
        delays_s=tuple(delays),
    )


def together(scores: Iterable[RhythmScore]) -> RhythmScore:
    """Add up records (the gross figures of EC57)."""
    total = RhythmScore()
    for s in scores:
        pairs = zip(msgspec.structs.astuple(total), msgspec.structs.astuple(s), strict=True)
        total = RhythmScore(*(a + b for a, b in pairs))
    return total


def _total(spans: Sequence[Span]) -> float:
    return sum(s.end_s - s.begin_s for s in spans)
