"""Reading references: beats, flutter, and clear words where there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heartwire.benchmarks.accuracy.annotated import read_annotated, records_in
from heartwire.benchmarks.accuracy.beat_score import CLASSES
from heartwire.engine.errors import SourceError
from heartwire.models.ecg.recordings import DS1, DS2


def test_beats_are_mapped_as_aami_has_it_and_flutter_is_a_stretch(
    tmp_path: Path, record_writer: Callable[..., None]
) -> None:
    symbols = ["+", "N", "L", "e", "j", "a", "V", "F", "/", "f", "[", "!", "]", "Q"]
    at = [100 * (n + 1) for n in range(len(symbols))]
    record_writer(tmp_path, "100", at, symbols, 2000)
    reference = read_annotated(tmp_path / "100")
    assert "".join(CLASSES[c] for c in reference.beats.classes) == "NNNNSVFQQQ"
    assert reference.flutter == [(1100.0, 1300.0)]
    assert (reference.rate_hz, reference.n_samples) == (360.0, 2000)
    assert reference.learning == (0.0, 107_999.0)


def test_flutter_that_does_not_end_lasts_to_the_end(tmp_path: Path, record_writer: Callable[..., None]) -> None:
    record_writer(tmp_path, "100", [100, 700], ["N", "["], 2000)
    assert read_annotated(tmp_path / "100").flutter == [(700.0, 2000.0)]


def test_what_is_not_there_is_named(tmp_path: Path, record_writer: Callable[..., None]) -> None:
    with pytest.raises(SourceError, match=r"no records in .*mitdb: give the folder that holds mitdb with --data"):
        records_in(tmp_path / "mitdb", "???.hea", [])
    record_writer(tmp_path / "mitdb", "100", [100], ["N"], 1000)
    assert records_in(tmp_path / "mitdb", "???.hea", ["100"]) == [tmp_path / "mitdb" / "100"]
    with pytest.raises(SourceError, match=r"no record 999 in .* it holds 100"):
        records_in(tmp_path / "mitdb", "???.hea", ["100", "999"])
    (tmp_path / "mitdb" / "100.atr").unlink()
    with pytest.raises(SourceError, match=r"100: its header or its reference annotations \.atr cannot be read"):
        read_annotated(tmp_path / "mitdb" / "100")


@pytest.mark.data
def test_the_beats_of_the_database_are_those_that_the_documentation_gives(data_dir: Path) -> None:
    def count(names: tuple[str, ...]) -> list[int]:
        each = [read_annotated(data_dir / "mitdb" / name).beats.classes for name in names]
        return np.bincount(np.concatenate(each), minlength=5).tolist()

    assert count(DS1) == [45866, 944, 3788, 415, 8]
    assert count(DS2) == [44259, 1837, 3221, 388, 7]
    assert count(("232",)) == [398, 1382, 0, 0, 0]
