from __future__ import annotations

import numpy as np

from heartwire.engine.ecg.leads import LeadChoice, LeadSettings
from heartwire.engine.ecg.quality import LeadQuality


def quality(*values: float, off: tuple[int, ...] = ()) -> LeadQuality:
    flags = np.zeros(len(values), np.bool_)
    flags[list(off)] = True
    return LeadQuality(np.array(values, np.float32), flags)


def test_the_two_best_leads_are_chosen_each_in_its_channel() -> None:
    choice = LeadChoice(4, LeadSettings())
    assert choice.update(quality(0.2, 0.9, 0.3, 0.8))
    assert choice.chosen == (3, 1)


def test_a_slightly_better_lead_changes_nothing() -> None:
    choice = LeadChoice(3, LeadSettings())
    for _ in range(100):
        assert not choice.update(quality(0.6, 0.7, 0.8))
    assert choice.chosen == (0, 1)


def test_a_clearly_better_lead_is_taken_in_time() -> None:
    choice = LeadChoice(3, LeadSettings())
    for _ in range(50):
        choice.update(quality(0.9, 0.9, 0.9))
    changes = [choice.update(quality(0.3, 0.9, 0.9)) for _ in range(50)]
    assert changes.count(True) == 1
    assert 5 < changes.index(True) < 25
    assert choice.chosen == (2, 1)


def test_a_lead_that_is_off_is_replaced_at_once() -> None:
    choice = LeadChoice(3, LeadSettings())
    choice.update(quality(0.9, 0.9, 0.5))
    assert choice.update(quality(0.0, 0.9, 0.5, off=(0,)))
    assert choice.chosen == (2, 1)


def test_one_or_two_leads_are_always_chosen() -> None:
    assert LeadChoice(1, LeadSettings()).chosen == (0,)
    choice = LeadChoice(2, LeadSettings())
    assert not choice.update(quality(0.0, 0.0, off=(0, 1)))
    assert choice.chosen == (0, 1)


def test_a_snapshot_carries_the_choice_and_the_smoothed_quality() -> None:
    choice, other = LeadChoice(3, LeadSettings()), LeadChoice(3, LeadSettings())
    for _ in range(10):
        choice.update(quality(0.3, 0.9, 0.6))
    other.restore(choice.snapshot())
    for _ in range(30):
        assert choice.update(quality(0.3, 0.9, 0.9)) == other.update(quality(0.3, 0.9, 0.9))
    assert other.chosen == choice.chosen == (2, 1)
