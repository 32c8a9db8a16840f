"""What holds for R peaks decoded from the slots of the QRS network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.slots import FRAME, REFRACTORY, SLOT, SLOTS, Bar, Peak, QrsSettings, SlotDecoder
from heartwire.engine.errors import ModelError

_CARD = {
    "lookaheads": 2.0,
    "lookahead_0_s": 0.040,
    "lookahead_1_s": 0.104,
    "provisional_lookahead_s": 0.040,
    "confirmed_lookahead_s": 0.104,
    "provisional_threshold": 0.4,
    "confirmed_threshold": 0.45,
}
_SETTINGS = QrsSettings.from_card(_CARD)


def _slots(peaks: dict[int, float], n_slots: int = 800) -> npt.NDArray[np.float32]:
    """Draw what the network gives for R peaks in these slots, so sure of each: (look-aheads x slots, n_frames)."""
    rows = np.zeros((2, n_slots), np.float32)
    for row, lookahead in enumerate(_SETTINGS.lookaheads):
        for slot, sure in peaks.items():
            at = np.arange(n_slots) - lookahead - slot
            rows[row] = np.maximum(rows[row], sure * np.exp(-0.5 * (at / 1.5) ** 2))
    return rows.reshape(2, -1, SLOTS).transpose(0, 2, 1).reshape(2 * SLOTS, -1)


def _confirmed(peaks: list[Peak]) -> list[float]:
    return [peak.at for peak in peaks if peak.confirmed]


def test_each_peak_is_told_twice_and_in_its_place() -> None:
    found = SlotDecoder(_SETTINGS).decode(_slots({100: 1.0, 220: 0.8}))
    assert [peak.confirmed for peak in found] == [False, True, False, True]
    assert _confirmed(found) == pytest.approx([100 * SLOT + 0.5, 220 * SLOT + 0.5], abs=0.1)
    assert all(abs(found[i].at - found[i + 1].at) <= 3 * SLOT for i in (0, 2))


def test_a_decision_rests_on_nothing_after_its_frame() -> None:
    qrs = _slots({100: 1.0, 220: 0.8, 330: 0.9})
    for peak in SlotDecoder(_SETTINGS).decode(qrs):
        n_frames = (peak.decided_at + 1) // FRAME
        assert (peak.decided_at + 1) % FRAME == 0
        assert peak in SlotDecoder(_SETTINGS).decode(qrs[:, :n_frames])
        assert peak not in SlotDecoder(_SETTINGS).decode(qrs[:, : n_frames - 1])
        assert peak.decided_at - peak.at <= _SETTINGS.delay


def test_a_weak_peak_is_none() -> None:
    assert SlotDecoder(_SETTINGS).decode(_slots({100: 0.3})) == []


def test_a_peak_within_the_refractory_period_is_none() -> None:
    found = SlotDecoder(_SETTINGS).decode(_slots({100: 1.0, 100 + REFRACTORY - 8: 0.9}))
    assert _confirmed(found) == pytest.approx([100 * SLOT + 0.5], abs=0.2)


def test_a_surer_peak_overrules_one_that_came_shortly_before() -> None:
    found = SlotDecoder(_SETTINGS).decode(_slots({100: 0.6, 100 + REFRACTORY - 3: 1.0}))
    assert len(_confirmed(found)) == 2


def test_a_bar_holds_for_what_is_decided_once_it_is_known() -> None:
    qrs, at = _slots({100: 1.0}), 100 * SLOT
    decided_at = next(peak.decided_at for peak in SlotDecoder(_SETTINGS).decode(qrs) if peak.confirmed)
    for known_at, told in ((decided_at, False), (decided_at + 1, True)):
        found = SlotDecoder(_SETTINGS).decode(qrs, [Bar(at - 8, at + 24, known_at)])
        assert bool(_confirmed(found)) is told


@settings(deadline=None)  # the first call compiles
@given(
    st.lists(st.integers(20, 700), min_size=1, max_size=12, unique=True),
    st.lists(st.integers(1, 60), min_size=1, max_size=20),
)
def test_the_cutting_into_calls_and_a_restart_change_nothing(places: list[int], cuts: list[int]) -> None:
    qrs = _slots(dict.fromkeys(places, 0.9))
    whole = SlotDecoder(_SETTINGS).decode(qrs)
    decoder, found, at = SlotDecoder(_SETTINGS), [], 0
    for n in [*cuts, qrs.shape[1]]:
        found += decoder.decode(qrs[:, at : at + n])
        at += n
        restored = SlotDecoder(_SETTINGS)
        restored.restore(decoder.snapshot())
        decoder = restored
    assert found == whole
    decoder.reset()
    assert decoder.decode(qrs) == whole


def test_a_card_without_a_setting_is_refused() -> None:
    with pytest.raises(ModelError, match="confirmed_threshold"):
        QrsSettings.from_card({k: v for k, v in _CARD.items() if k != "confirmed_threshold"})


def test_a_look_ahead_that_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(ModelError, match=r"no look-ahead of 0\.05 s"):
        QrsSettings.from_card(_CARD, lookahead_s=0.05)
    assert QrsSettings.from_card(_CARD, lookahead_s=0.040).confirmed == 0
