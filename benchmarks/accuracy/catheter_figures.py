"""Figures over many frames: shares in 0..1, errors in px; what is missed counts as infinitely far."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.benchmarks.accuracy.catheter_score import FrameScore

WITHIN_PX = (2.0, 5.0, 10.0)
WITHIN_MM = (1.0, 2.0, 3.0)
POOLED = "all"


class Errors(msgspec.Struct, kw_only=True):
    """Errors over `n` cases; `within` by limit. None: no cases, or infinite, as more are missed."""

    n: int
    median: float | None
    p95: float | None
    largest: float | None
    within: dict[str, float]


class FrameFigures(msgspec.Struct, kw_only=True):
    """One method on the frames of one origin.

    `found` counts frames (a device whose tip is annotated), `devices_found` every annotated device; distances go from
    annotated to reported points and back; `false` are reported devices on none of the annotated ones, a frame.
    """

    method: str
    origin: str
    frames: int
    found: float | None
    devices_found: float | None
    tip_px: Errors
    to_reported_px: Errors
    to_true_px: Errors
    false: float | None


def finite(value: float) -> float | None:
    """Give a number that JSON has, or None."""
    return float(value) if np.isfinite(value) else None


def errors(values: Sequence[float] | npt.NDArray[np.float32], limits: Sequence[float] = WITHIN_PX) -> Errors:
    """Summarise errors; infinite ones count as misses, NaN are left out."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return Errors(n=0, median=None, p95=None, largest=None, within={})
    median, p95 = np.quantile(known, (0.5, 0.95), method="higher")
    return Errors(
        n=len(known),
        median=finite(median),
        p95=finite(p95),
        largest=finite(known.max()),
        within={f"{limit:g}": float((known <= limit).mean()) for limit in limits},
    )


def frame_figures(method: str, origin: str, scores: Sequence[FrameScore]) -> FrameFigures:
    """Summarise the frames of one origin."""
    main = [score.main_found for score in scores if score.main_found is not None]
    devices = sum(score.devices for score in scores)
    return FrameFigures(
        method=method,
        origin=origin,
        frames=len(scores),
        found=float(np.mean(main)) if main else None,
        devices_found=sum(score.found for score in scores) / devices if devices else None,
        tip_px=errors([score.tip_error_px for score in scores]),
        to_reported_px=errors(np.concatenate([np.empty(0, np.float32), *(s.to_reported_px for s in scores)])),
        to_true_px=errors(np.concatenate([np.empty(0, np.float32), *(s.to_true_px for s in scores)])),
        false=sum(score.false for score in scores) / max(1, len(scores)),
    )


def tips_alone(method: str, origin: str, errors_px: Sequence[float]) -> FrameFigures:
    """Summarise a method that gives tips and no lines."""
    return FrameFigures(
        method=method,
        origin=origin,
        frames=len(errors_px),
        found=None,
        devices_found=None,
        tip_px=errors(errors_px),
        to_reported_px=errors([]),
        to_true_px=errors([]),
        false=None,
    )


def by_origin(method: str, scores: Sequence[FrameScore]) -> list[FrameFigures]:
    """Summarise each origin, in order of first appearance, and all frames at the end."""
    origins = list(dict.fromkeys(score.origin for score in scores))
    rows = [frame_figures(method, origin, [s for s in scores if s.origin == origin]) for origin in origins]
    return [*rows, frame_figures(method, POOLED, scores)]
