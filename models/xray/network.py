"""The device network: a stem of stride 4, an encoder to 1/32 and back; bodies come out at half the input's resolution.

Three planes go in: the frame, the one before it and a slow average, all conditioned. On a still or the first frame of
a run they are the same.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from heartwire.engine.xray.cells import CHANNELS, LOGIT_STEPS, OFFSET_STEPS, ZERO
from heartwire.models.xray.truth import OFFSET_SCALE_PX

CLASSES = ("catheter", "guidewire")
PLANES = 3
_FINE = 3
_CELLS = 2


def _block(n_in: int, n_out: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(True)
    )


class _Residual(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _block(channels, channels, dilation=dilation)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, dilation, dilation, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class _Up(nn.Module):  # type: ignore[misc]
    """Bring the coarse features to the skip's resolution and add them to it."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.narrow = nn.Sequential(nn.Conv2d(coarse, fine, 1, bias=False), nn.BatchNorm2d(fine))
        self.mix = _block(fine, fine)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        up = nn.functional.interpolate(self.narrow(x), scale_factor=2.0, mode="nearest")
        mixed: Tensor = self.mix(torch.relu(up + skip))
        return mixed


class DeviceNet(nn.Module):  # type: ignore[misc]
    """Images (n, 3, h, w) to logits.

    `fine` (n, 3, h / 2, w / 2): bodies of catheters and guidewires, and the centres of ring electrodes; `tip`
    (n, 2, h / 4, w / 4): tips of both; `offset` (n, 2, h / 4, w / 4): the way from a cell's centre to the tip near it,
    (x, y) in units of 8 input px.

    Convolutions at 1/2 and full resolution would take most of the time on a CPU: the stem reads patches of 8 x 8 px at
    once, and the fine output is rearranged from the channels of the quarter resolution (Shi 2016, sub-pixel
    convolution).
    """

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 96, 128)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stem = nn.Sequential(nn.Conv2d(PLANES, a, 8, 4, 2, bias=False), nn.BatchNorm2d(a), nn.ReLU(True))
        self.down1 = nn.Sequential(_block(a, b, stride=2), _Residual(b))
        self.down2 = nn.Sequential(_block(b, c, stride=2), _Residual(c), _Residual(c))
        self.down3 = nn.Sequential(_block(c, d, stride=2), _Residual(d), _Residual(d, 2))
        self.up2 = _Up(d, c)
        self.up1 = _Up(c, b)
        self.up0 = _Up(b, a)
        self.head = nn.Conv2d(a, _FINE * _CELLS**2 + 4, 1)
        with torch.no_grad():
            bias = self.head.bias
            assert bias is not None
            bias.copy_(torch.tensor([-3.0] * 8 + [-5.0] * 6 + [0.0, 0.0]))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the logits of bodies and electrodes, of tips, and the offset."""
        out = self.head(self.features(image))
        fine = nn.functional.pixel_shuffle(out[:, : _FINE * _CELLS**2], _CELLS)
        return fine, out[:, -4:-2], out[:, -2:]

    def features(self, image: Tensor) -> Tensor:
        """Give what the head reads."""
        quarter = self.stem(image)
        eighth = self.down1(quarter)
        sixteenth = self.down2(eighth)
        deep = self.down3(sixteenth)
        features: Tensor = self.up0(self.up1(self.up2(deep, sixteenth), eighth), quarter)
        return features


def head_steps() -> Tensor:
    """Give the steps of `heartwire.engine.xray.cells` that a unit of each output is."""
    return torch.tensor([LOGIT_STEPS] * (CHANNELS - 2) + [OFFSET_STEPS * OFFSET_SCALE_PX] * 2)


class Exported(nn.Module):  # type: ignore[misc]
    """The network as it ships: the steps of `heartwire.engine.xray.cells`, (n, h / 4, w / 4, 16), not yet rounded."""

    def __init__(self, network: DeviceNet) -> None:
        super().__init__()
        self.network = network
        self.head = copy.deepcopy(network.head)
        steps = head_steps()
        with torch.no_grad():
            self.head.weight *= steps[:, None, None, None]
            self.head.bias.copy_(self.head.bias * steps + ZERO)

    def forward(self, image: Tensor) -> Tensor:
        """Give the cells."""
        cells: Tensor = self.head(self.network.features(image)).permute(0, 2, 3, 1)
        return cells
