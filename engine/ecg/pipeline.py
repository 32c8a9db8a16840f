"""The ECG processor: analysis and alarms of one stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from heartwire.engine.alarms.rules import EcgAlarms
from heartwire.engine.alarms.verification import Verifier
from heartwire.engine.ecg.analyser import EcgAnalyser
from heartwire.engine.ecg.conduction import ConductionMeter
from heartwire.engine.ecg.fibrillation import FibrillationDetector
from heartwire.engine.ecg.joining import joined
from heartwire.engine.ecg.leads import N_ANALYSED
from heartwire.engine.ecg.settings import EcgSettings, read_settings
from heartwire.engine.inference import shared
from heartwire.engine.messages import EcgChunk, Finding, Item
from heartwire.engine.processor import Processor
from heartwire.engine.stacking import Asking, alone

_FRAMES = 8
"""Most frames of the QRS network in a message of usual length: 256 ms."""


class EcgPipeline(Processor):
    """Samples in; beats, heart rate, rhythm, signal quality and alarms out.

    Parameters
    ----------
    stream
        The stream's id.
    settings
        Models, leads, rhythms and alarm limits.

    Raises
    ------
    ModelError
        If a model is missing or damaged.
    """

    def __init__(self, stream: str, settings: EcgSettings) -> None:
        names = {name: getattr(settings, name) for name in ("qrs_model", "beat_model", "vf_model", "af_model")}
        models = {key: shared(name, settings.provider, settings.threads) for key, name in names.items()}
        qrs_model, beat_model, vf_model, af_model = models.values()
        self._qrs, self._vf, self._of_beats = qrs_model, vf_model, (beat_model, af_model)
        fibrillation = FibrillationDetector(af_model, settings.fibrillation)
        self._analyser = EcgAnalyser(stream, settings, qrs_model, beat_model, vf_model, fibrillation)
        verifier = None
        if settings.alarm_model:
            models["alarm_model"] = shared(settings.alarm_model, "cpu", settings.threads)
            verifier = Verifier(models["alarm_model"])
        self._rules = EcgAlarms(stream, settings.limits, verifier)
        self.alarms = self._rules.board
        self.algorithmic_delay_s = self._analyser.algorithmic_delay_s
        self.models = models
        self.notes = [model.describe() for model in models.values()]

    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item; give the findings it completes, alarms after what they rest on."""
        return self.process_many([item])

    def process_many(self, items: Sequence[Item]) -> Iterable[Finding]:
        """Take several waiting items at once; same output as one by one."""
        return alone(self.asking(items))

    def asking(self, items: Sequence[Item]) -> Asking[list[Finding]]:
        """Take several waiting items at once, while other streams take theirs."""
        findings: list[Finding] = []
        for item in joined(items):
            for step in (yield from self._analyser.asking_steps(item)):
                findings += step.findings
                findings += self._rules.step(step)
        return findings

    def share(self, n_streams: int) -> None:
        """Run once every shape of the networks that messages of so many streams lead to."""
        self._qrs.stack.warm_up(n_streams, frames=range(1, _FRAMES + 1))
        self._vf.stack.warm_up(n_streams, rows=N_ANALYSED)
        for model in self._of_beats:
            model.stack.warm_up(n_streams)

    def reset(self) -> None:
        """Return to the state of a fresh processor."""
        self._analyser.reset()
        self._rules.reset()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self._analyser.snapshot(), self._rules.snapshot()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        analyser, rules = msgspec.msgpack.decode(state, type=tuple[bytes, bytes])
        self._analyser.restore(analyser)
        self._rules.restore(rules)


def create(stream: str, settings: Mapping[str, Any]) -> EcgPipeline:
    """Make the processor of an ECG stream.

    Parameters
    ----------
    stream
        The stream's id.
    settings
        The fields of `EcgSettings`.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    ModelError
        If a model is missing or damaged.
    """
    pipeline = EcgPipeline(stream, read_settings(stream, settings))
    _warm_up(pipeline)
    return pipeline


def _warm_up(pipeline: EcgPipeline) -> None:
    """Go once through all that is compiled or allocated at first use, so that no patient waits for it."""
    time_s = np.arange(8 * 250, dtype=np.float32)[:, None] / 250
    spikes = np.exp(-(((time_s % 0.8) - 0.4) ** 2) / 2e-4)
    samples = np.repeat(spikes, 3, axis=1).astype(np.float32)
    chunk = EcgChunk(stream="warm-up", first_sample=0, rate_hz=250.0, leads=("I", "II", "PLETH"), samples=samples)
    for _ in pipeline.process(chunk):
        pass
    pipeline.reset()
    ConductionMeter().warm_up()
