"""`heartwire train beats`: the QRS model, then the beat model on the beats that it finds.

The beat model is fitted on all of DS1 of the MIT-BIH Arrhythmia Database and on normal and fibrillating recordings of
the CinC 2017 challenge (even record numbers), with rhythms and pacing made from them. The weights of the classes are
chosen on DS1 by cross-validation over patients. DS2 and the paced records are never read.
"""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import wfdb
from torch import nn

from heartwire.engine.ecg.beat_context import CHANNELS, FEATURES, WIDTH, contexts
from heartwire.engine.ecg.slots import QrsSettings, SlotDecoder
from heartwire.models.catalogue import ModelCard, read_card
from heartwire.models.ecg import train_qrs
from heartwire.models.ecg.beat_network import CLASSES, BeatEnsemble, BeatNetwork
from heartwire.models.ecg.beat_sequences import SequenceMaker
from heartwire.models.ecg.fitting import Recipe, fit
from heartwire.models.ecg.matching import WINDOW_S, match_beats
from heartwire.models.ecg.noisy import with_bursts
from heartwire.models.ecg.qrs_network import QrsNetwork
from heartwire.models.ecg.recordings import DS1, Noise, Recording, condition, read_noise, read_recording
from heartwire.models.export import export, shapes_of, write_card

NAME = "ecg-beats"
FOLDS = (
    ("209", "101", "114", "119", "215", "205"),
    ("118", "203", "106", "109", "115", "230"),
    ("220", "207", "108", "116", "122"),
    ("223", "201", "112", "124", "208"),
)
"""DS1 in four parts for cross-validation, the patients with many S beats apart; no patient is in two."""
_MEMBERS = 3
_N_BEATS = 80
_BATCH = 24
_RECIPE = Recipe(rate=3e-3, warm_up=50, decay=2e-2, average=0.998)
_LOSS_WEIGHTS = (1.0, 1.5, 1.5, 1.0, 1.0)
_CINC_SHARE = 0.5
_FIBRILLATING_SHARE = 3.0
_NOISY_SHARE = 0.4
_USUAL = 0.8
"""A beat of a fibrillating recording whose QRS is less like the usual one than this is not asked for: it may be V."""
_WINDOW = WINDOW_S * 250
_GRID = (0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.0, 1.25, 1.8)
_SHARE_QRS, _SHARE_FOLDS, _SHARE_MEMBERS = 0.25, 0.125, 0.625
"""Of the training time: the QRS model, the folds that choose the weights of the classes, the members that ship."""


class Told(NamedTuple):
    """A recording's beats: true class, immediate and revised probabilities, (n_beats, 5) each."""

    truth: npt.NDArray[np.int64]
    immediate: npt.NDArray[np.float32]
    revised: npt.NDArray[np.float32]


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


def fit_beats(maker: SequenceMaker, *, seed: int, minutes: float, batch: int, title: str) -> tuple[BeatNetwork, int]:
    """Fit a network for so many minutes; give its averaged weights and the number of steps made."""
    criterion = nn.CrossEntropyLoss(weight=torch.tensor(_LOSS_WEIGHTS), ignore_index=-1, label_smoothing=0.02)

    def loss_of(network: BeatNetwork) -> torch.Tensor:
        drawn = maker.batch(batch)
        label = torch.from_numpy(drawn.label)
        now, before = network.sequence(torch.from_numpy(drawn.wave), torch.from_numpy(drawn.features))
        immediate: torch.Tensor = criterion(now.flatten(0, 1), label.flatten())
        return immediate + criterion(before.flatten(0, 1), label[:, :-1].flatten())

    return fit(BeatNetwork, loss_of, _RECIPE, seed=seed, minutes=minutes, title=title)


def tell(network: BeatNetwork, recording: Recording) -> Told:
    """Class every beat of a recording."""
    wave, features = contexts(recording.rows(np.arange(2), 0, len(recording.signal)), recording.beats)
    with torch.no_grad():
        now, before = network.sequence(torch.from_numpy(wave)[None], torch.from_numpy(features)[None])
        immediate, revised = (torch.softmax(raw[0], 1).numpy() for raw in (now, before))
    return Told(recording.classes, immediate, np.concatenate((revised, immediate[-1:])))


