"""The settings of the processors `onnx-ecg` and `onnx-frames`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from heartwire.engine.errors import ConfigError
from heartwire.engine.providers import ProviderChoice


class ClassifySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `settings` of a stream with a classifier of somebody's own."""

    model: str
    """Path of the .onnx file, its card beside it; all else is in the card."""
    provider: ProviderChoice = "auto"
    threads: int = 1
    age_budget_ms: float = 0.0
    """Of frames, given by the station, which drops those that are older."""


def read_settings(stream: str, settings: Mapping[str, Any]) -> ClassifySettings:
    """Check the settings of a stream.

    Raises
    ------
    ConfigError
        With the path of the wrong key or value.
    """
    try:
        return msgspec.convert(dict(settings), ClassifySettings)
    except msgspec.ValidationError as error:
        msg = f"stream {stream!r}, settings of its classifier: {error}"
        raise ConfigError(msg) from None
