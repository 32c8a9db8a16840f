"""What is gathered of one record: beats of every stage, stretches of poor signal, annotation files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from heartwire.benchmarks.accuracy.beat_score import CLASSES
from heartwire.benchmarks.accuracy.engine_beats import masked_spans, run_engine


def test_each_quality_holds_from_the_one_before_to_its_own_sample() -> None:
    told = [(99, 0.9), (199, 0.1), (299, 0.05), (399, 0.9), (499, 0.0)]
    assert masked_spans(told, 0.15) == [(100.0, 199.0), (200.0, 299.0), (400.0, 499.0)]
    assert masked_spans([], 0.15) == []


@pytest.mark.usefixtures("known_processor")
def test_beats_are_gathered_by_stage_and_kept_as_wfdb_annotations(small_data: Path, tmp_path: Path) -> None:
    found = run_engine(small_data / "mitdb" / "232", keep=tmp_path / "kept")
    assert len(found.provisional.samples) == len(found.confirmed.samples) == len(found.final.samples) == 65
    assert [CLASSES[c] for c in found.confirmed.classes[:6]] == ["N", "N", "N", "V", "N", "S"]
    assert [CLASSES[c] for c in found.final.classes[:6]] == ["N", "N", "N", "V", "N", "N"]
    assert found.confirmed.decisions is not None
    np.testing.assert_array_equal(found.confirmed.decisions - found.confirmed.samples, 63)
    assert found.masked == [(7200.0, 7559.0)]
    assert found.signal_s == pytest.approx(21_000 / 360)
    assert found.work_s > 0.0
    kept = wfdb.rdann(str(tmp_path / "kept" / "232"), "hw")
    np.testing.assert_array_equal(kept.sample, found.final.samples)
    assert kept.symbol == [CLASSES[c] for c in found.final.classes]


@pytest.mark.data
def test_a_recorded_minute_gives_the_beats_of_its_reference(data_dir: Path, tmp_path: Path) -> None:
    record = wfdb.rdrecord(str(data_dir / "mitdb" / "100"), sampto=60 * 360)
    wfdb.wrsamp("100", 360, ["mV", "mV"], record.sig_name, record.p_signal, fmt=["16", "16"], write_dir=str(tmp_path))
    found = run_engine(tmp_path / "100")
    marks = wfdb.rdann(str(data_dir / "mitdb" / "100"), "atr", sampto=60 * 360)
    reference = np.array([s for s, c in zip(marks.sample, marks.symbol, strict=True) if c != "+"])
    assert len(found.confirmed.samples) == pytest.approx(len(reference), abs=2)
    nearest = np.abs(found.confirmed.samples[:, None] - reference[None]).min(axis=1)
    assert (nearest <= 54).mean() > 0.95
    alone = run_engine(tmp_path / "100", leads=(record.sig_name[0],))
    assert len(alone.confirmed.samples) == pytest.approx(len(reference), abs=3)
