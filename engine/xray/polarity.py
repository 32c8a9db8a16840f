"""Whether dark or bright is dense in frames whose maker does not say."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from heartwire.engine.messages import Item, XrayFrame
from heartwire.engine.slots import Frame
from heartwire.engine.source import invert
from heartwire.engine.xray.localiser import Localiser

_LOOKED_AT = 8
_EVERY = 12
"""Of the first hundred frames one in so many is looked at: contrast comes and goes."""
_SURE = 5.0
"""Log-odds by which bright must be the better guess: nearly all recordings show dense as dark."""
_LEAST = 0.02


def dense_is_bright(items: Iterable[Item], localiser: Localiser) -> bool:
    """Tell whether frames must be inverted for their devices to be found.

    Devices are looked for both ways, and the log-odds of the surest are added up. Frames without a device say little; a
    single image is often too little to be sure, and stays as it is.
    """
    frames = (item for item in items if isinstance(item, XrayFrame))
    speaks_for_bright = 0.0
    for frame in itertools.islice(frames, 0, _LOOKED_AT * _EVERY, _EVERY):
        dark = _log_odds(localiser, frame, frame.pixels)
        speaks_for_bright += _log_odds(localiser, frame, invert(frame.pixels.copy(), frame.bits)) - dark
    return speaks_for_bright > _SURE


def _log_odds(localiser: Localiser, frame: XrayFrame, pixels: Frame) -> float:
    found = localiser.locate(XrayFrame(stream=frame.stream, frame=0, pixels=pixels, bits=frame.bits))
    surest = max((detection.confidence for detection in found), default=0.0)
    return math.log((surest + _LEAST) / (1.0 - surest + _LEAST))
