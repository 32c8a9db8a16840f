"""The device network: a dense U-Net with a stride-2 stem; everything comes out at half the input's resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = ("catheter", "guidewire")
OFFSET_SCALE_PX = 8.0
"""An offset output of 1 is this many input px."""


def _block(n_in: int, n_out: int, *, stride: int = 1, dilation: int = 1, kernel: int = 3) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, stride, padding, dilation, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(True)
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
    """Image (n, 1, h, w) to logits at (h / 2, w / 2): device (n, 2), tip (n, 2) and tip offset (n, 2).

    `device` holds catheter and guidewire bodies, `tip` their tips, `offset` the way from a cell's centre to the tip
    near it, (x, y) in units of 8 input px.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stem = _block(1, a, stride=2, kernel=5)
        self.down1 = nn.Sequential(_block(a, b, stride=2), _block(b, b))
        self.down2 = nn.Sequential(_block(b, c, stride=2), _Residual(c))
        self.down3 = nn.Sequential(_block(c, d, stride=2), _Residual(d, 1), _Residual(d, 2))
        self.up2 = _Up(d, c)
        self.up1 = _Up(c, b)
        self.up0 = _Up(b, a)
        self.head = nn.Conv2d(a, 6, 1)
        with torch.no_grad():
            bias = self.head.bias
            assert bias is not None
            bias.copy_(torch.tensor([-3.0, -3.0, -5.0, -5.0, 0.0, 0.0]))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the logits of device and tip, and the offset."""
        fine = self.stem(image)
        middle = self.down1(fine)
        coarse = self.down2(middle)
        deep = self.down3(coarse)
        out = self.head(self.up0(self.up1(self.up2(deep, coarse), middle), fine))
        return out[:, :2], out[:, 2:4], out[:, 4:]


class Exported(nn.Module):  # type: ignore[misc]
    """The network as it ships: probabilities instead of logits, offsets in input px."""

    def __init__(self, network: DeviceNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give device and tip probabilities and the tip offset in px."""
        device, tip, offset = self.network(image)
        return torch.sigmoid(device), torch.sigmoid(tip), offset * OFFSET_SCALE_PX
