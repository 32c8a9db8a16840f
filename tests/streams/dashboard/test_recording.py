"""The recording of a bed on the disk."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.config import StreamConfig
from heartwire.streams.dashboard.bed import BedView
from heartwire.streams.dashboard.recording import Piece, PieceHead, Recording
from heartwire.streams.dashboard.records import INVALID_UV

RATE_HZ = 250.0
LEADS = ("II", "V1")


def piece(first: int, count: int, leads: tuple[str, ...] = LEADS, begin_ms: float = 0.0) -> Piece:
    """Samples that say their own number."""
    samples = np.arange(first, first + count)[:, None] + 1000 * np.arange(len(leads))
    head = PieceHead(first_sample=first, rate_hz=RATE_HZ, leads=leads, start_ms=begin_ms + first * 1000 / RATE_HZ)
    return Piece(head, samples.astype("<i2"))


@given(cuts=st.lists(st.integers(1, 2999), max_size=20), written=st.sets(st.integers(0, 20)))
@settings(max_examples=40, deadline=None)
def test_what_is_read_does_not_depend_on_how_it_came(cuts: list[int], written: set[int]) -> None:
    bounds = sorted({0, *cuts, 3000})
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder), keep_h=1)
        for n, (first, end) in enumerate(itertools.pairwise(bounds)):
            recording.add(piece(first, end - first))
            if n in written:
                recording.write()
        (found,) = recording.read(1000.0, 9000.0)
    assert (found.head.first_sample, found.head.start_ms) == (250, 1000.0)
    assert found.samples_uv[:, 0].tolist() == list(range(250, 2250))
    assert found.samples_uv[:, 1].tolist() == list(range(1250, 3250))


def test_a_short_gap_is_invalid_and_a_long_one_parts_the_pieces(tmp_path: Path) -> None:
    recording = Recording(tmp_path, keep_h=1)
    for first in (0, 500, 50_000):
        recording.add(piece(first, 250))
    one, other = recording.read(0.0, 1e9)
    assert one.samples_uv[250:500].tolist() == [[INVALID_UV, INVALID_UV]] * 250
    assert one.samples_uv[500, 0] == 500
    assert (other.head.first_sample, other.head.start_ms) == (50_000, 200_000.0)


def test_other_leads_and_a_device_that_counts_anew_begin_another_piece(tmp_path: Path) -> None:
    recording = Recording(tmp_path, keep_h=1)
    recording.add(piece(1000, 100))
    recording.add(piece(1100, 100, leads=("II",)))
    recording.add(piece(0, 100, leads=("II",), begin_ms=60_000.0))
    found = recording.read(0.0, 1e9)
    assert [(p.head.first_sample, p.head.leads) for p in found] == [(1000, LEADS), (1100, ("II",)), (0, ("II",))]


def test_what_is_older_than_is_kept_goes_from_the_disk(tmp_path: Path) -> None:
    recording = Recording(tmp_path, keep_h=0.01)
    for first in range(0, 250 * 120, 250 * 40):
        recording.add(piece(first, 250))
        recording.write()
    assert len(list(tmp_path.iterdir())) == 1
    span = recording.span_ms()
    assert span is not None
    assert span[0] == 80_000.0


def test_a_recording_outlives_its_process(tmp_path: Path) -> None:
    first = Recording(tmp_path, keep_h=1)
    first.add(piece(0, 500))
    first.write()
    (tmp_path / "something else").write_text("no recording")
    again = Recording(tmp_path, keep_h=1)
    again.add(piece(500, 500))
    (found,) = again.read(0.0, 1e9)
    assert found.samples_uv[:, 0].tolist() == list(range(1000))


def test_a_bed_that_sends_nothing_yet_has_the_leads_of_its_recording(tmp_path: Path) -> None:
    first = Recording(tmp_path, keep_h=1)
    assert first.leads == ()
    first.add(piece(1000, 100))
    first.write()
    bed = BedView(0, StreamConfig(id="bed-1/ecg"))
    bed.recording = Recording(tmp_path, keep_h=1)
    status = bed.status(0)
    assert (status.state, status.leads, status.lead, status.rate_hz) == ("waiting", LEADS, LEADS[0], None)


def test_nothing_recorded_has_no_span(tmp_path: Path) -> None:
    recording = Recording(tmp_path, keep_h=1)
    assert recording.span_ms() is None
    assert recording.read(0.0, 1e9) == []


def test_a_recording_that_was_cut_within_a_sample_goes_on_whole(tmp_path: Path) -> None:
    recording = Recording(tmp_path, keep_h=1)
    recording.add(piece(0, 100))
    recording.write()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    again = Recording(tmp_path, keep_h=1)
    again.add(piece(100, 100))
    (found,) = again.read(0.0, 1e9)
    assert found.samples_uv[98:102].tolist() == [[98, 1098], [INVALID_UV, INVALID_UV], [100, 1100], [101, 1101]]
