"""How sure a detection is a device: what the networks say along it, weighed by a logistic regression in the card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

from heartwire.engine.xray.device_map import Array

Kind = Literal["tipped", "line", "lone", "tip"]
KINDS: tuple[Kind, ...] = ("tipped", "line", "lone", "tip")
"""A line that ends in a tip, a line without one, a tip without a line; and the tip of the first."""
_LIMIT = 5.0


class Evidence(NamedTuple):
    """What speaks for a detection; where it has no line or no tip, that part is 0.

    `body` and `weakest` are the log-odds of the body's mean and 20 % quantile along the line, `length` the log of its
    length over 100 px of the network's image, `heat` and `seen` the log-odds of its tip by the device and the tip
    network, `wire` 1 for a guidewire.
    """

    body: float
    weakest: float
    length: float
    heat: float
    seen: float
    wire: float


def log_odds(probability: float) -> float:
    """Give the log-odds of a probability, between -5 and 5."""
    if probability <= 0.0:
        return -_LIMIT
    if probability >= 1.0:
        return _LIMIT
    return min(_LIMIT, max(-_LIMIT, math.log(probability / (1.0 - probability))))


def evidence(bodies: Array | None, long_px: float, heat: float | None, seen: float | None, *, wire: bool) -> Evidence:
    """Sum up what speaks for a detection.

    Parameters
    ----------
    bodies
        The greater of both bodies' probabilities at each point of the line; None without a line.
    long_px
        The line's length, px of the network's image.
    heat, seen
        What both networks say of the tip; None without one.
    wire
        Whether it is taken for a guidewire.
    """
    body = weakest = length = 0.0
    if bodies is not None:
        ordered = sorted(bodies.tolist())
        body, weakest = log_odds(sum(ordered) / len(ordered)), log_odds(ordered[len(ordered) // 5])
        length = math.log(max(long_px, 1.0) / 100.0)
    return Evidence(
        body,
        weakest,
        length,
        0.0 if heat is None else log_odds(heat),
        0.0 if seen is None else log_odds(seen),
        float(wire),
    )


def setting(kind: Kind, name: str) -> str:
    """Name a weight as it stands in the card."""
    return f"confidence_{kind}_{name}"


class Confidence:
    """The weights of a card.

    Parameters
    ----------
    settings
        For each kind its `confidence_KIND_bias` and a weight for each field of `Evidence`; what is absent is 0.
    """

    def __init__(self, settings: Mapping[str, float]) -> None:
        self._weights = {
            kind: (
                settings.get(setting(kind, "bias"), 0.0),
                [settings.get(setting(kind, name), 0.0) for name in Evidence._fields],
            )
            for kind in KINDS
        }

    def of(self, kind: Kind, found: Evidence) -> float:
        """Give the probability that a detection is a device."""
        bias, weights = self._weights[kind]
        odds = bias + sum(weight * value for weight, value in zip(weights, found, strict=True))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))
