"""What a card says of a classifier that the engine hosts without code: the table `[classify]`.

::

    labels = ["regular", "irregular"]     # the first is what holds where nothing else is seen

    [inputs]
    signal = [1, 2, 1250]                 # batch, leads, samples: 10 s at 125 Hz

    [outputs]
    scores = [1, 2]

    [classify]
    on = "ecg"                            # or "frames"
    rate_hz = 125.0
    leads = ["II", "V1"]
    hop_s = 2.0
    begin = { irregular = 0.8 }
    end = { irregular = 0.6 }
    hold = 3
    alarm = ["irregular"]
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_Probability = Annotated[float, Meta(ge=0, le=1)]
_Name = Annotated[str, Meta(min_length=1, max_length=32)]
_Scale = Annotated[float, Meta(gt=0, le=1e9)]
_Offset = Annotated[float, Meta(ge=-1e9, le=1e9)]


class _Classifier(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="on"):
    """What both kinds have: how scores become labels, and which labels are told as alarms.

    `scores` is what the network gives: "probabilities", "logits" of which one is true (softmax), or "logits-each" of
    which any may be true (sigmoid). A label begins at `begin` (0.5 where not named), ends below `end` (as `begin`), and
    takes over after `hold` windows or frames that say so. `alarm` names labels that are the advisory alarm `ADVISORY`.
    """

    scores: Literal["probabilities", "logits", "logits-each"] = "probabilities"
    begin: dict[str, _Probability] = {}
    end: dict[str, _Probability] = {}
    hold: Annotated[int, Meta(ge=1, le=10_000)] = 1
    alarm: list[str] = []


class EcgClassifier(_Classifier, kw_only=True, frozen=True, forbid_unknown_fields=True, tag="ecg", tag_field="on"):
    """Windows of these leads, resampled to `rate_hz`, one each `hop_s`.

    `layout` is the order of the input after the batch. `band_hz` filters each window there and back (Butterworth of the
    second order). `normalise` "window" takes mean off and divides by the deviation of each lead, else mV are divided by
    `unit_mv`.
    """

    rate_hz: Annotated[float, Meta(ge=10, le=2000)]
    leads: Annotated[list[_Name], Meta(min_length=1, max_length=12)]
    hop_s: Annotated[float, Meta(gt=0, le=600)]
    layout: Literal["leads-first", "samples-first"] = "leads-first"
    band_hz: tuple[_Scale, _Scale] | None = None
    normalise: Literal["unit", "window"] = "unit"
    unit_mv: _Scale = 1.0


class FrameClassifier(_Classifier, kw_only=True, frozen=True, forbid_unknown_fields=True, tag="frames", tag_field="on"):
    """Frames scaled to the input's height and width, every `every`-th.

    `layout` is the order of the input after the batch. Grey values are put to 0..1 by the bits in use (`invert`: dense
    is bright), `mean` is taken off and the rest divided by `deviation`, one number or one a channel. `fit` "stretch"
    fills the input, "pad" keeps the aspect and leaves the rest 0 before `mean` and `deviation`.
    """

    layout: Literal["channels-first", "channels-last"] = "channels-first"
    fit: Literal["stretch", "pad"] = "stretch"
    invert: bool = False
    mean: Annotated[tuple[_Offset, ...], Meta(min_length=1, max_length=4)] = (0.0,)
    deviation: Annotated[tuple[_Scale, ...], Meta(min_length=1, max_length=4)] = (1.0,)
    every: Annotated[int, Meta(ge=1, le=10_000)] = 1
