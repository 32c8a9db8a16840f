"""The fibrillation models, from recordings to the shipped ONNX files and their cards: one a fold, and one on all.

A fold's model has seen none of the fold's patients and recordings: cross-validated figures come from the five of them.
The model on all is the one to use on anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from heartwire.engine.ecg.last_beats import FEATURES, N_IRREGULAR
from heartwire.models.catalogue import ModelCard
from heartwire.models.ecg.drawing import DEVICE
from heartwire.models.ecg.fibrillation_network import FibrillationNetwork
from heartwire.models.ecg.fibrillation_windows import WindowMaker, Windows, pool
from heartwire.models.ecg.fitting import Recipe, fit
from heartwire.models.ecg.folds import tested
from heartwire.models.ecg.told_beats import N_FOLDS, ToldBeats, read_afdb, read_cinc2017
from heartwire.models.export import export, shapes_of, write_card

NAME = "ecg-fibrillation"
_BATCH = 512
_STEPS = 1500
_FEW_STEPS = 10
_WINDOWS = 60_000
_RECIPE = Recipe(rate=4e-3, warm_up=1, decay=2e-2, average=0.99)
_DOUBT = 0.02
"""Labels are never quite sure: where an episode begins is a matter of a few beats."""
_RR_ONLY = 0.3
"""Share of the windows of which only the intervals and classes are shown."""
_BLUR = 0.15


def windows(annotated: Sequence[ToldBeats], told: Sequence[ToldBeats], size: int, *, seed: int) -> Windows:
    """Draw windows from records without signal and from recordings with one."""
    pools = [
        pool(0.18, annotated, "fibrillation"),
        pool(0.2, annotated, "other"),
        pool(0.06, annotated, "change"),
        pool(0.2, told, "fibrillation"),
        pool(0.36, told, "other"),
    ]
    return WindowMaker(pools, seed=seed).draw(size)


def fit_fibrillation(
    examples: Windows, kept: npt.NDArray[np.bool_], *, seed: int, steps: int, minutes: float, name: str = NAME
) -> tuple[FibrillationNetwork, int]:
    """Fit a network to the windows kept, in so many steps or fewer where time runs out; give it and the steps made."""
    random = np.random.default_rng(seed)
    which = np.flatnonzero(kept)
    features = torch.from_numpy(examples.features)
    middle, spread = features[which].mean(0), features[which].std(0) + 1e-3

    def loss_of(network: FibrillationNetwork) -> torch.Tensor:
        drawn = random.choice(which, _BATCH)
        told = features[drawn]
        # Of some windows only the intervals are shown; what the atria show is blurred in the others.
        told[:, N_IRREGULAR:] += _BLUR * spread[N_IRREGULAR:] * torch.randn(_BATCH, FEATURES - N_IRREGULAR)
        told[torch.from_numpy(random.random(_BATCH) < _RR_ONLY), N_IRREGULAR:] = 0.0
        wanted = torch.from_numpy(examples.share[drawn]) * (1.0 - 2.0 * _DOUBT) + _DOUBT
        return nn.functional.binary_cross_entropy_with_logits(network.logits(told.to(DEVICE)), wanted.to(DEVICE))

    make = partial(FibrillationNetwork, middle, spread)
    return fit(make, loss_of, _RECIPE, seed=seed, minutes=minutes, steps=steps, title=name)


def window_counts(
    network: FibrillationNetwork, examples: Windows, kept: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Count the windows kept: (most beats fibrillate, or not) by (called so, not)."""
    with torch.no_grad():
        called = network(torch.from_numpy(examples.features[kept])).numpy()[:, 0] >= 0.5
    inside = examples.share[kept] >= 0.5
    return np.array([[np.sum(row & called), np.sum(row & ~called)] for row in (inside, ~inside)], np.int64)


