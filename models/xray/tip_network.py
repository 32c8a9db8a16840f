"""The tip network: from a crop to the tip's place in it, how far off that may be, and whether a tip is there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CROP_PX = 48


class TipNet(nn.Module):  # type: ignore[misc]
    """Crops (n, 1, 48, 48), each of mean 0 and deviation 1, to (n, 4).

    Shift x and y of the tip from the crop's middle (px of the crop), log of the error's scale, logit of a tip being
    seen.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 1
        for i, n_out in enumerate(widths):
            stride = 1 if i == 0 else 2
            layers += [
                nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(True),
            ]  # fmt: skip
            n_in = n_out
        layers += [nn.Conv2d(n_in, n_in, 3, 1, 1, bias=False), nn.BatchNorm2d(n_in), nn.ReLU(True)]
        self.body = nn.Sequential(*layers)
        cells = (CROP_PX // 8) ** 2
        self.head = nn.Sequential(
            nn.Conv2d(n_in, 16, 1), nn.ReLU(True), nn.Flatten(),
            nn.Linear(16 * cells, 64), nn.ReLU(True), nn.Linear(64, 4),
        )  # fmt: skip

    def forward(self, crop: Tensor) -> Tensor:
        """Give shift, log scale of the error and logit of visibility."""
        out: Tensor = self.head(self.body(crop))
        return out


class ExportedTips(nn.Module):  # type: ignore[misc]
    """The network as it ships: shift (n, 2) px, error scale (n,) px, visibility (n,) in 0..1."""

    def __init__(self, network: TipNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give shift, error scale and visibility."""
        out = self.network(crop)
        return out[:, :2], torch.exp(out[:, 2]), torch.sigmoid(out[:, 3])