def f1(truth: npt.NDArray[np.int64], p: npt.NDArray[np.float32], weights: npt.ArrayLike, kind: int) -> float:
    """Score one class among the beats that have one."""
    said = (p * np.asarray(weights))[truth >= 0].argmax(axis=1)
    truth = truth[truth >= 0]
    hit = int(((truth == kind) & (said == kind)).sum())
    return 2 * hit / max(int((truth == kind).sum() + (said == kind).sum()), 1)


def choose_weights(told: list[Told]) -> tuple[dict[str, float], dict[str, float]]:
    """Choose the weights of S and V for both verdicts; give them as a card's settings, and the figures reached."""
    truth = np.concatenate([t.truth for t in told])
    settings: dict[str, float] = {}
    figures: dict[str, float] = {}
    for when in ("immediate", "revised"):
        p = np.concatenate([getattr(t, when) for t in told])
        weights = np.ones(len(CLASSES))
        for kind in (2, 1):
            scores = []
            for tried in _GRID:
                weights[kind] = tried
                scores.append(f1(truth, p, weights, kind))
            near = [tried for tried, score in zip(_GRID, scores, strict=True) if score >= max(scores) - 0.005]
            weights[kind] = min(near, key=lambda tried: abs(math.log(tried)))
        settings |= {f"{when}_weight_{name}": float(w) for name, w in zip(CLASSES, weights, strict=True)}
        figures |= {
            f"ds1_folds_{when}_{name}_f1": round(f1(truth, p, weights, CLASSES.index(name)), 4) for name in "SV"
        }
    return settings, figures


def write(
    members: list[BeatNetwork],
    settings: dict[str, float],
    metrics: dict[str, float],
    out: Path,
    *,
    seed: int,
    command: str,
) -> Path:
    """Export the ensemble and write its card; give the path of the weights."""
    ensemble = BeatEnsemble(members).eval()
    inputs = {
        "wave": torch.zeros(2, CHANNELS, 1, WIDTH),
        "features": torch.zeros(2, FEATURES),
        "state_0": torch.zeros(2, ensemble.state_width),
    }
    outputs = {
        "immediate": torch.zeros(2, len(CLASSES)),
        "revised": torch.zeros(2, len(CLASSES)),
        "next_state_0": inputs["state_0"],
    }
    path = out / f"{NAME}.onnx"
    export(ensemble, path, inputs, list(outputs))
    card = ModelCard(
        name=NAME,
        version="2",
        task="AAMI class of each beat in the context of the patient's own: at once, and revised at the next R",
        sha256="",
        inputs=shapes_of(inputs),
        outputs=shapes_of(outputs),
        labels=list(CLASSES),
        settings=settings,
        data=[
            "MIT-BIH Arrhythmia Database 1.0.0 (DS1, first 30 minutes and the extensions of its patients)",
            "PhysioNet/CinC Challenge 2017 training set 1.0.0 (N and A records of even number; rhythm labels only)",
            "MIT-BIH Noise Stress Test Database 1.0.0 (bw, ma, first half of em)",
        ],
        split=(
            "DS1: weights, and by cross-validation over patients weights of the classes; "
            "DS2: unread; paced: in no weight, looked at for how spikes are told"
        ),
        seed=seed,
        command=command,
        metrics=metrics,
        intended_use="Beat classes for rhythm warnings in a research or development setting; not a medical device.",
        limits=(
            "Adults, ambulatory two-lead recordings. Supraventricular ectopy was learned from few patients and from "
            "rhythms made of sinus beats; in atrial flutter and nodal rhythms its calls mean little. Paced beats were "
            "learned from drawn pacing spikes: a pacemaker whose spikes do not show gives N or V."
        ),
    )
    write_card(card, path)
    return path


