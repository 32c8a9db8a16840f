"""Runs the device network on a conditioned frame and what came before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heartwire.engine.inference import Model
from heartwire.engine.xray.cells import Cells, unfold
from heartwire.engine.xray.patches import PATCH_PX, ZERO, Patches

Array = npt.NDArray[np.float32]

CELL_PX = 2
"""A cell of the bodies' and electrodes' maps is this many px of the network's image."""
TIP_CELL_PX = 4
"""The same of the tips' maps."""


@dataclass(frozen=True)
class DeviceMap:
    """What the network says of one frame.

    In cells of 2 x 2 px of its image, `device` (2, h, w) is the probability that a cell lies on a catheter's or a
    guidewire's body, `electrode` (h, w) the heat of ring electrodes' centres in 0..1. In cells of 4 x 4 px, `tip`
    (2, h / 2, w / 2) is the heat of the tips of both, `offset` (2, h / 2, w / 2) the way in px from the cell's centre
    to the tip near it. The arrays are views of buffers that the next frame overwrites.
    """

    device: Array
    electrode: Array
    tip: Array
    offset: Array


class DeviceMapper:
    """One stream's buffers for the device network.

    Parameters
    ----------
    model
        The network; a stream of its own buffers is made and warmed.

    Raises
    ------
    ModelError
        If weights or card are missing or damaged.
    """

    def __init__(self, model: Model) -> None:
        self._runner = model.runner()
        self.patches: Patches = self._runner.inputs["patches"][0]
        """The network's input: fill it, then call `run`."""
        self._cells: Cells = self._runner.outputs["cells"][0]
        height, width, _ = self._cells.shape
        self._fine = np.empty((3, 2 * height, 2 * width), np.float32)
        self._tip, self._offset = (np.empty((2, height, width), np.float32) for _ in range(2))
        self.clear()

    @property
    def size_px(self) -> int:
        """Side of the network's image."""
        return (len(self.patches) - 1) * PATCH_PX

    def clear(self) -> None:
        """Empty the network's input."""
        self.patches[...] = ZERO

    def run(self) -> DeviceMap:
        """Run the network on `patches`."""
        self._runner.run()
        unfold(self._cells, self._fine, self._tip, self._offset)
        return DeviceMap(self._fine[:2], self._fine[2], self._tip, self._offset)
