"""What holds for the classes of beats."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from heartwire.engine.ecg.beat_class import BEAT_LOOKS_BACK, BeatClassifier, Verdict
from heartwire.engine.ecg.beat_context import AFTER, ROWS
from heartwire.engine.ecg.paced_patient import PacedPatient
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model

_V_AT = 12


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("ecg-beats", provider="cpu")


def _rhythm() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Draw sinus rhythm of two leads with one early, wide, upside-down beat: (n_samples, 2) and R peaks."""
    peaks = 300.0 + 200.0 * np.arange(20)
    peaks[_V_AT] -= 80.0
    t = np.arange(int(peaks[-1]) + 300)[:, None] - peaks
    lead = np.zeros(t.shape)
    for at, size, width in ((-40, 0.15, 6.0), (0, 1.0, 3.0), (60, 0.3, 14.0)):
        lead += size * np.exp(-0.5 * ((t - at) / width) ** 2)
    wide = -1.6 * np.exp(-0.5 * (t / 10.0) ** 2) + 0.7 * np.exp(-0.5 * ((t - 55) / 18.0) ** 2)
    lead[:, _V_AT] = wide[:, _V_AT]
    wave = lead.sum(axis=1)
    return np.stack((wave, 0.6 * wave), axis=1).astype(np.float32), peaks


def _classify(
    classifier: BeatClassifier, signal: npt.NDArray[np.float32], peaks: npt.NDArray[np.float64], done: int = 0
) -> list[tuple[Verdict, Verdict | None]]:
    verdicts = []
    for at in peaks:
        end = int(at) + AFTER + 12
        classifier.push(signal[done:end], np.zeros_like(signal[done:end]))
        verdicts.append(classifier.classify(float(at)))
        done = end
    return verdicts


def test_an_early_wide_beat_among_sinus_beats_is_ventricular(model: Model) -> None:
    verdicts = _classify(BeatClassifier(model, Tail(BEAT_LOOKS_BACK, ROWS)), *_rhythm())
    assert [now.label for now, _ in verdicts[4:]] == ["V" if i == _V_AT else "N" for i in range(4, 20)]
    assert verdicts[0][1] is None
    assert verdicts[_V_AT + 1][1] is not None
    assert verdicts[_V_AT + 1][1].label == "V"


def test_the_cutting_of_what_is_pushed_does_not_matter(model: Model) -> None:
    signal, peaks = _rhythm()
    whole = _classify(BeatClassifier(model, Tail(BEAT_LOOKS_BACK, ROWS)), signal, peaks)
    classifier, done, verdicts = BeatClassifier(model, Tail(BEAT_LOOKS_BACK, ROWS)), 0, []
    for at in peaks:
        end = int(at) + AFTER + 12
        for first in range(done, end, 7):
            piece = signal[first : min(first + 7, end)]
            classifier.push(piece, np.zeros_like(piece))
        verdicts.append(classifier.classify(float(at)))
        done = end
    assert verdicts == whole


def test_a_snapshot_goes_on_where_it_was_taken_and_reset_is_fresh(model: Model) -> None:
    signal, peaks = _rhythm()
    classifier = BeatClassifier(model, Tail(BEAT_LOOKS_BACK, ROWS))
    whole = _classify(classifier, signal, peaks)
    kept = Tail(BEAT_LOOKS_BACK, ROWS)
    restored = BeatClassifier(model, kept)
    _classify(restored, signal, peaks[:9])
    states = restored.snapshot(), kept.snapshot()
    restored.reset()
    kept.reset()
    assert _classify(restored, signal, peaks) == whole
    restored.restore(states[0])
    kept.restore(states[1])
    assert _classify(restored, signal, peaks[9:], int(peaks[8]) + AFTER + 12) == whole[9:]


def test_a_wide_beat_at_the_pacemakers_pace_is_paced_and_an_early_one_ventricular(model: Model) -> None:
    signal, peaks = _rhythm()
    early, at_pace = (
        BeatClassifier(model, Tail(BEAT_LOOKS_BACK, ROWS)),
        BeatClassifier(model, Tail(BEAT_LOOKS_BACK, ROWS)),
    )
    for classifier, rr_s in ((early, 0.8), (at_pace, float(peaks[_V_AT] - peaks[_V_AT - 1]) / 250.0)):
        state = msgspec.msgpack.decode(classifier.snapshot())
        patient = PacedPatient()
        for _ in range(40):
            patient.beat(rr_s, paced=True)
        state["patient"] = patient.snapshot()
        classifier.restore(msgspec.msgpack.encode(state))
    verdicts = [_classify(classifier, signal, peaks) for classifier in (early, at_pace)]
    assert [told[_V_AT][0].label for told in verdicts] == ["V", "Q"]
    assert [before.label for told in verdicts if (before := told[_V_AT + 1][1])] == ["V", "Q"]


def test_a_card_without_a_weight_or_with_other_classes_is_refused(model: Model) -> None:
    card = model.card
    lacking = SimpleNamespace(name=card.name, labels=card.labels, settings={})
    with pytest.raises(ModelError, match="immediate_weight_N"):
        BeatClassifier(SimpleNamespace(card=lacking), Tail(1, ROWS))  # type: ignore[arg-type]
    others = SimpleNamespace(name=card.name, labels=["N", "V"], settings=card.settings)
    with pytest.raises(ModelError, match="tells apart"):
        BeatClassifier(SimpleNamespace(card=others), Tail(1, ROWS))  # type: ignore[arg-type]
