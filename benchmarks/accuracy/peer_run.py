"""The peers on a record: the same window, the same record, the same machine and the same minute as the engine."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import wfdb

from heartwire.benchmarks.accuracy.annotated import Annotated
from heartwire.benchmarks.accuracy.beat_figures import (
    Errors,
    QrsFigures,
    Spread,
    errors,
    qrs_figures,
    spread,
)
from heartwire.benchmarks.accuracy.beat_score import Beats, BeatScore, score_beats
from heartwire.benchmarks.accuracy.engine_beats import EngineBeats, run_engine
from heartwire.benchmarks.accuracy.peers import Peer, Signal
from heartwire.engine.ecg.conditioning import GRID_HZ, Conditioner
from heartwire.engine.ecg.qrs import QRS_LOOKS_BACK, QrsDetector, RPeak
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.inference import Model
from heartwire.version import __version__

_PIECE_S = 10.0
OURS = "heartwire"
OURS_ONE_LEAD = "heartwire, first lead"
OURS_QRS = "heartwire, first lead, QRS alone"


class Detector(msgspec.Struct, kw_only=True):
    """What a detector is and how fast."""

    package: str
    leads: str
    timing: str
    times_real_time: float


class PeerFigures(Detector, kw_only=True):
    """One detector over all records; flutter not counted."""

    sets: dict[str, QrsFigures]
    errors_ms: Errors | None
    delay_ms: Spread | None
    f1: dict[str, float | None]
    """By record."""


@dataclass
class Runs:
    """What one detector did, record by record."""

    package: str
    leads: str
    timing: str
    scores: dict[str, BeatScore] = field(default_factory=dict)
    signal_s: float = 0.0
    work_s: float = 0.0

    @property
    def times_real_time(self) -> float:
        """How many seconds of signal were done in a second."""
        return self.signal_s / self.work_s if self.work_s else 0.0

    def figures(self, sets: Mapping[str, Iterable[str]]) -> PeerFigures:
        """Summarise."""
        total = BeatScore.total(self.scores.values())
        return PeerFigures(
            package=self.package,
            leads=self.leads,
            timing=self.timing,
            sets={title: qrs_figures(self.scores[n] for n in names) for title, names in sets.items()},
            errors_ms=errors(total.errors_ms),
            delay_ms=spread(total.delays_ms),
            times_real_time=self.times_real_time,
            f1={name: score.qrs.f1 for name, score in self.scores.items()},
        )


def begin_runs(peers: Sequence[Peer]) -> dict[str, Runs]:
    """Begin the account of the engine with both leads, with one, with one and detection alone; and of each peer."""
    ours = f"heartwire {__version__}"
    runs = {
        OURS: Runs(ours, "2", "causal, all of the engine"),
        OURS_ONE_LEAD: Runs(ours, "1", "causal, all of the engine"),
        OURS_QRS: Runs(ours, "1", "causal, conditioning and QRS network alone, as the peers do no more"),
    }
    return runs | {peer.name: Runs(peer.version, "1", peer.timing) for peer in peers}


def run_peers(
    record: Path,
    reference: Annotated,
    engine: EngineBeats,
    peers: Sequence[Peer],
    runs: Mapping[str, Runs],
) -> Iterator[str]:
    """Run all detectors but the engine itself on a record and add to their accounts; give each name when it is done.

    Parameters
    ----------
    record
        Path without suffix.
    reference
        Its reference; what is in its flutter does not count.
    engine
        What the engine found, with all leads.
    peers
        The peers.
    runs
        As `begin_runs` gives them.
    """

    def account(name: str, found: Beats, work_s: float) -> None:
        run = runs[name]
        run.scores[record.name] = score_beats(reference.beats, found, reference.rate_hz, left_out=reference.flutter)
        run.signal_s += reference.n_samples / reference.rate_hz
        run.work_s += work_s

    account(OURS, engine.confirmed, engine.work_s)
    first_lead = wfdb.rdheader(str(record)).sig_name[0]
    alone = run_engine(record, leads=(first_lead,))
    account(OURS_ONE_LEAD, alone.confirmed, alone.work_s)
    yield OURS_ONE_LEAD
    signal = np.ascontiguousarray(wfdb.rdrecord(str(record), channels=[0]).p_signal[:, 0])
    account(OURS_QRS, *detect_qrs(signal, reference.rate_hz))
    yield OURS_QRS
    for peer in peers:
        begin_s = time.perf_counter()
        samples = peer.detect(signal, reference.rate_hz)
        work_s = time.perf_counter() - begin_s
        found = Beats.unclassed(samples)
        if peer.decided_after is not None:
            found = found._replace(decisions=samples + peer.decided_after)
        account(peer.name, found, work_s)
        yield peer.name


def detect_qrs(signal: Signal, rate_hz: float) -> tuple[Beats, float]:
    """Condition one lead and find its R peaks, nothing else; give them and the seconds that it took."""
    detector = QrsDetector(Model(EcgSettings().qrs_model, provider="cpu"), Tail(QRS_LOOKS_BACK, 2))
    grid = Conditioner(rate_hz, 1)
    begin_s = time.perf_counter()
    peaks: list[RPeak] = []
    for first in range(0, len(signal), round(_PIECE_S * rate_hz)):
        piece = signal[first : first + round(_PIECE_S * rate_hz), None].astype(np.float32)
        lead = grid.process(piece).samples
        peaks += [peak for peak in detector.process(np.hstack((lead, np.zeros_like(lead)))) if peak.confirmed]
    work_s = time.perf_counter() - begin_s
    samples = np.array([grid.source_sample(peak.at) for peak in peaks], np.int64)
    decisions = np.array([int(peak.decided_at * rate_hz / GRID_HZ) for peak in peaks], np.int64)
    return Beats.unclassed(samples)._replace(decisions=decisions), work_s
