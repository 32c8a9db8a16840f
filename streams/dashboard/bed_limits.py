"""The alarm limits of each bed as they are now: those of the configuration, with what commands changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from heartwire.engine.alarms import recall
from heartwire.engine.alarms.limits import CATEGORIES, AlarmLimits, changed
from heartwire.engine.config import StreamConfig
from heartwire.engine.errors import CommandRefused, JournalError


class Limit(msgspec.Struct, kw_only=True):
    """One limit and the range that it may be in."""

    name: str
    value: float
    first: float
    minimum: float
    maximum: float
    whole: bool


class BedLimits:
    """Follows the limits of beds.

    Parameters
    ----------
    streams
        The ECG streams.
    """

    def __init__(self, streams: Iterable[StreamConfig]) -> None:
        self._first = {stream.id: _configured(stream.settings) for stream in streams}
        self._now = dict(self._first)

    def recall(self, journal: Path, epoch: int) -> None:
        """Take what was changed before this process began."""
        with suppress(JournalError):
            for stream in self._now:
                self.change(stream, recall.lost_limits(journal, stream, epoch))
                for command in recall.commands(journal, stream, epoch, 0):
                    self.change(stream, command.limits)

    def change(self, stream: str, changes: Mapping[str, float]) -> None:
        """Take a change that was carried out."""
        if changes and stream in self._now:
            with suppress(CommandRefused):
                self._now[stream] = changed(self._now[stream], changes)

    def of(self, stream: str) -> list[Limit]:
        """Give the limits of a bed; none where there is no such bed."""
        if stream not in self._now:
            return []
        now, first = (msgspec.structs.asdict(limits[stream]) for limits in (self._now, self._first))
        return [
            Limit(
                name=name,
                value=now[name],
                first=first[name],
                minimum=about["minimum"],
                maximum=about["maximum"],
                whole=about["type"] == "integer",
            )
            for name, about in _FIELDS.items()
        ]


def _configured(settings: Mapping[str, Any]) -> AlarmLimits:
    table = CATEGORIES[settings.get("category", "adult")].get("limits", {})
    return msgspec.convert({**table, **settings.get("limits", {})}, AlarmLimits)


_FIELDS: dict[str, dict[str, Any]] = msgspec.json.schema(AlarmLimits)["$defs"]["AlarmLimits"]["properties"]
