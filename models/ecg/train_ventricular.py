"""The VT/VF models, from recordings to the shipped ONNX files and their cards: one a fold, and one on all records.

A fold's model has seen none of the fold's patients: cross-validated figures come from the five of them. The model on
all records is the one to use on anything else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from heartwire.engine.ecg.ventricular import JUDGED_S, LABELS, STEP, THINNED, WINDOW
from heartwire.models.catalogue import ModelCard
from heartwire.models.ecg.drawing import DEVICE
from heartwire.models.ecg.fitting import Recipe, fit
from heartwire.models.ecg.folds import tested
from heartwire.models.ecg.recordings import DS1, Noise, Recording, read_noise, read_recording
from heartwire.models.ecg.rhythm_windows import FOLDS, NOISE, VF, VFDB, VT, WindowMaker, label_samples, windows_of
from heartwire.models.ecg.ventricular_network import N_SAMPLES, VentricularNetwork
from heartwire.models.export import export, shapes_of, write_card

NAME = "ecg-vf"
_SINUS = ("16272", "16273", "16420")
_BATCH = 128
_STEPS = 1500
_RECIPE = Recipe(rate=2e-3, warm_up=1, decay=3e-2, average=0.0)


def fit_ventricular(
    recordings: list[Recording], noise: list[Noise], *, seed: int, steps: int, minutes: float, name: str = NAME
) -> tuple[VentricularNetwork, int]:
    """Fit a network in so many steps, or fewer where time runs out; give it and the number of steps made."""
    maker = WindowMaker(recordings, noise, seed=seed)

    def make() -> VentricularNetwork:
        network: VentricularNetwork = VentricularNetwork().to(memory_format=torch.channels_last)
        return network

    def loss_of(network: VentricularNetwork) -> torch.Tensor:
        windows, labels = maker.batch(_BATCH)
        raw = network.logits(torch.from_numpy(windows).to(DEVICE))
        return nn.functional.cross_entropy(raw, torch.from_numpy(labels).to(DEVICE), label_smoothing=0.05)

    network, made = fit(make, loss_of, _RECIPE, seed=seed, minutes=minutes, steps=steps, title=name)
    return network.to(memory_format=torch.contiguous_format), made


def judge(network: VentricularNetwork, recording: Recording, lead: int = 0) -> npt.NDArray[np.float32]:
    """Judge every window of a lead; (n_windows, 4) probabilities."""
    _, windows = windows_of(recording.signal[:, lead])
    with torch.no_grad():
        parts = [network(torch.from_numpy(part)).numpy() for part in np.array_split(windows, -(-len(windows) // 256))]
    return np.concatenate(parts)


def window_counts(network: VentricularNetwork, recording: Recording) -> npt.NDArray[np.int64]:
    """Count windows whose judged end holds one rhythm: (VT/VF, other) by (called VT/VF, not); noise is left out."""
    ends, _ = windows_of(recording.signal[:, 0])
    labels = label_samples(recording)
    p = judge(network, recording)
    called = p[:, VT] + p[:, VF] >= 0.5
    counts = np.zeros((2, 2), np.int64)
    judged = int(JUDGED_S * 250)
    for end, yes in zip(ends, called, strict=True):
        stretch = labels[end - judged : end]
        ventricular = (stretch == VT) | (stretch == VF)
        if ventricular.all() or not (ventricular.any() or np.any(stretch == NOISE) or np.any(stretch < 0)):
            counts[0 if ventricular.all() else 1, 0 if yes else 1] += 1
    return counts


def write(
    network: VentricularNetwork,
    path: Path,
    *,
    name: str,
    split: str,
    seed: int,
    command: str,
    metrics: dict[str, float],
) -> Path:
    """Export, and write the card; give the path of the weights."""
    inputs = {"signal": torch.zeros(2, 1, 1, N_SAMPLES)}
    outputs = {"rhythm": torch.zeros(2, len(LABELS))}
    export(network, path, inputs, list(outputs))
    card = ModelCard(
        name=name,
        version="1",
        task="Rhythm at the end of a four-second window of one lead: other, VT, VF (with flutter), noise",
        sha256="",
        inputs=shapes_of(inputs),
        outputs=shapes_of(outputs),
        labels=list(LABELS),
        settings={
            "rate_hz": 250.0 / THINNED,
            "window_s": WINDOW / 250.0,
            "step_s": STEP / 250.0,
            "judged_s": JUDGED_S,
        },
        data=[
            "MIT-BIH Malignant Ventricular Ectopy Database 1.0.0",
            "MIT-BIH Arrhythmia Database 1.0.0 (DS1)",
            f"MIT-BIH Normal Sinus Rhythm Database 1.0.0 ({' '.join(_SINUS)}, first 2.2 hours)",
            "MIT-BIH Noise Stress Test Database 1.0.0 (bw, ma, first half of em)",
        ],
        split=split,
        seed=seed,
        command=command,
        metrics=metrics,
        intended_use="Part of an alarm for VT and VF in a research or development setting; not a medical device.",
        limits=(
            "22 adult patients with malignant arrhythmia, ambulatory leads. Wide complexes of other origin (paced "
            "rhythm, bundle branch block with a fast rate) and electrode motion are the usual false calls: several "
            "windows should agree before anything is said."
        ),
    )
    write_card(card, path)
    return path


def train(data: Path, out: Path, *, seed: int = 1, minutes: float = 45.0, small: bool = False) -> Path:
    """Read the recordings, fit a model a fold and one on all, export them and write the cards.

    Parameters
    ----------
    data
        Folder that holds `vfdb`, `mitdb`, `nsrdb` and `nstdb`.
    out
        Where `ecg-vf.onnx` goes, and `folds/ecg-vf-<k>.onnx`.
    seed
        Seed of everything random.
    minutes
        What the fitting may take at most, in all.
    small
        One fold, few records and steps: proves the road, not the model.

    Returns
    -------
    Path of the .onnx file of the model on all records.
    """
    names = ("418", "424", "430") if small else VFDB
    folds = FOLDS[:1] if small else FOLDS
    recordings = {name: read_recording(data / "vfdb" / name) for name in names}
    others = [read_recording(data / "mitdb" / name) for name in (DS1[:1] if small else DS1)]
    if not small:
        others += [read_recording(data / "nsrdb" / name) for name in _SINUS]
    noise = read_noise(data)
    steps = 30 if small else _STEPS
    of_each = minutes / (len(folds) + 1)
    command = f"heartwire train rhythm --data DATA --seed {seed} " + ("--small" if small else f"--minutes {minutes:g}")
    total = np.zeros((2, 2), np.int64)
    for k, test in enumerate(folds):
        name = f"{NAME}-{k}"
        fitted = [recording for record, recording in recordings.items() if record not in test] + others
        network, made = fit_ventricular(fitted, noise, seed=seed + k, steps=steps, minutes=of_each, name=name)
        counts = sum(
            (window_counts(network, recordings[n]) for n in test if n in recordings), np.zeros((2, 2), np.int64)
        )
        total += counts
        split = f"fold {k}: tests vfdb {' '.join(test)}; trained on the other records"
        path = out / "folds" / f"{name}.onnx"
        write(network, path, name=name, split=split, seed=seed + k, command=command, metrics=tested(counts, made))
    network, made = fit_ventricular([*recordings.values(), *others], noise, seed=seed + 9, steps=steps, minutes=of_each)
    return write(
        network,
        out / f"{NAME}.onnx",
        name=NAME,
        split="trained on all records of vfdb; the figures are those of the five fold models on their own test records",
        seed=seed + 9,
        command=command,
        metrics=tested(total, made),
    )
