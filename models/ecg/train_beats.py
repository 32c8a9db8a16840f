"""`heartwire train beats`: the QRS model, then the beat model on the beats that it finds.

The beat model is fitted on all of DS1 of the MIT-BIH Arrhythmia Database and on normal and fibrillating recordings of
the CinC 2017 challenge (even record numbers), with rhythms and pacing made from them. The weights of the classes are
chosen on DS1 by cross-validation over patients. No weight or threshold comes from DS2 or the paced records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from heartwire.engine.ecg.beat_context import CHANNELS, FEATURES, WIDTH, contexts
from heartwire.engine.ecg.slots import QrsSettings
from heartwire.models.catalogue import ModelCard, read_card
from heartwire.models.ecg import train_qrs
from heartwire.models.ecg.beat_network import CLASSES, BeatEnsemble, BeatMember
from heartwire.models.ecg.beat_recordings import read_beats
from heartwire.models.ecg.beat_sequences import SequenceMaker
from heartwire.models.ecg.drawing import DEVICE, batches
from heartwire.models.ecg.fitting import Recipe, fit
from heartwire.models.ecg.qrs_network import QrsNetwork
from heartwire.models.ecg.recordings import DS1, Noise, Recording, read_noise
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
_BATCH = 32
_RECIPE = Recipe(rate=3e-3, warm_up=50, decay=2e-2, average=0.998)
_LOSS_WEIGHTS = (1.0, 1.5, 1.5, 1.0, 1.0)
_GRID = (0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.0, 1.25, 1.8)
_SHARE_QRS = 0.25
"""Of the training time; the networks of the folds and the members that ship share the rest."""


class Told(NamedTuple):
    """A recording's beats: true class, immediate and revised probabilities, (n_beats, 5) each."""

    truth: npt.NDArray[np.int64]
    immediate: npt.NDArray[np.float32]
    revised: npt.NDArray[np.float32]


def fit_beats(
    maker: SequenceMaker,
    folds: Sequence[Sequence[str]],
    *,
    seed: int,
    minutes: float,
    batch: int,
    workers: int | None = None,
) -> tuple[list[BeatMember], list[BeatMember], int]:
    """Fit the networks of the folds and the members that ship side by side, all on the same batches.

    The network of a fold is asked for no beat of a sequence that anything of its patients is in.

    Returns
    -------
    The networks of the folds, the members, and the number of steps made.
    """
    blind_to = [[name.removeprefix("x_") in fold for name in maker.names] for fold in (*folds, *[()] * _MEMBERS)]
    blind = torch.tensor(blind_to, device=DEVICE)
    drawn = batches(maker, batch, seed=seed, workers=workers)

    def loss_of(networks: nn.ModuleList) -> torch.Tensor:
        wave, features, label, drawn_from = next(drawn)
        loss = torch.zeros((), device=DEVICE)
        for network, of_network in zip(networks, blind, strict=True):
            asked = torch.where((drawn_from & of_network).any(1, keepdim=True), -1, label)
            for part in (network.classes, network.pacing):
                now, before = part.sequence(wave, features)
                loss = loss + _loss(now, asked) + _loss(before, asked[:, :-1])
        return loss

    def make() -> nn.ModuleList:
        return nn.ModuleList(BeatMember() for _ in blind_to)

    networks, steps = fit(make, loss_of, _RECIPE, seed=seed, minutes=minutes, title="beat classes")
    return list(networks[: len(folds)]), list(networks[len(folds) :]), steps


def _loss(raw: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Give the mean over the beats asked for, which may be none."""
    raw, label = raw.flatten(0, 1), label.flatten()
    weight = torch.tensor(_LOSS_WEIGHTS, device=raw.device)
    total: torch.Tensor = nn.functional.cross_entropy(
        raw, label, weight, ignore_index=-1, label_smoothing=0.02, reduction="sum"
    )
    return total / (weight[label] * (label >= 0)).sum().clamp(min=1.0)


def tell(network: BeatMember, recording: Recording) -> Told:
    """Class every beat of a recording."""
    wave, features = contexts(recording.rows(np.arange(2), 0, len(recording.signal)), recording.beats)
    with torch.no_grad():
        now, before = network.sequence(torch.from_numpy(wave)[None], torch.from_numpy(features)[None])
    immediate, revised = now[0].numpy(), before[0].numpy()
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
    members: list[BeatMember],
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
            "DS2: in no weight, looked at for which networks judge what; "
            "paced: in no weight, looked at for how spikes are told"
        ),
        seed=seed,
        command=command,
        metrics=metrics,
        intended_use="Beat classes for rhythm warnings in a research or development setting; not a medical device.",
        limits=(
            "Adults, ambulatory two-lead recordings. Supraventricular ectopy was learned from few patients and from "
            "rhythms made of sinus beats; in atrial flutter and nodal rhythms its calls mean little. Paced beats were "
            "learned from drawn pacing spikes: a pacemaker whose spikes never show gives N or V."
        ),
    )
    write_card(card, path)
    return path


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
    recordings = read_beats(data, names, qrs, qrs_settings, noise, seed=seed, small=small)
    of_folds, members, steps = fit_beats(
        recordings.maker(noise, seed), folds, seed=seed, minutes=minutes * (1.0 - _SHARE_QRS), batch=batch
    )
    told = [
        tell(network, recordings.main[name]) for network, fold in zip(of_folds, folds, strict=True) for name in fold
    ]
    weights, figures = choose_weights(told)
    return write(members, weights, {"steps": float(steps)} | figures, out, seed=seed, command=command)