def write(
    network: FibrillationNetwork,
    path: Path,
    *,
    name: str,
    split: str,
    seed: int,
    command: str,
    metrics: dict[str, float],
) -> Path:
    """Export, and write the card; give the path of the weights."""
    inputs = {"features": torch.zeros(2, FEATURES)}
    outputs = {"fibrillation": torch.zeros(2, 1)}
    export(network, path, inputs, list(outputs))
    card = ModelCard(
        name=name,
        version="1",
        task="Share of the last thirty beats that are atrial fibrillation: RR intervals, beat classes, atrial waves",
        sha256="",
        inputs=shapes_of(inputs),
        outputs=shapes_of(outputs),
        data=[
            "MIT-BIH Atrial Fibrillation Database 1.0.0 (annotations only)",
            "PhysioNet/CinC Challenge 2017 training set 1.0.0 (4,000 recordings, labels v3; N, A and O)",
        ],
        split=split,
        seed=seed,
        command=command,
        metrics=metrics,
        intended_use="Warning of atrial fibrillation in a research or development setting; not a medical device.",
        limits=(
            "Adults. Flutter with changing conduction and frequent ectopy in runs are the usual false calls; flutter "
            "or fibrillation with a regular ventricular response (paced, complete block) is missed where the intervals "
            "decide. Beats of cinc2017 come from the engine, whose beat network had seen its N and A recordings of "
            "even number (as rhythm, without classes)."
        ),
    )
    write_card(card, path)
    return path


def train(data: Path, out: Path, *, seed: int = 1, minutes: float = 45.0, small: bool = False) -> Path:
    """Read the recordings, fit a model a fold and one on all, export them and write the cards.

    Parameters
    ----------
    data
        Folder that holds `afdb_annotations` and `cinc2017`.
    out
        Where `ecg-fibrillation.onnx` goes, and `folds/ecg-fibrillation-<k>.onnx`.
    seed
        Seed of everything random.
    minutes
        What the fitting may take at most, in all.
    small
        One fold, few recordings and steps: proves the road, not the model.

    Returns
    -------
    Path of the .onnx file of the model on all recordings.
    """
    annotated = read_afdb(data / "afdb_annotations")
    told = read_cinc2017(data / "cinc2017", every=200 if small else 1)
    examples = windows(annotated, told, 600 if small else _WINDOWS, seed=seed)
    patients = [" ".join(each.name for each in annotated if each.fold == k) for k in range(N_FOLDS)]
    command = f"heartwire train af --data DATA --seed {seed}" + (" --small" if small else f" --minutes {minutes:g}")
    return fit_and_write(
        examples, patients[: 1 if small else N_FOLDS], out, seed=seed, minutes=minutes, command=command
    )


def fit_and_write(
    examples: Windows, patients: Sequence[str], out: Path, *, seed: int, minutes: float, command: str
) -> Path:
    """Fit a model for each fold, of which `patients` names the records of afdb, and one on all; write them."""
    steps = _STEPS if len(patients) == N_FOLDS else _FEW_STEPS
    of_each = minutes / (len(patients) + 1)
    total = np.zeros((2, 2), np.int64)
    for k, records in enumerate(patients):
        name = f"{NAME}-{k}"
        tests = examples.fold == k
        network, made = fit_fibrillation(examples, ~tests, seed=seed + k, steps=steps, minutes=of_each, name=name)
        counts = window_counts(network, examples, tests)
        total += counts
        split = f"fold {k}: tests afdb {records} and cinc2017 of number {k} modulo {N_FOLDS}; trained on the others"
        path = out / "folds" / f"{name}.onnx"
        write(network, path, name=name, split=split, seed=seed + k, command=command, metrics=tested(counts, made))
    everything = np.ones(len(examples.fold), np.bool_)
    network, made = fit_fibrillation(examples, everything, seed=seed + 9, steps=steps, minutes=of_each)
    return write(
        network,
        out / f"{NAME}.onnx",
        name=NAME,
        split="trained on all of afdb and cinc2017; the figures are those of the five fold models on their own tests",
        seed=seed + 9,
        command=command,
        metrics=tested(total, made),
    )
