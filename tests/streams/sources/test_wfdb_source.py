"""WFDB records as a source: every format, invalid samples, blocks, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EcgChunk, EndOfStream
from heartwire.streams.sources.wfdb import WfdbSource

RATE_HZ = 250


def signal_mv(n: int = 1000, n_leads: int = 2) -> np.ndarray:
    rng = np.random.default_rng(7)
    return np.round(rng.normal(0.0, 0.5, (n, n_leads)), 3)


def write(folder: Path, name: str = "r", *, fmt: str = "16", units: str = "mV", **fields: object) -> Path:
    signal = fields.pop("signal", signal_mv())
    n_leads = signal.shape[1]
    names = fields.pop("names", ["I", "II", "III"][:n_leads])
    wfdb.wrsamp(
        name, fs=RATE_HZ, units=[units] * n_leads, sig_name=names, p_signal=signal, fmt=[fmt] * n_leads,
        adc_gain=[200.0] * n_leads, baseline=[0] * n_leads, write_dir=str(folder),
    )  # fmt: skip
    return folder / name


def samples(source: WfdbSource) -> np.ndarray:
    return np.concatenate([item.samples for item in source.open() if isinstance(item, EcgChunk)])


@pytest.mark.parametrize("fmt", ["16", "212", "24", "32", "80", "516", "524"])
def test_formats_give_millivolts(tmp_path: Path, fmt: str) -> None:
    signal = np.clip(signal_mv(), -0.6, 0.6)
    found = samples(WfdbSource(stream="s", record=str(write(tmp_path, fmt=fmt, signal=signal))))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, signal, atol=0.5 / 200 + 1e-6)


def test_messages_are_contiguous_timed_and_end(tmp_path: Path) -> None:
    source = WfdbSource(stream="bed-1/ecg", record=str(write(tmp_path)), message_ms=30.0)
    *chunks, end = source.open()
    assert end == EndOfStream(stream="bed-1/ecg", offered=1000)
    next_sample = 0
    for chunk in chunks:
        assert isinstance(chunk, EcgChunk)
        assert chunk.first_sample == next_sample
        assert (chunk.rate_hz, chunk.leads) == (250.0, ("I", "II"))
        next_sample = chunk.end_sample
        assert chunk.captured_ns == (next_sample - 1) * 4_000_000
    assert next_sample == 1000
    assert {len(chunk.samples) for chunk in chunks[:-1]} == {8}


@pytest.mark.parametrize("message_ms", [20.0, 100.0, 1000.0, 1e6])
def test_the_cut_into_messages_does_not_change_the_samples(tmp_path: Path, message_ms: float) -> None:
    record = str(write(tmp_path, fmt="516", signal=signal_mv(2 * RATE_HZ * 120 + 123)))
    whole = wfdb.rdrecord(record).p_signal.astype(np.float32)
    np.testing.assert_array_equal(samples(WfdbSource(stream="s", record=record, message_ms=message_ms)), whole)


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_a_suffix_is_taken_off(tmp_path: Path, suffix: str) -> None:
    source = WfdbSource(stream="s", record=f"{write(tmp_path)}{suffix}")
    assert source.length() == 1000
    assert len(samples(source)) == 1000


def test_invalid_samples_are_nan(tmp_path: Path) -> None:
    signal = signal_mv()
    signal[100:150, 1] = np.nan
    found = samples(WfdbSource(stream="s", record=str(write(tmp_path, signal=signal))))
    assert np.isnan(found[100:150, 1]).all()
    assert np.isnan(found).sum() == 50


def test_the_invalid_number_of_a_flac_copy_of_12_bits_is_nan(tmp_path: Path) -> None:
    signal = np.clip(signal_mv(), -1, 1)
    signal[10:13, 0] = -2048 / 200
    record = write(tmp_path, fmt="516", signal=signal)
    header = record.with_suffix(".hea")
    assert not np.isnan(samples(WfdbSource(stream="s", record=str(record)))).any()
    header.write_text(header.read_text().replace("/mV 16 0", "/mV 12 0"))
    found = samples(WfdbSource(stream="s", record=str(record)))
    assert np.isnan(found[10:13, 0]).all()
    assert np.isnan(found).sum() == 3


def test_microvolts_become_millivolts(tmp_path: Path) -> None:
    found = samples(WfdbSource(stream="s", record=str(write(tmp_path, units="uV", signal=signal_mv() * 100))))
    np.testing.assert_allclose(found, signal_mv() * 0.1, atol=0.5 / 200 * 1e-3 + 1e-6)


def test_several_segments_are_one_stream_with_the_gap_invalid(tmp_path: Path) -> None:
    write(tmp_path, "seg1")
    write(tmp_path, "seg2", names=["II"], signal=signal_mv(1000, 1))
    (tmp_path / "layout.hea").write_text("layout 2 250 0\n~ 0 200/mV 12 0 0 0 0 I\n~ 0 200/mV 12 0 0 0 0 II\n")
    (tmp_path / "multi.hea").write_text("multi/4 2 250 2500\nlayout 0\nseg1 1000\n~ 500\nseg2 1000\n")
    found = samples(WfdbSource(stream="s", record=str(tmp_path / "multi")))
    assert found.shape == (2500, 2)
    assert np.isnan(found).sum(axis=0).tolist() == [1500, 500]
    np.testing.assert_allclose(found[:1000], signal_mv(), atol=0.5 / 200 + 1e-6)


def test_signals_that_are_no_ecg_are_left_out_and_equal_names_told_apart(tmp_path: Path) -> None:
    record = write(tmp_path, signal=signal_mv(100, 3), names=["ECG", "ECG2", "RESP"])
    header = record.with_suffix(".hea")
    header.write_text(header.read_text().replace("ECG2", "ECG"))
    first = next(iter(WfdbSource(stream="s", record=str(record)).open()))
    assert isinstance(first, EcgChunk)
    assert first.leads == ("ECG", "ECG-2")


def test_chosen_leads_come_in_the_order_given(tmp_path: Path) -> None:
    source = WfdbSource(stream="s", record=str(write(tmp_path)), leads=("II", "I"))
    np.testing.assert_allclose(samples(source), signal_mv()[:, ::-1], atol=0.5 / 200 + 1e-6)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("r 2 0 1000\nr.dat 16 200/mV 16 0 0 0 0 I\nr.dat 16 200/mV 16 0 0 0 0 II\n", "rate"),
        ("r 2 36000 1000\nr.dat 16 200/mV 16 0 0 0 0 I\nr.dat 16 200/mV 16 0 0 0 0 II\n", "100 to 2000 Hz"),
        ("r 2 250 0\nr.dat 16 200/mV 16 0 0 0 0 I\nr.dat 16 200/mV 16 0 0 0 0 II\n", "no samples"),
        ("r 2 250 1000\nr.dat 16 200/mmHg 16 0 0 0 0 ABP\nr.dat 16 200/NU 16 0 0 0 0 PLETH\n", "no ECG"),
        ("r 2 250 90000\nr.dat 16 200/mV 16 0 0 0 0 I\nr.dat 16 200/mV 16 0 0 0 0 II\n", "cut short"),
        ("r 2 250 1000\nr.dat 999 200/mV 16 0 0 0 0 I\nr.dat 999 200/mV 16 0 0 0 0 II\n", "cannot be read"),
        ("gibberish\x00\x01", "not readable"),
        ("", "not readable"),
    ],
)
def test_a_wrong_header_is_one_clear_line(tmp_path: Path, header: str, complaint: str) -> None:
    record = write(tmp_path)
    record.with_suffix(".hea").write_text(header)
    with pytest.raises(SourceError, match=complaint) as caught:
        samples(WfdbSource(stream="s", record=str(record)))
    assert str(record) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_headers_give_samples_or_one_clear_line(tmp_path: Path) -> None:
    record = write(tmp_path, signal=signal_mv(200))
    header = record.with_suffix(".hea")
    words, rng = header.read_text().split(" "), np.random.default_rng(5)
    odd = ["", "0", "-1", "nan", "1e9", "x", "/", "(", "516", "8", "~", "mV", "#", "\n", "r.dat", "4294967296"]
    for _ in range(150):
        damaged = list(words)
        for place in rng.integers(len(words), size=2):
            damaged[place] = str(rng.choice(odd))
        header.write_text(" ".join(damaged))
        try:
            list(WfdbSource(stream="s", record=str(record)).open())
        except SourceError as refusal:
            assert "\n" not in str(refusal)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("fmt", ["16", "212", "516"])
@pytest.mark.parametrize("kept", [0.0, 0.4, 0.99])
def test_a_signal_file_cut_short_is_refused(tmp_path: Path, fmt: str, kept: float) -> None:
    record = write(tmp_path, fmt=fmt)
    data = record.with_suffix(".dat")
    raw = data.read_bytes()
    data.write_bytes(raw[: int(len(raw) * kept)])
    with pytest.raises(SourceError, match="cut short"):
        samples(WfdbSource(stream="s", record=str(record)))


def test_an_absent_record_a_wrong_lead_and_a_wrong_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no header file"):
        WfdbSource(stream="s", record=str(tmp_path / "nothing")).open()
    record = str(write(tmp_path))
    with pytest.raises(SourceError, match="no signal 'V9': it holds I, II"):
        WfdbSource(stream="s", record=record, leads=("V9",)).open()
    with pytest.raises(SourceError, match="message_ms"):
        WfdbSource(stream="s", record=record, message_ms=0.0).open()


@pytest.mark.data
def test_real_records_are_read_whole(data_dir: Path) -> None:
    for record, leads, length in (
        ("mitdb/100", ("MLII", "V5"), 650_000),
        ("vfdb/426", ("ECG", "ECG-2"), 525_000),
        ("cinc2015/f829l", ("II", "V", "PLETH"), 37_500),
    ):
        source = WfdbSource(stream="s", record=str(data_dir / record), message_ms=1000.0)
        chunks = [item for item in source.open() if isinstance(item, EcgChunk)]
        assert chunks[0].leads == leads
        assert chunks[-1].end_sample == length
