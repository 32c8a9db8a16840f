"""The engine and the peers on the MIT-BIH Noise Stress Test Database: detection against signal-to-noise ratio.

Records 118 and 119 with electrode motion added from the fifth minute on, two minutes with and two without by turns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich.progress import Progress

from heartwire.benchmarks.accuracy.annotated import Annotated, read_annotated, records_in
from heartwire.benchmarks.accuracy.beat_figures import QrsFigures, Spread, qrs_figures, spread
from heartwire.benchmarks.accuracy.beat_score import BeatScore, score_beats
from heartwire.benchmarks.accuracy.engine_beats import EngineBeats, run_engine
from heartwire.benchmarks.accuracy.mitdb_result import LEARNED, WHOLE
from heartwire.benchmarks.accuracy.peer_run import Detector, begin_runs, run_peers
from heartwire.benchmarks.accuracy.peers import installed_peers
from heartwire.benchmarks.environment import environment
from heartwire.models.ecg.matching import WINDOW_S

BOTH = "118 and 119"
_NAME = re.compile(r"(\d{3})e(_?)(\d+)")


class NoisePoint(msgspec.Struct, kw_only=True):
    """One stage at one signal-to-noise ratio; figures by `118`, `119` and both."""

    snr_db: int
    qrs: dict[str, QrsFigures]
    delay_ms: Spread | None


class MaskedPoint(msgspec.Struct, kw_only=True):
    """Confirmed beats where the engine's own signal quality does not say that it cannot be trusted."""

    snr_db: int
    masked_share: float
    qrs: QrsFigures


class PeerCurve(Detector, kw_only=True):
    """One detector over the ratios, both records, whole."""

    qrs: dict[int, QrsFigures]


class NstdbResult(msgspec.Struct, kw_only=True):
    """The whole evaluation; `stages` by stage, then by regime, the highest ratio first."""

    environment: dict[str, str]
    window_ms: float
    records: list[str]
    stages: dict[str, dict[str, list[NoisePoint]]]
    masked: list[MaskedPoint]
    peers: dict[str, PeerCurve]
    peers_absent: list[str]


@dataclass
class _Record:
    """One record's scores by stage and regime, and with the mask."""

    patient: str
    snr_db: int
    scores: dict[str, dict[str, BeatScore]]
    masked: BeatScore
    masked_samples: float
    n_samples: int


@dataclass
class _Noise:
    records: list[_Record] = field(default_factory=list)

    def ratios(self) -> list[int]:
        return sorted({record.snr_db for record in self.records}, reverse=True)

    def at(self, snr_db: int) -> list[_Record]:
        return [record for record in self.records if record.snr_db == snr_db]

    def told(self, stage: str) -> bool:
        return stage == "confirmed" or any(r.scores[stage][WHOLE].confusion[:, :-1].any() for r in self.records)

    def point(self, stage: str, regime: str, snr_db: int) -> NoisePoint:
        scores = {record.patient: record.scores[stage][regime] for record in self.at(snr_db)}
        qrs = {patient: qrs_figures([score]) for patient, score in scores.items()}
        qrs[BOTH] = qrs_figures(scores.values())
        return NoisePoint(snr_db=snr_db, qrs=qrs, delay_ms=spread(BeatScore.total(scores.values()).delays_ms))

    def masked_point(self, snr_db: int) -> MaskedPoint:
        there = self.at(snr_db)
        return MaskedPoint(
            snr_db=snr_db,
            masked_share=sum(r.masked_samples for r in there) / sum(r.n_samples for r in there),
            qrs=qrs_figures(r.masked for r in there),
        )


def read_name(name: str) -> tuple[str, int]:
    """Give the patient's record and the signal-to-noise ratio in dB of a record such as `118e_6`."""
    match = _NAME.fullmatch(name)
    if match is None:
        msg = f"record {name}: not named as in the noise stress test database, 118e24 or 119e_6"
        raise ValueError(msg)
    patient, minus, ratio = match.groups()
    return patient, -int(ratio) if minus else int(ratio)


def _score(reference: Annotated, found: EngineBeats) -> _Record:
    patient, snr_db = read_name(reference.name)
    regimes: dict[str, list[tuple[float, float]]] = {WHOLE: [], LEARNED: [reference.learning]}
    rate_hz, beats = reference.rate_hz, reference.beats
    return _Record(
        patient=patient,
        snr_db=snr_db,
        scores={
            stage: {regime: score_beats(beats, told, rate_hz, left_out=out) for regime, out in regimes.items()}
            for stage, told in (("provisional", found.provisional), ("confirmed", found.confirmed))
        },
        masked=score_beats(beats, found.confirmed, rate_hz, left_out=found.masked),
        masked_samples=sum(end - begin + 1.0 for begin, end in found.masked),
        n_samples=reference.n_samples,
    )


def _by_ratio(scores: Mapping[str, BeatScore], ratios: Iterable[int]) -> dict[int, QrsFigures]:
    return {
        ratio: qrs_figures(score for name, score in scores.items() if read_name(name)[1] == ratio) for ratio in ratios
    }


def evaluate(
    data: Path, progress: Progress, *, records: Sequence[str] = (), peers: bool = True, keep: Path | None = None
) -> NstdbResult:
    """Run every noisy record through the engine and the peers.

    Parameters
    ----------
    data
        Folder that holds `nstdb`.
    progress
        To show how far it is.
    records
        Those to take; empty: all.
    peers
        Whether to run the peers that are installed.
    keep
        Folder for the engine's annotations.

    Raises
    ------
    SourceError
        If the folder holds no records, or not those wanted.
    """
    paths = records_in(data / "nstdb", "???e*.hea", list(records))
    here, absent = installed_peers()
    runs = begin_runs(here) if peers else {}
    noise = _Noise()
    task = progress.add_task("records", total=len(paths))
    for path in paths:
        progress.update(task, description=f"{path.name} engine")
        reference = read_annotated(path)
        found = run_engine(path, keep=keep)
        noise.records.append(_score(reference, found))
        if peers:
            for name in run_peers(path, reference, found, here, runs):
                progress.update(task, description=f"{path.name} {name}")
        progress.advance(task)
    ratios = noise.ratios()
    return NstdbResult(
        environment=environment(),
        window_ms=WINDOW_S * 1e3,
        records=[path.name for path in paths],
        stages={
            stage: {regime: [noise.point(stage, regime, ratio) for ratio in ratios] for regime in (WHOLE, LEARNED)}
            for stage in ("provisional", "confirmed")
            if noise.told(stage)
        },
        masked=[noise.masked_point(ratio) for ratio in ratios],
        peers={
            name: PeerCurve(
                package=run.package,
                leads=run.leads,
                timing=run.timing,
                qrs=_by_ratio(run.scores, ratios),
                times_real_time=run.times_real_time,
            )
            for name, run in runs.items()
        },
        peers_absent=absent if peers else [],
    )