def _shares(annotated: list[Recording], noisy: list[Recording], cinc: list[Recording]) -> npt.NDArray[np.float64]:
    """Say how often each recording is drawn."""
    own = np.array([len(r.beats) ** 0.5 for r in annotated] + [_NOISY_SHARE * len(r.beats) ** 0.5 for r in noisy])
    if not cinc:
        return own
    other = np.array([_FIBRILLATING_SHARE if r.rhythms[0][1] == "AFIB" else 1.0 for r in cinc])
    return np.concatenate((own / own.sum() * (1 - _CINC_SHARE), other / other.sum() * _CINC_SHARE))


def train(data: Path, out: Path, *, seed: int = 1, minutes: float = 190.0, small: bool = False) -> Path:
    """Train both models: read the recordings, fit, choose thresholds, export and write the cards.

    Parameters
    ----------
    data
        Folder that holds `mitdb`, `nstdb`, `ludb` and `cinc2017`.
    out
        Where weights and cards go.
    seed
        Seed of everything random.
    minutes
        How long to fit, in all.
    small
        A few records and seconds: proves the road, not the model.

    Returns
    -------
    Path of the beat model's .onnx file.
    """
    command = f"heartwire train beats --data DATA --seed {seed} " + ("--small" if small else f"--minutes {minutes:g}")
    noise = read_noise(data)
    minutes = 0.6 if small else minutes
    of_qrs = minutes * _SHARE_QRS
    path, network = train_qrs.train(data, out, noise, seed=seed, minutes=of_qrs, small=small, command=command)
    settings = QrsSettings.from_card(read_card(path).settings)
    return train_classes(data, out, network, settings, noise, seed=seed, minutes=minutes, small=small, command=command)


def train_classes(
    data: Path,
    out: Path,
    qrs: QrsNetwork,
    qrs_settings: QrsSettings,
    noise: list[Noise],
    *,
    seed: int,
    minutes: float,
    small: bool,
    command: str,
) -> Path:
    """Train the beat model on the beats that a QRS model finds; give the path of its weights."""
    names = ("209", "119", "223") if small else DS1
    folds = (("119",), ("223",)) if small else FOLDS
    batch = 2 if small else _BATCH
    main = {name: detected(read_recording(data / "mitdb" / name), qrs, qrs_settings) for name in names}
    paths = {name: data / "mitdb" / "x_mitdb" / f"x_{name}" for name in (() if small else names)}
    extensions = {
        name: detected(read_recording(path), qrs, qrs_settings)
        for name, path in paths.items()
        if path.with_suffix(".hea").is_file()
    }
    random = np.random.default_rng(seed)
    bursts = {
        name: detected(with_bursts(read_recording(data / "mitdb" / name), noise, random), qrs, qrs_settings)
        for name in names
    }
    cinc = read_cinc2017(data / "cinc2017", qrs, qrs_settings, most=4 if small else None)

    def maker(left_out: tuple[str, ...], of_seed: int) -> SequenceMaker:
        kept = [r for group in (main, extensions) for name, r in group.items() if name not in left_out]
        noisy = [r for name, r in bursts.items() if name not in left_out]
        shares = _shares(kept, noisy, cinc)
        return SequenceMaker([*kept, *noisy, *cinc], shares, noise, n_beats=_N_BEATS, seed=of_seed)

    told = []
    for i, fold in enumerate(folds):
        of_fold = minutes * _SHARE_FOLDS / len(folds)
        network, _ = fit_beats(
            maker(fold, seed + i), seed=seed + i, minutes=of_fold, batch=batch, title=f"fold {i + 1}"
        )
        told += [tell(network, main[name]) for name in fold]
    weights, figures = choose_weights(told)
    members, steps = [], 0
    for i in range(_MEMBERS):
        of_member = minutes * _SHARE_MEMBERS / _MEMBERS
        of_seed = seed + 100 + i
        member, n = fit_beats(maker((), of_seed), seed=of_seed, minutes=of_member, batch=batch, title=f"member {i + 1}")
        members.append(member)
        steps += n
    return write(members, weights, {"steps": float(steps)} | figures, out, seed=seed, command=command)
