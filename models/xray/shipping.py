"""The X-ray networks as they ship: exported, in 8 bits where that is faster, with their cards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import onnx
import torch

from heartwire.engine.inference import Model
from heartwire.engine.xray.cells import CHANNELS
from heartwire.engine.xray.localiser import Localiser
from heartwire.engine.xray.patches import shape_of
from heartwire.models.catalogue import ModelCard, read_card
from heartwire.models.export import export, shapes_of, write_card
from heartwire.models.half import ship_half
from heartwire.models.xray.confidences import settle
from heartwire.models.xray.network import CLASSES, PLANES, DeviceNet, Exported
from heartwire.models.xray.pool import Sources, draw
from heartwire.models.xray.quantise import quantise_devices, quantise_tips
from heartwire.models.xray.stem import CELLS, PATCHES, between_bytes
from heartwire.models.xray.tip_crops import cut
from heartwire.models.xray.tip_network import CROP_PX, ExportedTips, TipNet

DEVICES, TIPS = "xray-devices", "xray-tips"
SIZE_PX = 512
_CALIBRATION_IMAGES = 16
_CROPS_EACH = 16
_UNSEEN_SEED = 1_000_019
_CONFIDENCE_SEED = 1_000_033
_DRAWN_FOR_QUIET = 5
"""Of so many times the frames wanted, the ones without a device are taken, too: they are few."""
SETTINGS = {
    "line_threshold": 0.05,
    "tip_threshold": 0.08,
    "electrode_threshold": 0.3,
    "report_confidence": 0.05,
    "report_tip_confidence": 0.1,
}
DATA = [
    "ARCADE: 400 coronary angiograms with vessel masks, as backgrounds, 395 with their catheters marked",
    "Danilov 2021: 43 coronary angiograms, as backgrounds, all with their catheters marked",
    "one chest CT, projected along 25 directions, as backgrounds",
    "devices drawn at random",
    "heartwire fluoroscopy simulator, seeds below 1,000,000",
]
_SPLIT = (
    "trained on drawn, simulated and marked devices; figures and confidences from samples and simulated runs of "
    "other seeds on the backgrounds of training; no frame of xray/dev or xray/cine was trained on, but thresholds were "
    "chosen with them in view"
)
_LIMITS = (
    "Trained on drawn and simulated devices and on catheters in coronary angiograms. Devices thinner than about 1 px "
    "or wider than about 16 px of the 512-px image, and stents, coils or pacemaker leads are not covered. Vessels full "
    "of contrast are at times taken for catheters."
)
_EIGHT_BITS = (
    "For CPUs quantised with ranges that need 8-bit dot products (AVX512-VNNI, AVX-VNNI or Arm): older CPUs may "
    "saturate and lose accuracy."
)


def ship_devices(
    network: DeviceNet,
    out: Path,
    *,
    seed: int,
    command: str,
    metrics: dict[str, float],
    drawn: Sources,
    frames: int,
) -> Path:
    """Export the device network in 8 bits for CPUs and in half precision for GPUs; gives the path of the former.

    The tip network must have been shipped into the same folder: confidences rest on both.

    Parameters
    ----------
    network
        Trained.
    out
        Folder for weights and cards.
    seed, command, metrics
        For the cards: how it was made and what it reaches.
    drawn
        What draws whole images (3, 512, 512), with shares: some set the 8-bit ranges, others the confidences' weights.
    frames
        How many for the latter.
    """
    inputs = {"image": torch.zeros(2, PLANES, SIZE_PX, SIZE_PX)}
    path = out / f"{DEVICES}.onnx"
    card = ModelCard(
        name=DEVICES,
        version="6",
        task="Bodies, tips and ring electrodes of catheters and guidewires in an X-ray frame and what came before",
        sha256="",
        inputs={PATCHES: [-1, *shape_of(SIZE_PX)]},
        outputs={CELLS: [-1, SIZE_PX // 4, SIZE_PX // 4, CHANNELS]},
        labels=list(CLASSES),
        settings=SETTINGS,
        data=DATA,
        split=_SPLIT,
        seed=seed,
        command=command,
        metrics=metrics,
        intended_use=(
            "Research: catheters and guidewires in fluoroscopy and angiography frames, darker denser, scaled whole "
            "to 512 x 512. Not a medical device."
        ),
        limits=f"{_LIMITS} {_EIGHT_BITS}",
    )
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.name
        export(Exported(network).eval(), plain, inputs, [CELLS])
        quantise_devices(plain, path, (draw(drawn, _UNSEEN_SEED, seed, i).image for i in range(_CALIBRATION_IMAGES)))
        write_card(card, path)
        settle_shipped(out, drawn, seed=seed, frames=frames)
        onnx.save(between_bytes(onnx.load(plain)), plain)
        ship_half(plain, path)
    return path


def settle_shipped(out: Path, drawn: Sources, *, seed: int, frames: int) -> Path:
    """Settle what rests on the networks in a folder and write it into the device network's cards; gives its path.

    Parameters
    ----------
    out
        Folder that holds both networks.
    seed, drawn, frames
        As of `ship_devices`.
    """
    path = out / f"{DEVICES}.onnx"
    localiser = Localiser(Model(path, provider="cpu"), Model(out / f"{TIPS}.onnx", provider="cpu"))
    samples = (draw(drawn, _CONFIDENCE_SEED, seed, i) for i in range(_DRAWN_FOR_QUIET * frames))
    settled = settle(localiser, (s for i, s in enumerate(samples) if i < frames or not s.look.kinds))
    for form in (path, out / "gpu" / path.name):
        if form.is_file():
            card = read_card(form)
            write_card(msgspec.structs.replace(card, settings={**card.settings, **settled}), form)
    return path


def ship_tips(
    network: TipNet, out: Path, *, seed: int, command: str, metrics: dict[str, float], drawn: Sources
) -> Path:
    """Export the tip network in 8 bits for CPUs and in half precision for GPUs; gives the path of the former.

    Parameters
    ----------
    network, out, seed, command, metrics, drawn
        As of `ship_devices`.
    """
    path = out / f"{TIPS}.onnx"
    inputs = {"crop": torch.zeros(2, 1, CROP_PX, CROP_PX)}
    outputs = {"shift": torch.zeros(2, 2), "scale": torch.zeros(2), "seen": torch.zeros(2)}
    card = ModelCard(
        name=TIPS,
        version="3",
        task="Place of a tip within a crop about it, how far off it may be, and whether a tip is seen",
        sha256="",
        inputs=shapes_of(inputs),
        outputs=shapes_of(outputs),
        settings={"bound_factor": metrics.get("tip_bound_factor", 3.0)},
        data=DATA,
        split=_SPLIT,
        seed=seed,
        command=command,
        metrics=metrics,
        intended_use="Research: refines the tips that xray-devices finds. Not a medical device.",
        limits=f"{_LIMITS} {_EIGHT_BITS}",
    )
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.name
        export(ExportedTips(network).eval(), plain, inputs, list(outputs))
        quantise_tips(plain, path, _crops(drawn, seed))
        write_card(card, path)
        ship_half(plain, path)
    return path


def _crops(drawn: Sources, seed: int) -> Iterator[npt.NDArray[np.float32]]:
    """Give crops (1, 48, 48) about tips, and about places without one, of the images that set the 8-bit ranges."""
    torch.manual_seed(seed)
    for i in range(_CALIBRATION_IMAGES):
        sample = draw(drawn, _UNSEEN_SEED, seed, i)
        image, truth = (
            torch.from_numpy(part).expand(_CROPS_EACH, *part.shape) for part in (sample.image, sample.truth)
        )
        yield from cut(image.float(), truth.float())[0].numpy()
