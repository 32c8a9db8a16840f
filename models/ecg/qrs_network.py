"""The QRS network: a causal convolutional network that carries its own past.

Three strided convolutions bring 250 Hz down to frames of 32 ms; dilated residual blocks look back about four seconds.
Every convolution keeps the end of its input as state, so that running piece by piece equals running over the whole
record. Convolutions are 2-D with height 1, which ONNX Runtime lays out better than 1-D ones.

Each frame answers for four slots of 8 ms, and for each of several look-aheads: whether an R peak lay in that slot, seen
so much later. All look-aheads come from one network, so that accuracy against delay is a curve of one model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

FRAME = 8
"""Samples in a frame, at 250 Hz."""
SLOTS = 4
"""Slots in a frame, two samples each."""
LOOKAHEADS_S = (0.040, 0.080, 0.104, 0.160)
"""From the end of an R peak's slot to the last sample that the answer may rest on, where the slot is a frame's last."""
CHANNELS = 48
DILATIONS = (1, 2, 4, 8, 16, 32, 1, 2, 4)


class CausalConv(nn.Module):  # type: ignore[misc]
    """A convolution over time whose output needs nothing later than its input; the past comes in as state."""

    def __init__(self, n_in: int, n_out: int, width: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, (1, width), stride=(1, stride), dilation=(1, dilation))
        self.past = (width - 1) * dilation + 1 - stride
        self.n_in = n_in

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Take the input and what came before it; give the output and what came before the next input."""
        whole = torch.cat((state, x), dim=3)
        return self.conv(whole), whole[:, :, :, whole.shape[3] - self.past :]


class Block(nn.Module):  # type: ignore[misc]
    """Dilated convolution, then a pointwise one, added to the input."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.wide = CausalConv(channels, channels, 3, dilation=dilation)
        self.mix = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the output and the next state."""
        y, state = self.wide(x, state)
        return torch.relu(x + self.mix(torch.relu(y))), state


class QrsNetwork(nn.Module):  # type: ignore[misc]
    """Two leads in mV to the probability of an R peak, slot by slot, and the quality of each lead, frame by frame."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.ModuleList(
            (CausalConv(2, 16, 9, stride=2), CausalConv(16, 32, 5, stride=2), CausalConv(32, CHANNELS, 5, stride=2))
        )
        self.blocks = nn.ModuleList(Block(CHANNELS, dilation) for dilation in DILATIONS)
        self.heads = nn.Conv2d(CHANNELS, len(LOOKAHEADS_S) * SLOTS + 2, 1)

    def states(self, batch: int) -> list[torch.Tensor]:
        """Give the state at the start of a stream: silence."""
        convs = [*self.stem, *(block.wide for block in self.blocks)]
        return [torch.zeros(batch, conv.n_in, 1, conv.past) for conv in convs]

    def logits(self, signal: torch.Tensor, states: Sequence[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Give the raw outputs (batch, 4 x look-aheads + 2, 1, n_frames) and the next states."""
        x, after = signal, []
        for conv, state in zip(self.stem, states[: len(self.stem)], strict=True):
            x, kept = conv(x, state)
            x = torch.relu(x)
            after.append(kept)
        for block, state in zip(self.blocks, states[len(self.stem) :], strict=True):
            x, kept = block(x, state)
            after.append(kept)
        return self.heads(x), after

    def forward(self, signal: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Give `qrs`, `quality` and the next states.

        Parameters
        ----------
        signal
            (batch, 2, 1, n_samples), n_samples a multiple of `FRAME`.
        states
            As given by `states`, or by the call before.

        Returns
        -------
        `qrs` (batch, look-aheads x slots, 1, n_frames), the slots of one look-ahead side by side; `quality` (batch, 2,
        1, n_frames); and a state for each convolution.
        """
        raw, after = self.logits(signal, states)
        p = torch.sigmoid(raw)
        return p[:, :-2], p[:, -2:], *after
