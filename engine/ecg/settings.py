"""The settings of the ECG processor: the table `settings` of an ECG stream in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from heartwire.engine.alarms import limits
from heartwire.engine.alarms.limits import CATEGORIES, AlarmLimits, Category
from heartwire.engine.ecg.fibrillation import FibrillationSettings
from heartwire.engine.ecg.leads import LeadSettings
from heartwire.engine.ecg.patterns import PatternSettings
from heartwire.engine.ecg.rhythm import RhythmSettings
from heartwire.engine.errors import ConfigError
from heartwire.engine.providers import ProviderChoice


class EcgSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which models run where, and at what leads, rhythms and alarms change."""

    qrs_model: str = "ecg-qrs"
    beat_model: str = "ecg-beats"
    vf_model: str = "ecg-vf"
    af_model: str = "ecg-fibrillation"
    alarm_model: str = "ecg-alarms"
    """Asked before alarms of high priority, on streams with a pulse channel; empty: nothing is withheld."""
    provider: ProviderChoice = "cpu"
    """The networks are so small that the way to a GPU takes longer than they do."""
    threads: int = 1
    category: Category = "adult"
    """The patient's: what is not set otherwise is that category's."""
    noisy_below: float = 0.15
    """The signal is noisy where no analysed lead reaches this quality."""
    leads: LeadSettings = LeadSettings()
    rhythm: RhythmSettings = RhythmSettings()
    fibrillation: FibrillationSettings = FibrillationSettings()
    patterns: PatternSettings = PatternSettings()
    limits: AlarmLimits = AlarmLimits()


def read_settings(stream: str, settings: Mapping[str, Any]) -> EcgSettings:
    """Check the settings of a stream.

    Raises
    ------
    ConfigError
        With the path of the wrong key or value.
    """
    where = f"stream {stream!r}, settings of its ECG processor"
    try:
        given = msgspec.convert(dict(settings), EcgSettings)
        # Tables that a category begins, what is set on top of them.
        began = {name: table | settings.get(name, {}) for name, table in CATEGORIES[given.category].items()}
        read = msgspec.convert({**settings, **began}, EcgSettings)
    except msgspec.ValidationError as error:
        msg = f"{where}: {error}"
        raise ConfigError(msg) from None
    if wrong := limits.check(read.limits):
        msg = f"{where}: {wrong} - at `$.limits`"
        raise ConfigError(msg)
    return read
