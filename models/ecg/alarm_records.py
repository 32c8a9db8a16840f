"""Alarms of bedside monitors that experts judged true or false, with the evidence that the engine has at the alarm.

The recordings are those of the PhysioNet/CinC Challenge 2015 in the packing that begins 180 s late: the alarm is given
at second 120, and nothing later is read (the challenge's real-time rule).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heartwire.engine import registry
from heartwire.engine.alarms.verification import KINDS
from heartwire.engine.ecg.analyser import EcgAnalyser
from heartwire.engine.ecg.evidence import Evidence
from heartwire.engine.ecg.evidence_numbers import NAMES
from heartwire.engine.ecg.fibrillation import FibrillationDetector
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.engine.errors import SourceError
from heartwire.engine.inference import Model
from heartwire.engine.messages import EcgChunk

ALARM_S = 120.0
"""When the alarm is given; nothing after it may be used."""
_OF_CHALLENGE = {
    "Asystole": "ASYSTOLE",
    "Bradycardia": "EXTREME_BRADY",
    "Tachycardia": "EXTREME_TACHY",
    "Ventricular_Flutter_Fib": "VF",
    "Ventricular_Tachycardia": "VT",
}
_MESSAGE_MS = 10_000


@dataclass(frozen=True)
class JudgedAlarms:
    """Alarms: their records, conditions (numbers of `KINDS`), whether they are true, and the evidence.

    `evidence` is (n_alarms, n_names) float32, NaN for what is not there.
    """

    records: list[str]
    kinds: npt.NDArray[np.int64]
    true: npt.NDArray[np.bool_]
    evidence: npt.NDArray[np.float32]


def evidence_at_alarm(
    record: Path, models: tuple[Model, Model, Model, Model], settings: EcgSettings
) -> npt.NDArray[np.float32]:
    """Run the analyser up to the alarm; give the evidence as it is then, (n_names,)."""
    qrs, beats, vf, af = models
    fibrillation = FibrillationDetector(af, settings.fibrillation)
    analyser, evidence = EcgAnalyser(record.name, settings, qrs, beats, vf, fibrillation), Evidence()
    source = registry.source(record.name, {"kind": "wfdb", "record": str(record), "message_ms": _MESSAGE_MS})
    end_s = 0.0
    for item in source.open():
        if not isinstance(item, EcgChunk) or item.first_sample >= ALARM_S * item.rate_hz:
            break
        for step in analyser.steps(item):
            if step.sample < ALARM_S * step.rate_hz:
                evidence.step(step)
                end_s = step.sample / step.rate_hz
    return evidence.features(end_s)


def read_alarms(folder: Path, each: Callable[[str], None], records: int = 0) -> JudgedAlarms:
    """Read the challenge's records and the verdicts in `ALARMS`.

    Parameters
    ----------
    folder
        `cinc2015`.
    each
        Called with the name of each record before it is read.
    records
        How many to read, spread evenly; 0: all.

    Raises
    ------
    SourceError
        If the folder holds no challenge records.
    """
    listed = folder / "ALARMS"
    if not listed.is_file():
        msg = f"no file ALARMS in {folder}: give the folder that holds cinc2015 with --data"
        raise SourceError(msg)
    rows = [line.split(",") for line in listed.read_text().split()]
    if records:
        rows = rows[:: max(1, len(rows) // records)][:records]
    settings = EcgSettings()
    names = settings.qrs_model, settings.beat_model, settings.vf_model, settings.af_model
    qrs, beats, vf, af = (Model(name, provider="cpu") for name in names)
    evidence = np.empty((len(rows), len(NAMES)), np.float32)
    for i, (name, *_) in enumerate(rows):
        each(name)
        evidence[i] = evidence_at_alarm(folder / name, (qrs, beats, vf, af), settings)
    return JudgedAlarms(
        records=[row[0] for row in rows],
        kinds=np.array([KINDS.index(_OF_CHALLENGE[row[1]]) for row in rows]),
        true=np.array([row[2] == "1" for row in rows]),
        evidence=evidence,
    )
