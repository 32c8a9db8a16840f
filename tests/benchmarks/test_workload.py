"""The load: every sample once, whatever the tape's length; the same seed gives the same signals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heartwire.benchmarks.tapes import lead_names, tapes
from heartwire.benchmarks.workload import StreamLoad, Workload, streams
from heartwire.engine.messages import EcgChunk, XrayFrame

LOAD = Workload(beds=3, labs=1, leads=2, rate_hz=250.0, message_ms=60.0, seconds=5.0, patients=2, cycle_s=2.0,
                frame_px=256, cycle_frames=3)  # fmt: skip


def played(load: Workload, made: dict[str, list[str]]) -> list[StreamLoad]:
    return streams(load, made, lead_names(load))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    folder = tmp_path_factory.mktemp("tapes")
    return folder, tapes(LOAD, folder)


def test_items_follow_on_each_other_and_hold_what_is_offered(made: tuple[Path, dict[str, list[str]]]) -> None:
    for stream in played(LOAD, made[1]):
        items = [stream.item(n) for n in range(stream.items)]
        if stream.kind == "ecg":
            chunks = [item for item in items if isinstance(item, EcgChunk)]
            assert [chunk.first_sample for chunk in chunks] == [n * 15 for n in range(len(chunks))]
            assert chunks[-1].end_sample == stream.offered == 1250
            assert chunks[-1].captured_ns == round(1249 / 250 * 1e9)
        else:
            frames = [item for item in items if isinstance(item, XrayFrame)]
            assert [frame.frame for frame in frames] == list(range(75))
            # Forwards and backwards: frames 1 and 3 of a tape of three are the same.
            assert np.array_equal(frames[1].pixels, frames[3].pixels)


def test_the_tape_goes_round(made: tuple[Path, dict[str, list[str]]]) -> None:
    bed = played(LOAD, made[1])[0]
    whole = np.concatenate([bed.item(n).samples for n in range(bed.items)])  # type: ignore[union-attr]
    assert np.array_equal(whole[:500], whole[500:1000])


def test_beds_have_phases_of_their_own_unless_in_step(made: tuple[Path, dict[str, list[str]]]) -> None:
    assert len({stream.phase_ns for stream in played(LOAD, made[1])[:3]}) == 3
    in_step = Workload(**{**{f: getattr(LOAD, f) for f in LOAD.__struct_fields__}, "in_step": True})
    assert {stream.phase_ns for stream in played(in_step, made[1])} == {0}


def test_tapes_are_made_once(made: tuple[Path, dict[str, list[str]]]) -> None:
    folder, paths = made
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert tapes(LOAD, folder) == paths
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert len(before) == 3


def test_a_load_says_what_it_is() -> None:
    assert str(Workload(beds=8, labs=1, seconds=60)) == (
        "beds: 8 of 12 leads, 500 Hz, messages of 40 ms and labs: 1 of 512 px, 15 frames/s, 60 s, seed 1"
    )
