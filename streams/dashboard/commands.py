"""Hands commands of the page on to the supervisor, and says what became of them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import msgspec

from heartwire.engine.alarms import client
from heartwire.engine.errors import HeartwireError
from heartwire.engine.messages import AlarmAction

_MOST_UNDER_WAY = 8
_PATIENCE_S = 12.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Order(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the page asks for; the fields are those of `AlarmCommand`."""

    stream: str
    action: AlarmAction
    by: str
    condition: str = ""
    lasts_s: float = 0.0
    limits: dict[str, float] = {}


class Outcome(msgspec.Struct, kw_only=True):
    """Whether it was carried out, and why not."""

    accepted: bool
    reason: str = ""


class Commands:
    """Gives commands to the run that writes a journal.

    Parameters
    ----------
    journal
        The run's journal: it says where commands go.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._under_way = 0

    async def give(self, raw: bytes) -> Outcome:
        """Give one command, as JSON; wait for its answer."""
        try:
            order = msgspec.json.decode(raw, type=Order)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Outcome(accepted=False, reason=f"no command: {error}")
        by = _CONTROL.sub("", order.by).strip()
        if not by:
            return Outcome(accepted=False, reason="say who gives the command")
        if self._under_way >= _MOST_UNDER_WAY:
            return Outcome(accepted=False, reason="too many commands are under way: give it again")
        command = client.command(order.stream, order.action, by, order.condition, order.lasts_s, order.limits)
        self._under_way += 1
        try:
            answer = await asyncio.to_thread(client.give, self._journal, command, _PATIENCE_S)
        except HeartwireError as error:
            return Outcome(accepted=False, reason=str(error))
        finally:
            self._under_way -= 1
        return Outcome(accepted=answer.accepted, reason=answer.reason)
