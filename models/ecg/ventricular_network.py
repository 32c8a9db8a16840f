"""The network that tells ventricular tachycardia and fibrillation from other rhythms, one lead, one window.

Four strided convolutions (2-D with height 1), then the mean and the largest response of every channel, over the whole
window and over its judged end.
"""

from __future__ import annotations

import torch
from torch import nn

N_SAMPLES = 500
"""A window at 125 Hz: 4 s."""
LABELS = ("other", "VT", "VF", "noise")
_WIDTHS = ((1, 24, 9), (24, 32, 9), (32, 48, 7), (48, 64, 5))


class VentricularNetwork(nn.Module):  # type: ignore[misc]
    """A window of one lead in mV to the probability of each of `LABELS`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(n_in, n_out, (1, width), stride=(1, 2), padding=(0, width // 2)) for n_in, n_out, width in _WIDTHS
        )
        self.drop = nn.Dropout(0.3)
        self.hidden = nn.Linear(4 * _WIDTHS[-1][1], 48)
        self.last = nn.Linear(48, len(LABELS))

    def logits(self, signal: torch.Tensor) -> torch.Tensor:
        """Give the raw outputs (batch, 4).

        Parameters
        ----------
        signal
            (batch, 1, 1, 500).
        """
        x = signal
        for layer in self.layers:
            x = torch.relu(layer(x))
        end = x[:, :, :, x.shape[3] // 2 :]
        pooled = torch.cat((x.mean(3), x.amax(3), end.mean(3), end.amax(3)), dim=1).flatten(1)
        result: torch.Tensor = self.last(torch.relu(self.hidden(self.drop(pooled))))
        return result

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Give the probability of each label (batch, 4)."""
        return torch.softmax(self.logits(signal), dim=1)
