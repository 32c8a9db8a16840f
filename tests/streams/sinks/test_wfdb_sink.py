"""Beats and rhythms as WFDB annotations, read back with wfdb."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import wfdb
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import Beat, BeatClass, EcgChunk, Message, Rhythm
from heartwire.streams.sinks.wfdb import WfdbSink, in_order


def chunk(n: int = 20_000) -> EcgChunk:
    samples = np.zeros((n, 1), np.float32)
    return EcgChunk(stream="100", first_sample=0, rate_hz=360.0, leads=("II",), samples=samples)


def beat(sample: int, label: BeatClass = "N", **fields: str) -> Beat:
    return Beat(stream="100", sample=sample, decision_sample=sample + 100, label=label, confidence=0.9, **fields)


def rhythm(sample: int, label: str) -> Rhythm:
    return Rhythm(stream="100", sample=sample, decision_sample=sample + 500, label=label)


def read_back(
    folder: Path, messages: list[Message], annotator: str = "hw", stage: Literal["confirmed", "revised"] = "revised"
) -> list[tuple[int, str, str]]:
    sink = WfdbSink(out=str(folder), annotator=annotator, stage=stage).open()
    for message in messages:
        sink.write(message)
    sink.close()
    found = wfdb.rdann(str(folder / "100"), annotator)
    assert found.fs == 360
    return list(zip(found.sample.tolist(), found.symbol, found.aux_note, strict=True))


def test_beats_and_rhythm_changes_are_standard_annotations(tmp_path: Path) -> None:
    labels: tuple[BeatClass, ...] = ("N", "S", "V", "F", "Q")
    messages: list[Message] = [chunk(), rhythm(90, "N")]
    messages += [beat(100 + 300 * k, label) for k, label in enumerate(labels)]
    assert read_back(tmp_path, messages) == [
        (90, "+", "(N"),
        *((100 + 300 * k, label, "") for k, label in enumerate(labels)),
    ]


def test_fibrillation_is_enclosed_and_closed_at_the_end_of_the_record(tmp_path: Path) -> None:
    messages = [chunk(), rhythm(0, "N"), rhythm(1000, "VFL"), rhythm(2000, "VF"), rhythm(5000, "N"), rhythm(9000, "VF")]
    assert read_back(tmp_path, [*messages, beat(5000)]) == [
        (0, "+", "(N"),
        (1000, "+", "(VFL"),
        (1001, "[", ""),
        (2000, "+", "(VF"),
        (5000, "N", ""),
        (5001, "]", ""),
        (5002, "+", "(N"),
        (9000, "+", "(VF"),
        (9001, "[", ""),
        (19_999, "]", ""),
    ]


def test_a_revised_beat_replaces_the_one_before_and_a_provisional_one_is_not_written(tmp_path: Path) -> None:
    messages = [chunk(), beat(100, stage="provisional"), beat(400), beat(400, "V", stage="revised")]
    assert read_back(tmp_path, messages, "other") == [(400, "V", "")]


def test_with_the_stage_confirmed_revised_beats_are_left_out(tmp_path: Path) -> None:
    messages = [chunk(), beat(100, stage="provisional"), beat(400), beat(400, "V", stage="revised")]
    assert read_back(tmp_path, messages, stage="confirmed") == [(400, "N", "")]


def test_a_stream_without_a_beat_gives_a_file_that_reads_as_empty(tmp_path: Path) -> None:
    assert read_back(tmp_path, [chunk()]) == []


def test_an_annotator_that_wfdb_would_refuse_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="letters only"):
        WfdbSink(out=str(tmp_path), annotator="hw.1").open()


@given(
    st.dictionaries(st.integers(0, 500), st.sampled_from("NSVFQ"), max_size=30),
    st.lists(st.tuples(st.integers(0, 500), st.sampled_from(["N", "VT", "VF", "VFL"])), max_size=20),
)
def test_beats_keep_their_samples_no_two_marks_share_one_and_brackets_match(
    beats: dict[int, str], rhythms: list[tuple[int, str]]
) -> None:
    marks = in_order(beats, rhythms, end_sample=501)
    samples = [sample for sample, _, _ in marks]
    assert samples == sorted(set(samples))
    assert {s: symbol for s, symbol, _ in marks if symbol in "NSVFQ"} == beats
    assert sum(symbol == "+" for _, symbol, _ in marks) == len(rhythms)
    depth = 0
    for _, symbol, _ in marks:
        depth += {"[": 1, "]": -1}.get(symbol, 0)
        assert depth in (0, 1)
    assert depth == 0
