"""Recordings as rows of beats with their rhythm: those that the engine tells of a signal, or those of an annotation."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import wfdb
from rich.progress import track

from heartwire.engine import registry
from heartwire.engine.ecg.analyser import EcgAnalyser
from heartwire.engine.ecg.fibrillation import FibrillationDetector
from heartwire.engine.ecg.last_beats import CHANNELS, KINDS, OTHER, Array, Kinds, thinned
from heartwire.engine.ecg.rhythm_state import UNKNOWN, RhythmState
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.engine.inference import Model
from heartwire.engine.messages import Beat
from heartwire.engine.stacking import Asking
from heartwire.models.ecg.recordings import rhythm_changes

N_FOLDS = 5


@dataclass(frozen=True)
class ToldBeats:
    """The beats of one recording.

    `at_s` are R peaks in seconds, `kinds` those of `last_beats`, `waves` (n_beats, CHANNELS, P_POINTS) or None where
    there is no signal, `fibrillates` tells which beats belong to atrial fibrillation. `fold` tests the recording.
    """

    name: str
    at_s: npt.NDArray[np.float64]
    kinds: Kinds
    waves: Array | None
    fibrillates: npt.NDArray[np.bool_]
    fold: int

    @property
    def rr_s(self) -> Array:
        """Seconds since the beat before, 0 for the first."""
        return np.diff(self.at_s, prepend=self.at_s[:1]).astype(np.float32)


def within(at_s: npt.NDArray[np.float64], changes: Iterable[tuple[float, str]], label: str) -> npt.NDArray[np.bool_]:
    """Tell which times lie in a rhythm; `changes` are the (begin in seconds, label) of each, in order."""
    inside = np.zeros(len(at_s), np.bool_)
    for begin_s, name in changes:
        inside[np.searchsorted(at_s, begin_s) :] = name == label
    return inside


def read_afdb(folder: Path) -> list[ToldBeats]:
    """Read the records of afdb, one patient each: beats from .qrs, rhythms from .atr."""
    found = []
    for n, path in enumerate(sorted(folder.glob("*.qrs"))):
        record = path.with_suffix("")
        at_s = np.asarray(wfdb.rdann(str(record), "qrs").sample) / float(wfdb.rdheader(str(record)).fs)
        inside = within(at_s, rhythm_changes(record), "AFIB")
        found.append(ToldBeats(record.name, at_s, np.full(len(at_s), OTHER, np.uint8), None, inside, n % N_FOLDS))
    return found


def cinc2017_labels(folder: Path) -> dict[str, str]:
    """Read the label of each recording of cinc2017: N, A (fibrillation), O (other), ~ (noise)."""
    with (folder / "REFERENCE-v3.csv").open(newline="") as rows:
        return {name: label for name, label in csv.reader(rows) if (folder / f"{name}.hea").is_file()}


def cinc2017_fold(name: str) -> int:
    """Give the fold that tests a recording of cinc2017."""
    return int(name[1:]) % N_FOLDS


def read_cinc2017(folder: Path, *, every: int = 1) -> list[ToldBeats]:
    """Let the engine tell the beats of the recordings of cinc2017, those marked as noise left out."""
    models = [Model(name, provider="cpu", threads=1) for name in ("ecg-qrs", "ecg-beats", "ecg-vf")]
    labels = [(name, label) for name, label in sorted(cinc2017_labels(folder).items()) if label != "~"][::every]
    found = []
    for name, label in track(labels, "cinc2017 through the engine"):
        at_s, kinds, waves = _told(folder / name, models)
        inside = np.full(len(at_s), label == "A")
        found.append(ToldBeats(name, at_s, kinds, waves, inside, cinc2017_fold(name)))
    return found


class _Keeper(FibrillationDetector):
    """Keeps what a fibrillation detector is told."""

    def __init__(self) -> None:
        self.beats: list[tuple[int, str, Array]] = []

    def beat(self, beat: Beat, rate_hz: float, wave: Array) -> Asking[RhythmState]:  # noqa: ARG002
        if beat.stage == "confirmed":
            self.beats.append((beat.sample, beat.label, thinned(wave[:CHANNELS])))
        elif self.beats and self.beats[-1][0] == beat.sample:
            self.beats[-1] = (beat.sample, beat.label, self.beats[-1][2])
        return RhythmState(UNKNOWN, 0)
        yield

    def reset(self) -> None:
        pass

    def interrupt(self) -> None:
        pass


def _told(record: Path, models: list[Model]) -> tuple[npt.NDArray[np.float64], Kinds, Array]:
    """Let the engine tell the beats of a record: seconds, kinds, waves."""
    keeper = _Keeper()
    qrs_model, beat_model, vf_model = models
    analyser = EcgAnalyser(record.name, EcgSettings(), qrs_model, beat_model, vf_model, keeper)
    rate_hz = float(wfdb.rdheader(str(record)).fs)
    source = registry.source(record.name, {"kind": "wfdb", "record": str(record), "message_ms": 10_000})
    for item in source.open():
        for _ in analyser.process(item):
            pass
    samples, labels, waves = zip(*keeper.beats, strict=True) if keeper.beats else ((), (), ())
    kinds = np.array([KINDS.get(label, OTHER) for label in labels], np.uint8)
    return np.array(samples, np.float64) / rate_hz, kinds, np.array(waves, np.float32)
