"""The beat model, from recordings to the shipped ONNX and its card.

Weights are fitted on DS1 of the MIT-BIH Arrhythmia Database without the patients of `HOLD_OUT`; thresholds are chosen
on those, clean and with noise added. DS2 is never read.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch import nn

from heartwire.engine.ecg.frames import CLASSES, FRAME, BeatSettings, FrameDecoder
from heartwire.models.catalogue import ModelCard
from heartwire.models.ecg.beat_crops import CropMaker, Crops
from heartwire.models.ecg.beat_network import CLASS_LOOKAHEAD_FRAMES, HOP, QRS_LOOKAHEAD_FRAMES, BeatNetwork
from heartwire.models.ecg.recordings import DS1, HOLD_OUT, Recording, read_noise, read_recording
from heartwire.models.export import export, shapes_of, write_card

NAME = "ecg-beats"
_CROP = 3000
_BATCH = 16
_RATE = 2e-3
_CLASS_LOSS_WEIGHTS = (1.0, 1.5, 1.5, 1.5, 1.0)
_WINDOW = 0.150 * 250
_GRID = (0.5, 0.7, 1.0, 1.4, 2.0)
_NOISY_DB = 12.0


@dataclass(frozen=True)
class _Output:
    """What the network says of one recording: (n_frames,) and (5, n_frames)."""

    recording: Recording
    qrs: npt.NDArray[np.float32]
    classes: npt.NDArray[np.float32]


def _loss(raw: torch.Tensor, crops: Crops, class_weights: torch.Tensor) -> torch.Tensor:
    target = torch.from_numpy(crops.qrs)
    weight = torch.from_numpy(crops.qrs_weight) * (1.0 + 3.0 * target)
    entropy = nn.functional.binary_cross_entropy_with_logits(raw[:, 0, 0], target, reduction="none")
    of_class = nn.functional.cross_entropy(
        raw[:, 1:, 0], torch.from_numpy(crops.label), weight=class_weights, ignore_index=-1
    )
    return 4.0 * (entropy * weight).mean() + 0.5 * of_class.nan_to_num()


def fit(
    recordings: list[Recording], noise: list[npt.NDArray[np.float32]], *, seed: int, minutes: float, batch: int = _BATCH
) -> tuple[BeatNetwork, int]:
    """Fit a network for so many minutes; give its averaged weights and the number of steps made."""
    torch.manual_seed(seed)
    maker = CropMaker(recordings, noise, n_samples=_CROP, seed=seed)
    network = BeatNetwork().to(memory_format=torch.channels_last)
    average = BeatNetwork().to(memory_format=torch.channels_last)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-2)
    class_weights = torch.tensor(_CLASS_LOSS_WEIGHTS)
    silence = [state.to(memory_format=torch.channels_last) for state in network.states(batch)]
    begin, step, smooth = time.monotonic(), 0, 0.0
    columns = (TextColumn("beats"), BarColumn(), TimeElapsedColumn(), TextColumn("step {task.fields[step]}"))
    with Progress(*columns, TextColumn("loss {task.fields[loss]:.3f}")) as progress:
        task = progress.add_task("fit", total=minutes * 60, step=0, loss=0.0)
        while (elapsed := time.monotonic() - begin) < minutes * 60:
            for group in optimiser.param_groups:
                warm = min(1.0, (step + 1) / 100)
                group["lr"] = _RATE * warm * (0.5 + 0.5 * math.cos(math.pi * elapsed / (minutes * 60))) + 1e-6
            crops = maker.batch(batch)
            signal = torch.from_numpy(crops.signal[:, :, None]).contiguous(memory_format=torch.channels_last)
            loss = _loss(network.logits(signal, silence)[0], crops, class_weights)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            step += 1
            with torch.no_grad():
                share = 1.0 - min(0.999, step / (step + 20))
                torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), share)
            smooth += 0.02 * (loss.item() - smooth)
            progress.update(task, completed=elapsed, step=step, loss=smooth)
    return average.eval(), step


def run(network: BeatNetwork, recording: Recording) -> _Output:
    """Run a network over a whole recording at once."""
    whole = recording.signal[: len(recording.signal) // HOP * HOP].T[None, :, None]
    with torch.no_grad():
        signal = torch.from_numpy(np.ascontiguousarray(whole)).contiguous(memory_format=torch.channels_last)
        qrs, classes, *_ = network(signal, *network.states(1))
    return _Output(recording, qrs[0, 0, 0].numpy(), np.ascontiguousarray(classes[0, :, 0].numpy()))


def _with_noise(recording: Recording, noise: npt.NDArray[np.float32], decibel: float, first: int) -> Recording:
    signal = recording.signal.copy()
    repeats = -(-len(signal) // (len(noise) - first))
    added = np.tile(noise[first:], (repeats, 1))[: len(signal)]
    high, low = np.percentile(signal, (99.5, 0.5), axis=0)
    power = (high - low) ** 2 / 8.0
    signal += added * np.sqrt(power / 10 ** (decibel / 10) / np.var(added, axis=0)).astype(np.float32)
    return Recording(
        recording.name,
        signal,
        recording.beats,
        recording.classes,
        recording.flutter,
        recording.rhythms,
        recording.scale,
    )


def confusion(outputs: list[_Output], settings: BeatSettings) -> npt.NDArray[np.int64]:
    """Count reference class (rows) against detected class (columns) over recordings; (6, 6), the last for none."""
    counts = np.zeros((6, 6), np.int64)
    for output in outputs:
        found = FrameDecoder(settings).decode(output.qrs, output.classes)
        reference = output.recording.beats
        if not len(found):
            np.add.at(counts[:, 5], output.recording.classes, 1)
            continue
        after = np.clip(np.searchsorted(found[:, 0], reference), 1, max(len(found) - 1, 1))
        pair = np.stack((after - 1, np.minimum(after, len(found) - 1)))
        distance = np.abs(found[pair, 0] - reference)
        nearest = pair[distance.argmin(axis=0), np.arange(len(reference))]
        matched = distance.min(axis=0) <= _WINDOW
        np.add.at(counts, (output.recording.classes[matched], found[nearest[matched], 1].astype(np.int64)), 1)
        np.add.at(counts[:, 5], output.recording.classes[~matched], 1)
        alone = np.ones(len(found), np.bool_)
        alone[nearest[matched]] = False
        np.add.at(counts[5], found[alone, 1].astype(np.int64), 1)
    return counts


def _f1(counts: npt.NDArray[np.int64], kind: int) -> float:
    return float(2 * counts[kind, kind] / max(counts[kind].sum() + counts[:, kind].sum(), 1))


def _qrs_f1(counts: npt.NDArray[np.int64]) -> float:
    hit = counts[:5, :5].sum()
    return float(2 * hit / (2 * hit + counts[:5, 5].sum() + counts[5, :5].sum()))


def choose_settings(clean: list[_Output], noisy: list[_Output]) -> BeatSettings:
    """Choose the threshold that finds beats best and the class weights that tell S and V best.

    A clean recording counts three times as much as a noisy one.
    """

    def settings(threshold: float, s: float = 1.0, v: float = 1.0) -> BeatSettings:
        weights = (1.0, s, v, 1.0, 1.0)
        return BeatSettings(threshold, QRS_LOOKAHEAD_FRAMES, CLASS_LOOKAHEAD_FRAMES, weights)

    def counts(tried: BeatSettings) -> npt.NDArray[np.int64]:
        return 3 * confusion(clean, tried) + confusion(noisy, tried)

    def mildest(scores: list[float]) -> float:
        near = [weight for weight, score in zip(_GRID, scores, strict=True) if score >= max(scores) - 0.005]
        return min(near, key=lambda weight: abs(math.log(weight)))

    thresholds = np.arange(0.3, 0.75, 0.05)
    scores = np.array([_qrs_f1(counts(settings(float(t)))) for t in thresholds])
    # The middle of the plateau, not its edge.
    threshold = float(round(np.mean(thresholds[scores >= scores.max() - 2e-4]), 3))
    v = mildest([_f1(counts(settings(threshold, 1.0, weight)), 2) for weight in _GRID])
    s = mildest([_f1(counts(settings(threshold, weight, v)), 1) for weight in _GRID])
    return settings(threshold, s, v)


def write(
    network: BeatNetwork,
    held_out: list[Recording],
    noise: list[npt.NDArray[np.float32]],
    out: Path,
    *,
    seed: int,
    steps: int,
    command: str,
) -> Path:
    """Choose the thresholds, export, and write the card; give the path of the weights."""
    network = network.to(memory_format=torch.contiguous_format).eval()
    clean = [run(network, recording) for recording in held_out]
    noisy = [
        run(network, _with_noise(recording, noise[1 + i % 2], _NOISY_DB, 1000)) for i, recording in enumerate(held_out)
    ]
    settings = choose_settings(clean, noisy)
    counts, noisy_counts = confusion(clean, settings), confusion(noisy, settings)
    states = network.states(2)
    inputs = {"signal": torch.zeros(2, 2, 1, HOP)} | {f"state_{i}": state for i, state in enumerate(states)}
    outputs = {"qrs": torch.zeros(2, 1, 1, HOP // FRAME), "beat_class": torch.zeros(2, 5, 1, HOP // FRAME)}
    outputs |= {f"next_{name}": tensor for name, tensor in inputs.items() if name.startswith("state_")}
    path = out / f"{NAME}.onnx"
    export(network, path, inputs, list(outputs))
    card = ModelCard(
        name=NAME,
        version="1",
        task="QRS detection and AAMI beat class, frame by frame of 16 ms, causal, state carried from hop to hop",
        sha256="",
        inputs=shapes_of(inputs),
        outputs=shapes_of(outputs),
        labels=list(CLASSES),
        settings={
            "rate_hz": 250.0,
            "hop_samples": float(HOP),
            "frame_samples": float(FRAME),
            "qrs_lookahead_s": QRS_LOOKAHEAD_FRAMES * FRAME / 250,
            "class_lookahead_s": CLASS_LOOKAHEAD_FRAMES * FRAME / 250,
            "qrs_threshold": settings.qrs_threshold,
        }
        | {f"weight_{name}": weight for name, weight in zip(CLASSES, settings.class_weights, strict=True)},
        data=[
            "MIT-BIH Arrhythmia Database 1.0.0 (DS1, first 30 minutes and the extensions of its patients)",
            "MIT-BIH Noise Stress Test Database 1.0.0 (bw, ma, first half of em)",
        ],
        split=f"DS1 without {' '.join(HOLD_OUT)}: weights; {' '.join(HOLD_OUT)}: thresholds; DS2 and paced: unread",
        seed=seed,
        command=command,
        metrics={
            "steps": float(steps),
            "hold_out_qrs_f1": round(_qrs_f1(counts), 5),
            "hold_out_s_f1": round(_f1(counts, 1), 4),
            "hold_out_v_f1": round(_f1(counts, 2), 4),
            "hold_out_12db_qrs_f1": round(_qrs_f1(noisy_counts), 5),
            "hold_out_12db_v_f1": round(_f1(noisy_counts, 2), 4),
        },
        intended_use="Beats for heart rate and rhythm in a research or development setting; not a medical device.",
        limits=(
            "Adults, ambulatory two-lead recordings. Supraventricular ectopy is told from rhythm and form by a network "
            "that saw few patients with it. Paced beats are found but their class is not meant to be used. "
            "Beats within ventricular flutter or fibrillation mean nothing."
        ),
    )
    write_card(card, path)
    return path


def train(data: Path, out: Path, *, seed: int = 1, minutes: float = 35.0, small: bool = False) -> Path:
    """Read the recordings, fit, choose thresholds, export and write the card.

    Parameters
    ----------
    data
        Folder that holds `mitdb` and `nstdb`.
    out
        Where weights and card go.
    seed
        Seed of everything random.
    minutes
        How long to fit.
    small
        A few records and seconds: proves the road, not the model.

    Returns
    -------
    Path of the .onnx file.
    """
    fitted = [name for name in DS1 if name not in HOLD_OUT][: 2 if small else None]
    held_out = HOLD_OUT[-1:] if small else HOLD_OUT
    recordings = [read_recording(data / "mitdb" / name) for name in fitted]
    if not small:
        extensions = (data / "mitdb" / "x_mitdb" / f"x_{name}" for name in fitted)
        recordings += [read_recording(path) for path in extensions if path.with_suffix(".hea").is_file()]
    noise = read_noise(data)
    network, steps = fit(recordings, noise, seed=seed, minutes=0.25 if small else minutes, batch=4 if small else _BATCH)
    command = f"heartwire train beats --data DATA --seed {seed} " + ("--small" if small else f"--minutes {minutes:g}")
    held = [read_recording(data / "mitdb" / name) for name in held_out]
    return write(network, held, noise, out, seed=seed, steps=steps, command=command)
