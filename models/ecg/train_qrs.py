"""The QRS model, from recordings to the shipped ONNX and its card.

Weights are fitted on DS1 of the MIT-BIH Arrhythmia Database without `HOLD_OUT`, on which thresholds are chosen, clean
and with noise added, and without 118 and 119, of which `nstdb` is made; and on LUDB. DS2 is never read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from heartwire.engine.ecg.slots import SLOT_S, QrsSettings, SlotDecoder
from heartwire.models.catalogue import ModelCard
from heartwire.models.ecg.drawing import DEVICE, batches
from heartwire.models.ecg.fitting import Recipe, fit
from heartwire.models.ecg.matching import WINDOW_S, match_beats
from heartwire.models.ecg.noisy import with_noise
from heartwire.models.ecg.qrs_crops import CropMaker
from heartwire.models.ecg.qrs_network import FRAME, LOOKAHEADS_S, SLOTS, QrsNetwork
from heartwire.models.ecg.recordings import DS1, Noise, Recording, read_ludb, read_recording
from heartwire.models.export import export, shapes_of, write_card

NAME = "ecg-qrs"
NSTDB_PATIENTS = ("118", "119")
"""Records of DS1 that `nstdb` is made from: in no part of this model."""
HOLD_OUT = ("114", "203", "215")
"""Records of DS1 that no weight is fitted to: thresholds are chosen on them."""
PROVISIONAL, CONFIRMED = 0, 2
"""The look-aheads that ship."""

_CROP = 2480
_BATCH = 16
_RECIPE = Recipe(rate=2.5e-3, warm_up=100, decay=1e-2, average=0.999)
_LUDB_SHARE = 6.0
_WINDOW = WINDOW_S * 250
_NOISY_DB = 6.0


def _loss(raw: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    batch, _, _, n_frames = raw.shape
    by_slot = raw[:, :-2, 0].reshape(batch, len(LOOKAHEADS_S), SLOTS, n_frames).transpose(2, 3).flatten(2)
    weight = weight * (1.0 + 3.0 * target)
    of_qrs = nn.functional.binary_cross_entropy_with_logits(by_slot, target, reduction="none")
    of_quality = nn.functional.binary_cross_entropy_with_logits(raw[:, -2:, 0], quality)
    return 4.0 * (of_qrs * weight).mean() + 0.1 * of_quality


def fit_qrs(maker: CropMaker, *, seed: int, minutes: float, batch: int = _BATCH) -> tuple[QrsNetwork, int]:
    """Fit a network for so many minutes; give its averaged weights and the number of steps made."""
    silence = [state.to(DEVICE, memory_format=torch.channels_last) for state in QrsNetwork().states(batch)]
    drawn = batches(maker, batch, seed=seed)

    def make() -> QrsNetwork:
        network: QrsNetwork = QrsNetwork().to(memory_format=torch.channels_last)
        return network

    def loss_of(network: QrsNetwork) -> torch.Tensor:
        signal, *wanted = next(drawn)
        signal = signal[:, :, None].contiguous(memory_format=torch.channels_last)
        return _loss(network.logits(signal, silence)[0], *wanted)

    network, steps = fit(make, loss_of, _RECIPE, seed=seed, minutes=minutes, title="QRS")
    return network.to(memory_format=torch.contiguous_format), steps


def run(network: QrsNetwork, signal: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Run a network over a whole recording, (n_samples, 2); give (look-aheads x slots, n_frames)."""
    whole = np.ascontiguousarray(signal[: len(signal) // FRAME * FRAME].T[None, :, None])
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(whole), *network.states(1))[0][0, :, 0].numpy())


Counts = npt.NDArray[np.int64]


def count(qrs: npt.NDArray[np.float32], recording: Recording, settings: QrsSettings, *, confirmed: bool) -> Counts:
    """Count found, missed and false beats of one recording."""
    found = np.array([p.at for p in SlotDecoder(settings).decode(qrs) if p.confirmed == confirmed])
    beats = recording.beats
    for begin, end in recording.flutter:
        found = found[(found < begin) | (found > end)]
        beats = beats[(beats < begin) | (beats > end)]
    n = int((match_beats(beats, found, window=_WINDOW) >= 0).sum())
    return np.array((n, len(beats) - n, len(found) - n), np.int64)


def _f1(counts: Counts) -> float:
    hit, missed, false = (int(n) for n in counts)
    return 2 * hit / max(2 * hit + missed + false, 1)


def choose_settings(
    clean: list[tuple[npt.NDArray[np.float32], Recording]], noisy: list[tuple[npt.NDArray[np.float32], Recording]]
) -> tuple[QrsSettings, dict[str, float]]:
    """Choose the thresholds that find beats best, and give the figures reached.

    A clean recording counts three times as much as a noisy one. The provisional threshold is chosen on the clean ones.
    """
    lookaheads = tuple(round(s / SLOT_S) for s in LOOKAHEADS_S)

    def settings(provisional: float, confirmed: float) -> QrsSettings:
        return QrsSettings(lookaheads, PROVISIONAL, CONFIRMED, provisional, confirmed)

    def total(outputs: list[tuple[npt.NDArray[np.float32], Recording]], s: QrsSettings, *, confirmed: bool) -> Counts:
        counts = [count(qrs, recording, s, confirmed=confirmed) for qrs, recording in outputs]
        return np.asarray(np.sum(counts, axis=0), np.int64)

    grid = np.arange(0.2, 0.75, 0.05)
    sure = [
        _f1(3 * total(clean, s, confirmed=True) + total(noisy, s, confirmed=True))
        for s in (settings(0.5, float(t)) for t in grid)
    ]
    early = [_f1(total(clean, settings(float(t), 0.5), confirmed=False)) for t in grid]

    def middle(scores: list[float]) -> float:
        """Take the middle of the plateau, not its edge."""
        return float(round(np.mean(grid[np.array(scores) >= max(scores) - 2e-4]), 3))

    chosen = settings(middle(early), middle(sure))
    figures = {
        "hold_out_f1": _f1(total(clean, chosen, confirmed=True)),
        "hold_out_provisional_f1": _f1(total(clean, chosen, confirmed=False)),
        f"hold_out_{_NOISY_DB:g}db_f1": _f1(total(noisy, chosen, confirmed=True)),
    }
    return chosen, {name: round(value, 5) for name, value in figures.items()}


