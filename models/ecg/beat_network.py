"""The beat network: the class of each beat, from its wave, the patient's usual beat, and the rhythm so far.

A small convolutional encoder reads the wave and its difference from the usual one; a recurrent cell follows the rhythm
from beat to beat. One call a beat: the beat's class as it stands now (*immediate*), and that of the beat before it,
whose next RR interval is now known (*revised*).

A member of the ensemble has two such networks. One sees the spikes of this beat, and tells its class. The other sees
those of the last beats as well, and is asked only whether the beat is paced.
"""

from __future__ import annotations

import torch
from torch import nn

from heartwire.engine.ecg.beat_context import FEATURES, WIDTH

CLASSES = ("N", "S", "V", "F", "Q")
_OF_BEAT = (0, 1, 2, 3, 4, 5)
_OF_PATIENT = (0, 1, 2, 3, 6, 7, 8, 9)
"""Channels of `beat_context` that a network sees: with the spikes of this beat alone, or of the last ones as well."""
_PACED = CLASSES.index("Q")
_MEMORY = 64
_WAVE = 64
_NUMBERS = 32


class BeatNetwork(nn.Module):  # type: ignore[misc]
    """Tells beats apart by some channels of their wave."""

    def __init__(self, sees: tuple[int, ...]) -> None:
        super().__init__()
        self.sees = list(sees)
        self.encoder = nn.Sequential(
            nn.Conv2d(len(sees), 32, (1, 5), stride=(1, 2), padding=(0, 2)), nn.ReLU(),
            nn.Conv2d(32, 48, (1, 5), stride=(1, 2), padding=(0, 2)), nn.ReLU(),
            nn.Conv2d(48, 64, (1, 3), stride=(1, 2), padding=(0, 1)), nn.ReLU(),
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(64 * -(-WIDTH // 8), _WAVE), nn.ReLU(),
        )  # fmt: skip
        self.numbers = nn.Sequential(nn.Linear(FEATURES, _NUMBERS), nn.ReLU())
        self.memory = nn.GRU(_WAVE + _NUMBERS, _MEMORY, batch_first=True)
        seen = _WAVE + _NUMBERS + _MEMORY
        self.immediate = _head(seen)
        self.revised = _head(2 * _MEMORY + _WAVE + 2 * _NUMBERS)

    def describe(self, wave: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode beats: (n, CHANNELS, 1, WIDTH) and (n, FEATURES) to (n, 64) and (n, 32)."""
        return self.encoder(wave[:, self.sees]), self.numbers(features)

    def sequence(self, wave: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give both verdicts over whole sequences.

        Parameters
        ----------
        wave, features
            (batch, n_beats, CHANNELS, WIDTH) and (batch, n_beats, FEATURES).

        Returns
        -------
        Raw outputs (batch, n_beats, 5) immediate and (batch, n_beats - 1, 5) revised.
        """
        batch, n = wave.shape[:2]
        shape, numbers = self.describe(wave.flatten(0, 1)[:, :, None], features.flatten(0, 1))
        shape, numbers = shape.view(batch, n, -1), numbers.view(batch, n, -1)
        memory, _ = self.memory(torch.cat((shape, numbers), 2))
        now = self.immediate(torch.cat((shape, numbers, memory), 2))
        before = torch.cat((memory[:, 1:], memory[:, :-1], shape[:, :-1], numbers[:, :-1], numbers[:, 1:]), 2)
        return now, self.revised(before)

    def step(self, wave: torch.Tensor, features: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Take one beat of each stream and the state of the beat before: memory, shape, numbers side by side.

        Gives the raw immediate and revised outputs, (batch, 5) each, and the next state.
        """
        shape, numbers = self.describe(wave, features)
        memory_before, shape_before, numbers_before = state.split((_MEMORY, _WAVE, _NUMBERS), dim=1)
        memory = self._cell(torch.cat((shape, numbers), 1), memory_before)
        now = self.immediate(torch.cat((shape, numbers, memory), 1))
        before = self.revised(torch.cat((memory, memory_before, shape_before, numbers_before, numbers), 1))
        return now, before, torch.cat((memory, shape, numbers), 1)

    def _cell(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """Step the GRU once, with the weights of `memory`."""
        cell = self.memory
        from_x = nn.functional.linear(x, cell.weight_ih_l0, cell.bias_ih_l0)
        from_h = nn.functional.linear(h, cell.weight_hh_l0, cell.bias_hh_l0)
        reset_x, update_x, new_x = from_x.chunk(3, 1)
        reset_h, update_h, new_h = from_h.chunk(3, 1)
        update = torch.sigmoid(update_x + update_h)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        return new + update * (h - new)


def _head(n_in: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, len(CLASSES)))


class BeatMember(nn.Module):  # type: ignore[misc]
    """One member of the ensemble: a network that tells the class, and one more that tells who is paced."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = BeatNetwork(_OF_BEAT)
        self.pacing = BeatNetwork(_OF_PATIENT)

    def sequence(self, wave: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give both verdicts over whole sequences: probabilities in the shapes of `BeatNetwork.sequence`."""
        now, before = self.classes.sequence(wave, features)
        paced_now, paced_before = self.pacing.sequence(wave, features)
        return _together(now, paced_now), _together(before, paced_before)

    def step(self, wave: torch.Tensor, features: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Take one beat of each stream, as `BeatNetwork.step` does; probabilities, and the next state."""
        of_classes, of_pacing = state.chunk(2, 1)
        now, before, after = self.classes.step(wave, features, of_classes)
        paced_now, paced_before, paced_after = self.pacing.step(wave, features, of_pacing)
        return _together(now, paced_now), _together(before, paced_before), torch.cat((after, paced_after), 1)


def _together(raw: torch.Tensor, raw_of_pacing: torch.Tensor) -> torch.Tensor:
    """Give the probabilities of the classes; a beat is paced where either network says so."""
    paced = torch.softmax(raw_of_pacing, -1)[..., _PACED:]
    told = torch.softmax(raw, -1) * (1.0 - paced)
    return torch.cat((told[..., :_PACED], told[..., _PACED:] + paced), -1)


class BeatEnsemble(nn.Module):  # type: ignore[misc]
    """Members that differ in their first weights; their probabilities are averaged."""

    def __init__(self, members: list[BeatMember]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def state_width(self) -> int:
        """Numbers of state a stream."""
        return len(self.members) * 2 * (_MEMORY + _WAVE + _NUMBERS)

    def forward(self, wave: torch.Tensor, features: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Give `immediate` and `revised`, (batch, 5) probabilities, and the next state.

        Parameters
        ----------
        wave, features
            (batch, CHANNELS, 1, WIDTH) and (batch, FEATURES) of `heartwire.engine.ecg.beat_context`.
        state
            (batch, state_width), zeros at the start of a stream.
        """
        told = [
            member.step(wave, features, of_member)
            for member, of_member in zip(self.members, state.chunk(len(self.members), 1), strict=True)
        ]
        now, before, after = zip(*told, strict=True)
        return torch.stack(now).mean(0), torch.stack(before).mean(0), torch.cat(after, 1)
