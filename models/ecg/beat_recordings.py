"""What the beat model learns from: recordings with the beats that the QRS model finds in them, and their classes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import wfdb

from heartwire.engine.ecg.beat_context import contexts
from heartwire.engine.ecg.slots import QrsSettings, SlotDecoder
from heartwire.models.ecg import train_qrs
from heartwire.models.ecg.beat_sequences import SequenceMaker
from heartwire.models.ecg.matching import WINDOW_S, match_beats
from heartwire.models.ecg.noisy import with_bursts
from heartwire.models.ecg.qrs_network import QrsNetwork
from heartwire.models.ecg.recordings import Noise, Recording, condition, read_recording

_N_BEATS = 80
_CINC_SHARE = 0.5
_FIBRILLATING_SHARE = 3.0
_NOISY_SHARE = 0.4
_USUAL = 0.8
"""A beat of a fibrillating recording whose QRS is less like the usual one than this is not asked for: it may be V."""
_WINDOW = WINDOW_S * 250


class BeatRecordings(NamedTuple):
    """Annotated records, their extensions, the records with bursts of noise; recordings of the CinC 2017 challenge."""

    main: dict[str, Recording]
    extensions: dict[str, Recording]
    bursts: dict[str, Recording]
    cinc: list[Recording]

    def maker(self, noise: list[Noise], seed: int) -> SequenceMaker:
        """Make what draws sequences of them all."""
        annotated, noisy = [*self.main.values(), *self.extensions.values()], [*self.bursts.values()]
        shares = _shares(annotated, noisy, self.cinc)
        return SequenceMaker([*annotated, *noisy, *self.cinc], shares, noise, n_beats=_N_BEATS, seed=seed)


def read_beats(
    data: Path,
    names: Sequence[str],
    network: QrsNetwork,
    settings: QrsSettings,
    noise: list[Noise],
    *,
    seed: int,
    small: bool,
) -> BeatRecordings:
    """Read these records of MIT-BIH and what goes with them; `small` leaves out most of the latter."""
    records = {name: read_recording(data / "mitdb" / name) for name in names}
    paths = {name: data / "mitdb" / "x_mitdb" / f"x_{name}" for name in (() if small else names)}
    extensions = {name: read_recording(path) for name, path in paths.items() if path.with_suffix(".hea").is_file()}
    random = np.random.default_rng(seed)
    bursts = {name: with_bursts(record, noise, random) for name, record in records.items()}
    main, extensions, bursts = (
        {name: detected(record, network, settings) for name, record in group.items()}
        for group in (records, extensions, bursts)
    )
    cinc = read_cinc2017(data / "cinc2017", network, settings, most=4 if small else None)
    return BeatRecordings(main, extensions, bursts, cinc)


def detected(recording: Recording, network: QrsNetwork, settings: QrsSettings) -> Recording:
    """Give the recording with the beats that the QRS model finds.

    What no reference is near is taken for N, as nothing may rest on it; within flutter it has no class, -1.
    """
    signal = recording.signal[:, :2]
    if signal.shape[1] == 1:
        signal = np.concatenate((signal, np.zeros_like(signal)), axis=1)
    qrs = train_qrs.run(network, signal)
    found = np.array([peak.at for peak in SlotDecoder(settings).decode(qrs) if peak.confirmed])
    classes = np.zeros(len(found), np.int64)
    for begin, end in recording.flutter:
        classes[(found >= begin) & (found <= end)] = -1
    partner = match_beats(recording.beats, found, window=_WINDOW)
    classes[partner[partner >= 0]] = recording.classes[partner >= 0]
    return replace(recording, beats=found, classes=classes)


def read_cinc2017(folder: Path, network: QrsNetwork, settings: QrsSettings, *, most: int | None) -> list[Recording]:
    """Read the normal and fibrillating recordings of even number; beats that look usual are taken to be N."""
    recordings: list[Recording] = []
    with (folder / "REFERENCE-v3.csv").open() as table:
        rows = [(name, label) for name, label in csv.reader(table) if label in "NA" and int(name[1:]) % 2 == 0]
    for name, label in rows[:most]:
        record = wfdb.rdrecord(str(folder / name))
        rhythm = [(0.0, "AFIB" if label == "A" else "N")]
        conditioned = condition(record.p_signal, record.fs)
        signal = conditioned.samples
        empty = Recording(
            name, signal, conditioned.sharp, np.empty(0), np.empty(0, np.int64), [], rhythm, 250.0 / record.fs
        )
        found = detected(empty, network, settings)
        classes = np.zeros(len(found.beats), np.int64)
        if label == "A":
            leads = found.rows(np.arange(2), 0, len(signal))
            classes[contexts(leads, found.beats)[1][:, 9] < _USUAL] = -1
        recordings.append(replace(found, classes=classes))
    return recordings


def _shares(annotated: list[Recording], noisy: list[Recording], cinc: list[Recording]) -> npt.NDArray[np.float64]:
    """Say how often each recording is drawn."""
    own = np.array([len(r.beats) ** 0.5 for r in annotated] + [_NOISY_SHARE * len(r.beats) ** 0.5 for r in noisy])
    if not cinc:
        return own
    other = np.array([_FIBRILLATING_SHARE if r.rhythms[0][1] == "AFIB" else 1.0 for r in cinc])
    return np.concatenate((own / own.sum() * (1 - _CINC_SHARE), other / other.sum() * _CINC_SHARE))