def write(
    network: QrsNetwork,
    held_out: list[Recording],
    noise: list[Noise],
    out: Path,
    *,
    seed: int,
    steps: int,
    command: str,
) -> Path:
    """Choose the thresholds, export, and write the card; give the path of the weights."""
    noisy = [with_noise(recording, noise[1 + i % 2], _NOISY_DB) for i, recording in enumerate(held_out)]
    settings, figures = choose_settings(
        [(run(network, r.signal), r) for r in held_out], [(run(network, r.signal), r) for r in noisy]
    )
    n_frames = 10
    inputs = {"signal": torch.zeros(2, 2, 1, n_frames * FRAME)}
    inputs |= {f"state_{i}": state for i, state in enumerate(network.states(2))}
    outputs = {"qrs": torch.zeros(2, len(LOOKAHEADS_S) * SLOTS, 1, n_frames), "quality": torch.zeros(2, 2, 1, n_frames)}
    outputs |= {f"next_{name}": tensor for name, tensor in inputs.items() if name.startswith("state_")}
    path = out / f"{NAME}.onnx"
    export(network, path, inputs, list(outputs), step=FRAME)
    shapes = shapes_of(inputs) | shapes_of(outputs)
    for name in ("signal", "qrs", "quality"):
        shapes[name][-1] = -1
    card = ModelCard(
        name=NAME,
        version="2",
        task="R peaks, provisional and confirmed, and the quality of both leads; causal, carries its state",
        sha256="",
        inputs={name: shapes[name] for name in inputs},
        outputs={name: shapes[name] for name in outputs},
        settings={
            "rate_hz": 250.0,
            "frame_samples": float(FRAME),
            "lookaheads": float(len(LOOKAHEADS_S)),
            **{f"lookahead_{i}_s": s for i, s in enumerate(LOOKAHEADS_S)},
            "provisional_lookahead_s": LOOKAHEADS_S[PROVISIONAL],
            "confirmed_lookahead_s": LOOKAHEADS_S[CONFIRMED],
            "provisional_threshold": settings.provisional_threshold,
            "confirmed_threshold": settings.confirmed_threshold,
        },
        data=[
            "MIT-BIH Arrhythmia Database 1.0.0 (DS1, first 30 minutes and the extensions of its patients)",
            "Lobachevsky University Electrocardiography Database 1.0.1 (150 twelve-lead records, R peaks of lead II)",
            "MIT-BIH Noise Stress Test Database 1.0.0 (bw, ma, first half of em)",
        ],
        split=(
            f"DS1 without {' '.join((*HOLD_OUT, *NSTDB_PATIENTS))}, and LUDB: weights; "
            f"{' '.join(HOLD_OUT)}: thresholds; {' '.join(NSTDB_PATIENTS)} (nstdb), DS2 and paced: unread"
        ),
        seed=seed,
        command=command,
        metrics={"steps": float(steps)} | figures,
        intended_use="R peaks for heart rate and rhythm in a research or development setting; not a medical device.",
        limits="Adults, surface ECG. Beats within ventricular flutter or fibrillation mean nothing.",
    )
    write_card(card, path)
    return path


def train(
    data: Path, out: Path, noise: list[Noise], *, seed: int, minutes: float, small: bool, command: str
) -> tuple[Path, QrsNetwork]:
    """Read the recordings, fit, choose thresholds, export and write the card; give the path of the weights and them."""
    names = [name for name in DS1 if name not in (*HOLD_OUT, *NSTDB_PATIENTS)][: 2 if small else None]
    recordings = [read_recording(data / "mitdb" / name) for name in names]
    ludb: list[Recording] = []
    if not small:
        extensions = (data / "mitdb" / "x_mitdb" / f"x_{name}" for name in names)
        recordings += [read_recording(path) for path in extensions if path.with_suffix(".hea").is_file()]
        ludb = [read_ludb(path.with_suffix("")) for path in sorted((data / "ludb" / "data").glob("*.hea"))]
    lengths = [len(r.signal) for r in recordings] + [_LUDB_SHARE * len(r.signal) for r in ludb]
    maker = CropMaker([*recordings, *ludb], noise, n_samples=_CROP, seed=seed, shares=np.array(lengths))
    network, steps = fit_qrs(maker, seed=seed, minutes=minutes, batch=4 if small else _BATCH)
    held = [read_recording(data / "mitdb" / name) for name in (HOLD_OUT[:1] if small else HOLD_OUT)]
    return write(network, held, noise, out, seed=seed, steps=steps, command=command), network
