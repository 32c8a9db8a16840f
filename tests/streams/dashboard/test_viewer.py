"""Viewers of a board: who of them shows more than the grid."""

from __future__ import annotations

import struct

from heartwire.engine.config import StreamConfig
from heartwire.streams.dashboard.board import Board
from heartwire.streams.dashboard.viewer import Viewer


def test_a_board_is_watched_while_a_viewer_that_watches_a_bed_is_there() -> None:
    board = Board([StreamConfig(id="bed-1/ecg")])
    grid, bed = Viewer(board), Viewer(board)
    for viewer in (grid, bed):
        board.join(viewer)
        viewer.acknowledge(struct.pack("<I", 0), now_ns=1)
    assert not board.watched
    bed.acknowledge(struct.pack("<IH", 0, 0), now_ns=2)
    assert board.watched
    board.leave(bed)
    assert not board.watched
    assert board.viewers == {grid}
