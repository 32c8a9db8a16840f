"""Heart beats: the beat network run hop by hop, its frames decoded, each R peak put onto the wave."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.ecg.frames import CLASSES, FRAME, BeatSettings, FrameDecoder
from heartwire.engine.inference import Model
from heartwire.engine.messages import BeatClass

HOP = 40
"""Conditioned samples that one step takes."""
LIMIT_MV = 10.0

_WAVE = 256
_SNAP = 12
_SNAP_LEAST_MV = 0.05
_DOWNWARD = 0.7


class DetectedBeat(NamedTuple):
    """A beat on the conditioned 250 Hz grid.

    `at` is the R peak, with fractions. `decided_at` is the last grid sample that the decision needed.
    """

    at: float
    decided_at: int
    label: BeatClass
    confidence: float


def snap(wave: npt.NDArray[np.float32], at: float) -> float:
    """Put an R peak onto the tallest deflection of the wave within 48 ms; an upward one is taken before a downward one.

    Where the wave is too low to say, `at` stays.

    Parameters
    ----------
    wave
        (n_samples,) mV, one lead.
    at
        Where the network sees the peak, in samples.
    """
    first = max(round(at) - _SNAP, 1)
    near = wave[first : min(round(at) + _SNAP + 1, len(wave) - 1)]
    height = np.maximum(near, -_DOWNWARD * near)
    if not len(near) or height.max() < _SNAP_LEAST_MV:
        return at
    k = first + int(height.argmax())
    left, peak, right = (float(x) for x in wave[k - 1 : k + 2])
    bend = left - 2.0 * peak + right
    shift = 0.5 * (left - right) / bend if bend != 0.0 else 0.0
    return k + min(max(shift, -0.5), 0.5)


class _State(msgspec.Struct):
    network: bytes
    decoder: bytes
    wave: bytes


class BeatDetector:
    """Finds and classes the beats of one stream.

    The network sees two leads and their order does not matter to it; the R peak is placed on the first, so that it lies
    on the same deflection in every beat.

    Parameters
    ----------
    model
        The beat model; one may serve many streams of the same thread.
    """

    def __init__(self, model: Model) -> None:
        settings = BeatSettings.from_card(model.card.settings)
        self._runner = model.runner(shapes={"signal": (1, 2, 1, HOP)})
        self._decoder = FrameDecoder(settings)
        self._wave = np.zeros(_WAVE, np.float32)
        self.delay_s = ((settings.qrs_lookahead_frames + settings.wait_frames + 1) * FRAME + _SNAP + HOP) / 250.0
        """Longest time from an R peak in the conditioned signal to the decision."""

    def reset(self) -> None:
        """Return to the state of a fresh detector."""
        self._runner.reset()
        self._decoder.reset()
        self._wave[:] = 0.0

    def process(self, hop: npt.NDArray[np.float32]) -> list[DetectedBeat]:
        """Take the next hop; give the beats it completes.

        Parameters
        ----------
        hop
            (40, 2) conditioned samples of the two leads in use, mV; zeros for a lead that is not there.
        """
        np.clip(hop.T, -LIMIT_MV, LIMIT_MV, out=self._runner.inputs["signal"][0, :, 0])
        self._wave[:-HOP] = self._wave[HOP:]
        self._wave[-HOP:] = hop[:, 0]
        self._runner.run()
        outputs = self._runner.outputs
        found = self._decoder.decode(outputs["qrs"][0, 0, 0], outputs["beat_class"][0, :, 0])
        if not len(found):
            return []
        end = self._decoder.n_frames * FRAME
        first = end - _WAVE
        return [
            DetectedBeat(first + snap(self._wave, at - first), end - 1, CLASSES[int(kind)], float(p))
            for at, kind, p in found
        ]

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(_State(self._runner.snapshot(), self._decoder.snapshot(), self._wave.tobytes()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._runner.restore(s.network)
        self._decoder.restore(s.decoder)
        self._wave = np.frombuffer(s.wave, np.float32).copy()
