"""A publisher whose network is bad on purpose: messages lost or out of order on the way, still in its ring."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from heartwire.engine.bus import Publisher
from heartwire.engine.wire import Part

_SPARED = 5


class FaultyPublisher(Publisher):
    """A `Publisher` that loses or swaps a share of what it sends.

    Parameters
    ----------
    endpoint
        As of `Publisher`.
    fault
        "lost-on-the-way" or "reordered"; anything else leaves the network good.
    share
        Of messages.
    kwargs
        As of `Publisher`.
    """

    def __init__(self, endpoint: str, *, fault: str, share: float, **kwargs: Any) -> None:
        super().__init__(endpoint, **kwargs)
        self._fault = fault
        self._share = share
        self._random = random.Random(1)
        self._held: list[bytes] | None = None

    def _transmit(self, parts: Sequence[Part]) -> None:
        hit = self._sent > _SPARED and self._random.random() < self._share
        if self._fault == "lost-on-the-way" and hit:
            return
        if self._fault == "reordered" and hit and self._held is None:
            # The sender may use its array again meanwhile.
            self._held = [bytes(part) for part in parts]
            return
        super()._transmit(parts)
        if self._held is not None:
            held, self._held = self._held, None
            super()._transmit(held)
