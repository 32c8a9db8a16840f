"""Makes two small classifiers of one's own and their cards: `own-ecg.onnx` and `own-frames.onnx`.

    pip install onnx
    python make.py
    heartwire run own_model.toml

Each is a bank of random filters, the mean of what passes each, and a logistic regression on those means (the idea of
ROCKET, Dempster 2020), fitted here on signals drawn by the simulators: whether a window of ECG is a ventricular
tachycardia, whether a frame shows a dark line. They show the way in, no more.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from heartwire.streams.simulators.ecg import EcgSimulator
from heartwire.streams.simulators.heart import Heart

RATE_HZ, WINDOW_S = 125, 2
SIDE_PX = 64
N_FILTERS = 24

CARD = """\
name = "{name}"
version = "1"
task = "{task}"
sha256 = "{sha256}"
labels = {labels}
intended_use = "An example of a classifier of one's own. Not a medical device."
limits = "Fitted on simulated signals for a second: it has seen no patient."

[inputs]
{input} = {shape}

[outputs]
scores = [1, 2]

[classify]
{classify}
"""


def ecg_windows(script: str, seed: int) -> np.ndarray:
    """Draw windows of lead II, (n, 1, 1, samples), mV."""
    simulator = EcgSimulator(Heart(seed, script), rate_hz=RATE_HZ, leads=("II",))
    samples = simulator.samples(0, 60 * RATE_HZ)[:, 0]
    return samples[: len(samples) // 250 * 250].reshape(-1, 1, 1, WINDOW_S * RATE_HZ).astype(np.float32)


def frames(seed: int, *, lines: bool) -> np.ndarray:
    """Draw smooth noise, (n, 1, side, side) in 0..1, with dark lines or none."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0.4, 0.7, (60, 8, 8)).astype(np.float32)
    images = np.kron(coarse, np.ones((8, 8), np.float32))
    for _ in range(4):  # blurred into a field without edges
        images = (
            images + np.roll(images, 3, 1) + np.roll(images, -3, 1) + np.roll(images, 3, 2) + np.roll(images, -3, 2)
        ) / 5
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    if lines:
        for image in images:
            angle, offset = rng.uniform(0, np.pi), rng.uniform(-15, 15)
            away = np.abs((x - 32) * np.cos(angle) + (y - 32) * np.sin(angle) - offset)
            image -= 0.25 * np.exp(-0.5 * (away / 1.2) ** 2)
    return (images + 0.01 * rng.standard_normal(images.shape))[:, None].astype(np.float32)


def means(filters: np.ndarray, stride: int, signals: np.ndarray) -> np.ndarray:
    """Give the mean of what passes each filter, (n, filters): what the network computes before its last layer."""
    patches = np.lib.stride_tricks.sliding_window_view(signals[:, 0], filters.shape[2:], axis=(1, 2))
    patches = patches[:, :: stride if signals.shape[2] > 1 else 1, ::stride]
    return np.maximum(np.einsum("nabhw,fhw->nabf", patches, filters[:, 0], optimize=True), 0.0).mean(axis=(1, 2))


def fit(features: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression by Newton's method; give weights (filters,) and bias on features as they are."""
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    x = np.column_stack(((features - centre) / spread, np.ones(len(features))))
    w = np.zeros(x.shape[1])
    for _ in range(20):
        p = 1.0 / (1.0 + np.exp(-x @ w))
        curve = (x * (p * (1 - p))[:, None]).T @ x + 0.1 * np.eye(len(w))
        w += np.linalg.solve(curve, x.T @ (truth - p) - 0.1 * w)
    return w[:-1] / spread, w[-1:] - (w[:-1] * centre / spread).sum()


def write(
    path: Path, filters: np.ndarray, stride: int, line: tuple[np.ndarray, np.ndarray], card: dict[str, str]
) -> None:
    """Write network and card."""
    shape = [int(n) for n in card["shape"].strip("[]").split(",")]
    weights, bias = np.stack((np.zeros_like(line[0]), line[0])), np.array([0.0, line[1][0]])
    constants = {"filters": filters, "weights": weights, "bias": bias}
    strides = [stride if shape[2] > 1 else 1, stride]
    nodes = [
        helper.make_node("Conv", [card["input"], "filters"], ["passed"], strides=strides),
        helper.make_node("Relu", ["passed"], ["above"]),
        helper.make_node("GlobalAveragePool", ["above"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["means"]),
        helper.make_node("Gemm", ["means", "weights", "bias"], ["scores"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(card["input"], TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".toml").write_text(CARD.format(name=path.stem, sha256=sha256, **card))


def main(out: Path) -> None:
    """Make both classifiers in a folder."""
    rng = np.random.default_rng(1)
    calm = np.concatenate([ecg_windows(f"sinus {rate}", seed) for seed, rate in enumerate((60, 80, 100))])
    wild = np.concatenate([ecg_windows(f"vt {rate}", 10 + seed) for seed, rate in enumerate((150, 170, 190))])
    signals, truth = np.concatenate((calm, wild)), np.repeat([0.0, 1.0], [len(calm), len(wild)])
    filters = rng.standard_normal((N_FILTERS, 1, 1, 25))
    filters -= filters.mean(axis=(2, 3), keepdims=True)
    card = {
        "task": "ventricular tachycardia or not",
        "labels": '["other", "VT"]',
        "input": "signal",
        "shape": f"[1, 1, 1, {WINDOW_S * RATE_HZ}]",
        "classify": 'on = "ecg"\nrate_hz = 125.0\nleads = ["II"]\nhop_s = 1.0\nscores = "logits"\n'
        "begin = { VT = 0.8 }\nend = { VT = 0.4 }\nhold = 2\nalarm = [\"VT\"]",
    }  # fmt: skip
    write(out / "own-ecg.onnx", filters, 4, fit(means(filters, 4, signals), truth), card)

    pictures = np.concatenate((frames(1, lines=False), frames(2, lines=True)))
    truth = np.repeat([0.0, 1.0], len(pictures) // 2)
    filters = rng.standard_normal((N_FILTERS, 1, 7, 7))
    filters -= filters.mean(axis=(2, 3), keepdims=True)
    card = {
        "task": "a dark line in the frame or not",
        "labels": '["empty", "line"]',
        "input": "image",
        "shape": f"[1, 1, {SIDE_PX}, {SIDE_PX}]",
        "classify": 'on = "frames"\nfit = "stretch"\nscores = "logits"\nhold = 3',
    }
    write(out / "own-frames.onnx", filters, 2, fit(means(filters, 2, pictures), truth), card)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
