"""Limits of each patient category hold together, come from the configuration, and are changed within their ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.alarms.limits import CATEGORIES, AlarmLimits, Category, changed, check
from heartwire.engine.ecg.settings import read_settings
from heartwire.engine.errors import CommandRefused, ConfigError


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_limits_of_every_category_hold_together(category: Category) -> None:
    settings = read_settings("bed/ecg", {"category": category})
    assert check(settings.limits) == ""
    assert settings.category == category


def test_younger_patients_have_higher_limits_and_shorter_pauses() -> None:
    limits = [read_settings("bed/ecg", {"category": c}).limits for c in ("adult", "paediatric", "neonate")]
    for name in ("brady_bpm", "tachy_bpm", "extreme_brady_bpm", "extreme_tachy_bpm"):
        values = [getattr(one, name) for one in limits]
        assert values == sorted(set(values))
    pauses = [one.pause_s for one in limits]
    assert pauses == sorted(set(pauses), reverse=True)


def test_a_neonate_is_asystolic_sooner() -> None:
    assert read_settings("bed/ecg", {"category": "neonate"}).rhythm.asystole_s == 3.0
    assert read_settings("bed/ecg", {}).rhythm.asystole_s == 4.0


def test_what_is_set_goes_before_the_category() -> None:
    settings = {"category": "neonate", "limits": {"tachy_bpm": 190.0}, "rhythm": {"vt_beats": 6}}
    read = read_settings("bed/ecg", settings)
    assert (read.limits.tachy_bpm, read.limits.brady_bpm) == (190.0, 100.0)
    assert (read.rhythm.vt_beats, read.rhythm.asystole_s) == (6, 3.0)


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"category": "elderly"}, r"\$\.category"),
        ({"limits": {"tachy_bpm": 40.0}}, r"brady_bpm < tachy_bpm.*\$\.limits"),
        ({"limits": {"tachy_bpm": 1000.0}}, r"\$\.limits\.tachy_bpm"),
        ({"limits": 5}, r"\$\.limits"),
        ({"category": "neonate", "limits": {"brady_bpm": 210.0}}, r"\$\.limits"),
    ],
)
def test_wrong_limits_in_a_configuration_are_refused_with_their_path(settings: dict[str, object], where: str) -> None:
    with pytest.raises(ConfigError, match=where):
        read_settings("bed/ecg", settings)


names = st.sampled_from(AlarmLimits.__struct_fields__)


@given(st.dictionaries(names | st.text(), st.floats() | st.integers(-5, 400).map(float)))
def test_changed_limits_hold_together_or_are_refused(changes: dict[str, float]) -> None:
    before = AlarmLimits()
    try:
        after = changed(before, changes)
    except CommandRefused:
        return
    assert check(after) == ""
    assert {name: getattr(after, name) for name in changes} == changes
    for name in set(AlarmLimits.__struct_fields__) - set(changes):
        assert getattr(after, name) == getattr(before, name)
