"""The network that says how many of the last beats belong to atrial fibrillation, from a window in numbers."""

from __future__ import annotations

import torch
from torch import nn

from heartwire.engine.ecg.last_beats import FEATURES

_WIDTHS = (32, 16)


class FibrillationNetwork(nn.Module):  # type: ignore[misc]
    """Three layers; `middle` and `spread` bring each number to a common scale.

    Parameters
    ----------
    middle, spread
        (FEATURES,) mean and standard deviation of each number over the training windows.
    """

    middle: torch.Tensor
    spread: torch.Tensor

    def __init__(self, middle: torch.Tensor, spread: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("middle", middle)
        self.register_buffer("spread", spread)
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, _WIDTHS[0]), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(_WIDTHS[0], _WIDTHS[1]), nn.ReLU(),
            nn.Linear(_WIDTHS[1], 1),
        )  # fmt: skip

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Give the raw output (batch,)."""
        result: torch.Tensor = self.layers((features - self.middle) / self.spread)[:, 0]
        return result

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give the probability (batch, 1) that a beat of the window belongs to atrial fibrillation.

        Parameters
        ----------
        features
            (batch, FEATURES) of `heartwire.engine.ecg.last_beats`.
        """
        return torch.sigmoid(self.logits(features))[:, None]
