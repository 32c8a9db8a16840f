"""Training of the verdict on alarms: the challenge's 500 alarms, evidence as the engine has it, a forest, its card."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import Progress
from sklearn.model_selection import StratifiedKFold

from heartwire.engine.alarms.verification import INPUTS, KINDS
from heartwire.models.catalogue import ModelCard
from heartwire.models.ecg.alarm_forest import fit, probabilities, write
from heartwire.models.ecg.alarm_records import JudgedAlarms, read_alarms
from heartwire.models.export import write_card

NAME = "ecg-alarms"
FOLDS = 5
LEAST_TRUTH = 1.0 / (1.0 + 4.0 * 0.85 + 1.0)
"""Where an alarm given and an alarm withheld cost alike at a challenge score of 0.85: a miss takes one from the upper
and adds four to the lower side of the score, a false alarm takes one from the upper."""


def folds(alarms: JudgedAlarms, seed: int) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Cut the records into folds, each with its share of every condition, true and false: (fitted, tested)."""
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Of the true alarms for VF there are fewer than folds.
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(alarms.evidence, alarms.kinds * 2 + alarms.true))


def out_of_fold(alarms: JudgedAlarms, seed: int) -> npt.NDArray[np.float64]:
    """Judge every alarm with the forest of the fold that has not seen it, (n_alarms,)."""
    p = np.empty(len(alarms.true))
    for fitted, tested in folds(alarms, seed):
        forest = fit(alarms.kinds[fitted], alarms.evidence[fitted], alarms.true[fitted], seed=seed)
        p[tested] = probabilities(forest, alarms.kinds[tested], alarms.evidence[tested])
    return p


def train(data: Path, out: Path, *, seed: int = 1, minutes: float = 45.0, small: bool = False) -> Path:
    """Read the alarms, fit a forest on all of them, write it with its card.

    Parameters
    ----------
    data
        Folder that holds `cinc2015`.
    out
        Where `ecg-alarms.onnx` goes.
    seed
        Seed of everything random.
    minutes
        Not used: reading takes three minutes, fitting seconds.
    small
        A tenth of the records.

    Returns
    -------
    Path of the .onnx file.
    """
    del minutes
    with Progress() as progress:
        task = progress.add_task("alarms", total=None)
        alarms = read_alarms(
            data / "cinc2015",
            lambda name: progress.update(task, advance=1, description=f"alarms {name}"),
            records=50 if small else 0,
        )
    path = out / f"{NAME}.onnx"
    write(fit(alarms.kinds, alarms.evidence, alarms.true, seed=seed), path)
    card = ModelCard(
        name=NAME,
        version="1",
        task="Whether an alarm is true, from beats, signal quality, VT/VF windows and pulses of the last 16 s",
        sha256="",
        inputs={"evidence": [-1, len(INPUTS)]},
        outputs={"truth": [-1, 1]},
        labels=list(KINDS),
        settings={"least_truth": round(LEAST_TRUTH, 4)},
        data=[f"PhysioNet/CinC Challenge 2015 training set 1.0.0 ({len(alarms.records)} alarms, up to the alarm)"],
        split="trained on all of them; `heartwire evaluate cinc2015` cross-validates by record",
        seed=seed,
        command=f"heartwire train alarms --data DATA --seed {seed}" + (" --small" if small else ""),
        metrics={"alarms": float(len(alarms.records)), "true_alarms": float(alarms.true.sum())},
        intended_use="Withholding false alarms of streams with a pulse, in a research or development setting; "
        "not a medical device.",
        limits="Adults in intensive care, alarms of three makers' monitors. Only 4 of the alarms for VF are true. "
        "Its numbers rest on the other ECG models: train it anew where those change.",
    )
    write_card(card, path)
    return path
