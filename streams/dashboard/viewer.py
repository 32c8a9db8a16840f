"""One open page: gets what is new at its own pace, and never falls behind for longer than a moment."""

from __future__ import annotations

import struct
from collections import deque

from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.bed import BedView
from heartwire.streams.dashboard.board import Board

WINDOW = 8
"""Messages that may be under way to a page that watches nothing; it acknowledges at least every fourth."""
WINDOW_WATCHED = 3
"""The same where it watches something, and acknowledges each."""
_LAG_NS = 2_000_000_000
"""Strips that a page could not take for so long are skipped."""
_NUMBER = struct.Struct("<I")
_WATCHED = struct.Struct("<H")
_MOST_WATCHED = 8
LARGEST_BYTES = _NUMBER.size + _MOST_WATCHED * _WATCHED.size
"""Of what a page sends."""
_ROUND_TRIPS = 64


class Viewer:
    """What one page has got, what it has acknowledged and what it watches.

    Nothing is queued for a page: strips are read from the common backlog, frames and the status are the newest there
    are at the time. A slow page gets fewer messages with more strip in each, and fewer frames.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._next: int | None = None
        self._status_number = board.status_number
        self._watched: dict[int, int | None] = {}
        """The next of what a page has got of the streams it watches: a number in its backlog, or a frame."""
        self._sent = 0
        self._acknowledged = 0
        self._sent_ns: deque[tuple[int, int]] = deque(maxlen=WINDOW)
        self._round_trips_ms: deque[float] = deque(maxlen=_ROUND_TRIPS)

    @property
    def watches(self) -> bool:
        """Whether it watches a bed or a lab."""
        return bool(self._watched)

    def acknowledge(self, raw: bytes, now_ns: int) -> None:
        """Take what a page sends: the number of the message it has taken, and the streams it watches.

        What is none of this, or was never due, is ignored.
        """
        if not _NUMBER.size <= len(raw) <= LARGEST_BYTES or len(raw) % _WATCHED.size:
            return
        number = _NUMBER.unpack_from(raw)[0]
        if self._acknowledged < number <= self._sent:
            self._acknowledged = number
            self._round_trips_ms += [(now_ns - sent_ns) / 1e6 for sent, sent_ns in self._sent_ns if sent == number]
        wanted = {stream for (stream,) in _WATCHED.iter_unpack(raw[_NUMBER.size :])}
        known = {stream for stream in wanted if stream < len(self._board.views)}
        self._watched = {stream: self._watched.get(stream) for stream in known}

    def next_message(self, now_ns: int) -> bytes | None:
        """Give the next message to the page; None where nothing is new, or the page has not taken the last ones."""
        if self._sent - self._acknowledged >= (WINDOW_WATCHED if self.watches else WINDOW):
            return None
        board = self._board
        parts = []
        if board.status_number != self._status_number:
            self._status_number = board.status_number
            parts.append(board.status_record())
        records_, self._next = board.backlog.after(self._next, now_ns, _LAG_NS)
        parts += records_
        for stream, got in self._watched.items():
            view = board.views[stream]
            if isinstance(view, BedView):
                records_, self._watched[stream] = view.all_leads.after(got, now_ns, _LAG_NS)
                parts += records_
            elif view.shown != got and view.shown >= 0:
                self._watched[stream] = view.shown
                parts.append(view.record())
        if not parts:
            return None
        self._sent += 1
        self._sent_ns.append((self._sent, now_ns))
        round_trip_ms = min(self._round_trips_ms, default=0.0)
        return b"".join((records.clock(now_ns, self._sent, round_trip_ms), *parts))
