"""Collections are counted and timed while they are watched, and no longer."""

from __future__ import annotations

import gc
from pathlib import Path

import msgspec

from heartwire.engine.pauses import GcPauses


def test_collections_are_timed_until_it_stops(tmp_path: Path) -> None:
    pauses = GcPauses()
    gc.collect()
    gc.collect()
    pauses.stop(tmp_path / "pauses.json")
    written = msgspec.json.decode((tmp_path / "pauses.json").read_bytes())
    gc.collect()
    assert written == pauses.figures()
    assert written["n"] >= 2
    assert 0 < written["longest_ms"] <= written["total_ms"]
