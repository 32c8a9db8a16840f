"""One open page: gets what is new at its own pace, and never falls behind for longer than a moment."""

from __future__ import annotations

import struct

from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.board import Board

WINDOW = 3
"""Messages that may be under way to a page; it acknowledges each."""
_LAG_NS = 2_000_000_000
"""Strips that a page could not take for so long are skipped."""
_ACKNOWLEDGEMENT = struct.Struct("<I")
ACKNOWLEDGEMENT_BYTES = _ACKNOWLEDGEMENT.size


class Viewer:
    """What one page has got and what it has acknowledged.

    Nothing is queued for a page: strips are read from the common backlog, frames and the status are the newest there
    are at the time. A slow page gets fewer messages with more strip in each, and fewer frames.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._next = 0
        self._status_number = board.status_number
        self._frames = {lab.number: -1 for lab in board.labs}
        self._sent = 0
        self._acknowledged = 0
        self._started = False

    def acknowledge(self, raw: bytes) -> None:
        """Take an acknowledgement; one that was never due is ignored."""
        if len(raw) == ACKNOWLEDGEMENT_BYTES:
            number = _ACKNOWLEDGEMENT.unpack(raw)[0]
            if self._acknowledged < number <= self._sent:
                self._acknowledged = number

    def next_message(self, now_ns: int) -> bytes | None:
        """Give the next message to the page; None where nothing is new, or the page has not taken the last ones."""
        if self._sent - self._acknowledged >= WINDOW:
            return None
        board = self._board
        parts = []
        if board.status_number != self._status_number:
            self._status_number = board.status_number
            parts.append(board.status_record())
        if self._started:
            self._next = board.backlog.skip(self._next, now_ns, _LAG_NS)
        self._started = True
        parts += board.backlog.since(self._next)
        self._next = board.backlog.end
        for lab in board.labs:
            if lab.shown != self._frames[lab.number] and lab.shown >= 0:
                self._frames[lab.number] = lab.shown
                parts.append(lab.record())
        if not parts:
            return None
        self._sent += 1
        return b"".join((records.clock(now_ns, self._sent), *parts))
