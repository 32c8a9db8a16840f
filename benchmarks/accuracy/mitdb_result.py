"""The evaluation on the MIT-BIH Arrhythmia Database, as it is written to `result.json`."""

from __future__ import annotations

import msgspec

from heartwire.benchmarks.accuracy.beat_figures import ClassFigures, Errors, QrsFigures, Spread
from heartwire.benchmarks.accuracy.lookahead import LookaheadPoint
from heartwire.benchmarks.accuracy.network_cost import NetworkCost
from heartwire.benchmarks.accuracy.peer_run import PeerFigures

WHOLE = "whole records"
LEARNED = "first 5 min left out"
WITH_FLUTTER = "whole records, flutter counted"
REGIMES = (WHOLE, LEARNED, WITH_FLUTTER)


class Histogram(msgspec.Struct, kw_only=True):
    """Counts between edges; what lies outside is in the first or last bin."""

    edges: list[float]
    counts: list[int]


class StageFigures(msgspec.Struct, kw_only=True):
    """Beats of one stage, scored on their own; `qrs` by regime, then by set of records."""

    qrs: dict[str, dict[str, QrsFigures]]
    delay_ms: Spread | None
    errors_ms: Errors | None
    delays: Histogram
    errors: Histogram


class RecordFigures(msgspec.Struct, kw_only=True):
    """One record: whole, flutter not counted."""

    qrs: QrsFigures
    provisional: QrsFigures
    delay_ms: Spread | None
    errors_ms: Errors | None
    immediate: dict[str, ClassFigures]
    revised: dict[str, ClassFigures]


class CrossCheck(msgspec.Struct, kw_only=True):
    """Our counts less those of `wfdb.processing.compare_annotations`, whole record, flutter counted."""

    tp: int
    fn: int
    fp: int


class MitdbResult(msgspec.Struct, kw_only=True):
    """The whole evaluation.

    `classes` are by labelling (immediate, revised), then by set of records, then by class; `confusion` by labelling,
    over DS2, rows the reference. `beats` are the reference beats of each class by set of records.
    """

    environment: dict[str, str]
    window_ms: float
    records: list[str]
    beats: dict[str, dict[str, int]]
    stages: dict[str, StageFigures]
    classes: dict[str, dict[str, dict[str, ClassFigures]]]
    confusion: dict[str, list[list[int]]]
    per_record: dict[str, RecordFigures]
    cross_check: dict[str, CrossCheck]
    lookahead: list[LookaheadPoint]
    costs: list[NetworkCost]
    peers: dict[str, PeerFigures]
    peers_absent: list[str]
    times_real_time: float
