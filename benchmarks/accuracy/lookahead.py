"""Accuracy against look-ahead: the QRS network confirming at each of its look-aheads, on conditioned records."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from heartwire.benchmarks.accuracy.annotated import Annotated
from heartwire.benchmarks.accuracy.beat_figures import QrsFigures, Spread, qrs_figures, spread
from heartwire.benchmarks.accuracy.beat_score import Beats, BeatScore, score_beats
from heartwire.engine.ecg.conditioning import Conditioner
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.engine.ecg.slots import FRAME, QrsSettings, SlotDecoder
from heartwire.engine.inference import Model
from heartwire.engine.messages import FloatArray
from heartwire.models.ecg.recordings import read_recording


class LookaheadPoint(msgspec.Struct, kw_only=True):
    """The detector alone at one look-ahead; the delay runs from the R peak to the decision."""

    lookahead_ms: float
    shipped: bool
    qrs: QrsFigures
    delay_ms: Spread | None


class LookaheadCurve:
    """Gathers the curve, record by record."""

    def __init__(self) -> None:
        self._model = Model(EcgSettings().qrs_model, provider="cpu")
        settings = self._model.card.settings
        self.lookaheads_s = [settings[f"lookahead_{i}_s"] for i in range(round(settings["lookaheads"]))]
        self._shipped_s = settings["confirmed_lookahead_s"]
        self._scores: dict[float, list[BeatScore]] = {s: [] for s in self.lookaheads_s}

    def add(self, record: Path, reference: Annotated) -> None:
        """Run the detector on a record, flutter not counted."""
        recording = read_recording(record)
        grid = Conditioner(reference.rate_hz, recording.signal.shape[1])
        slots = self._slots(recording.signal)
        for lookahead_s, scores in self._scores.items():
            decoder = SlotDecoder(QrsSettings.from_card(self._model.card.settings, lookahead_s=lookahead_s))
            peaks = [peak for peak in decoder.decode(slots) if peak.confirmed]
            samples = np.array([grid.source_sample(peak.at) for peak in peaks], np.int64)
            decided = [int(peak.decided_at * reference.rate_hz / 250.0) for peak in peaks]
            found = Beats.unclassed(samples)._replace(decisions=np.array(decided, np.int64))
            scores.append(score_beats(reference.beats, found, reference.rate_hz, left_out=reference.flutter))

    def _slots(self, signal: FloatArray) -> FloatArray:
        """Run the network over a whole conditioned record at once; (look-aheads x slots, n_frames)."""
        whole = signal[: len(signal) // FRAME * FRAME].T[None, :, None]
        silence = {
            name: np.zeros([1, *shape[1:]], np.float32)
            for name, shape in self._model.card.inputs.items()
            if name.startswith("state_")
        }
        qrs: FloatArray = self._model.session.run(["qrs"], {"signal": np.ascontiguousarray(whole), **silence})[0]
        return qrs[0, :, 0]

    def points(self) -> list[LookaheadPoint]:
        """Give the curve, the shortest look-ahead first."""
        return [
            LookaheadPoint(
                lookahead_ms=round(lookahead_s * 1e3, 3),
                shipped=lookahead_s == self._shipped_s,
                qrs=qrs_figures(scores),
                delay_ms=spread(BeatScore.total(scores).delays_ms),
            )
            for lookahead_s, scores in sorted(self._scores.items())
        ]
