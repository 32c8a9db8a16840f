"""The beat network: a causal convolutional network that carries its own past.

Two strided convolutions bring 250 Hz down to frames of 16 ms; dilated residual blocks look back about five seconds.
Every convolution keeps the end of its input as state, so that running hop by hop equals running over the whole record.
Convolutions are 2-D with height 1, which ONNX Runtime lays out better than 1-D ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

HOP = 40
"""Samples a call takes, at 250 Hz."""
FRAME = 4
"""Samples in a frame."""
CLASSES = ("N", "S", "V", "F", "Q")
QRS_LOOKAHEAD_FRAMES = 10
CLASS_LOOKAHEAD_FRAMES = 20
DILATIONS = (1, 2, 4, 8, 16, 32, 64, 1, 2, 4, 8, 16)


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
        return self.conv(whole), whole[:, :, :, -self.past :]


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


class BeatNetwork(nn.Module):  # type: ignore[misc]
    """Two leads in mV to the probability of an R peak and its class, frame by frame.

    Parameters
    ----------
    channels
        Width of the blocks.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.stem = nn.ModuleList(
            (CausalConv(2, channels // 2, 9, stride=2), CausalConv(channels // 2, channels, 5, stride=2))
        )
        self.blocks = nn.ModuleList(Block(channels, dilation) for dilation in DILATIONS)
        self.heads = nn.Conv2d(channels, 1 + len(CLASSES), 1)

    def states(self, batch: int) -> list[torch.Tensor]:
        """Give the state at the start of a stream: silence."""
        convs = [*self.stem, *(block.wide for block in self.blocks)]
        return [torch.zeros(batch, conv.n_in, 1, conv.past) for conv in convs]

    def logits(self, signal: torch.Tensor, states: Sequence[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Give the raw outputs (batch, 6, 1, n_frames), QRS first, and the next states."""
        x, after = signal, []
        for conv, state in zip(self.stem, states[:2], strict=True):
            x, kept = conv(x, state)
            x = torch.relu(x)
            after.append(kept)
        for block, state in zip(self.blocks, states[2:], strict=True):
            x, kept = block(x, state)
            after.append(kept)
        return self.heads(x), after

    def forward(self, signal: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Give `qrs`, `beat_class` and the next states.

        Parameters
        ----------
        signal
            (batch, 2, 1, n_samples), n_samples a multiple of `FRAME`.
        states
            As given by `states`, or by the call before.
        """
        raw, after = self.logits(signal, states)
        return torch.sigmoid(raw[:, :1]), torch.softmax(raw[:, 1:], dim=1), *after
