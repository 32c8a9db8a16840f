from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from heartwire.engine import registry, testing
from heartwire.engine.ecg.pipeline import create
from heartwire.engine.errors import ConfigError, ModelError, SourceError
from heartwire.engine.messages import (
    AlarmCommand,
    AlarmEvent,
    Beat,
    EcgChunk,
    EndOfStream,
    Finding,
    Gap,
    HeartRate,
    Item,
    Rhythm,
    SignalQuality,
    XrayFrame,
)

Signal = npt.NDArray[np.float32]
STREAM = "bed-1/ecg"


def heart(seconds: float, rate_hz: float, n_leads: int = 2, bpm: float = 75.0) -> tuple[Signal, list[int]]:
    """Give a signal of one lead form in several sizes, and its R peaks."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    peaks_s = np.arange(0.5, seconds - 0.3, 60.0 / bpm)
    wave = np.zeros_like(t)
    for peak_s in peaks_s:
        for at, width, height in (
            (-0.16, 0.025, 0.12),
            (-0.025, 0.01, -0.1),
            (0.0, 0.011, 1.0),
            (0.027, 0.01, -0.2),
            (0.25, 0.045, 0.25),
        ):
            wave += height * np.exp(-(((t - peak_s - at) / width) ** 2) / 2)
    wave += 0.05 * np.sin(2 * np.pi * 0.25 * t) + np.random.default_rng(0).normal(0, 0.005, len(t))
    gains = np.linspace(1.0, 0.6, n_leads)
    return (wave[:, None] * gains).astype(np.float32), [round(s * rate_hz) for s in peaks_s]


def chunks(signal: Signal, rate_hz: float, *, first: int = 0, length: int | None = None) -> Iterator[EcgChunk]:
    step = length or round(rate_hz / 5)
    leads = tuple(f"L{i}" for i in range(signal.shape[1]))
    for at in range(0, len(signal), step):
        piece = signal[at : at + step]
        yield EcgChunk(stream=STREAM, first_sample=first + at, rate_hz=rate_hz, leads=leads, samples=piece)


def run(items: list[Item]) -> list[Finding]:
    return testing.run(create(STREAM, {}), items)


def beats_of(findings: list[Finding]) -> list[Beat]:
    return [f for f in findings if isinstance(f, Beat) and f.stage == "confirmed"]


def changes(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(f.condition, f.change) for f in findings if isinstance(f, AlarmEvent)]


def matched(found: list[int], peaks: list[int], tolerance: float) -> int:
    return sum(any(abs(f - p) <= tolerance for f in found) for p in peaks)


def test_the_processor_keeps_the_contract() -> None:
    signal, _ = heart(15.0, 360.0)
    testing.check_processor(
        lambda: create(STREAM, {}), [*chunks(signal, 360.0), EndOfStream(stream=STREAM, offered=len(signal))]
    )


def test_the_processor_keeps_the_contract_through_gaps_lost_leads_and_noise() -> None:
    signal, _ = heart(40.0, 250.0, n_leads=3)
    signal[2500:4000, 1] = np.nan
    signal[5000:7000] = np.nan
    signal[7500:8500] += np.random.default_rng(3).normal(0, 1.0, (1000, 3)).astype(np.float32)
    items: list[Item] = [*chunks(signal, 250.0, length=125)]
    items[16] = Gap(stream=STREAM, first=16 * 125, count=125)
    items[70:78] = [Gap(stream=STREAM, first=70 * 125, count=8 * 125)]
    testing.check_processor(lambda: create(STREAM, {}), items, chunk_samples=(13,))


def test_the_processor_keeps_the_contract_with_a_pulse_channel_and_withholds_what_it_speaks_against() -> None:
    signal, peaks = heart(40.0, 250.0, n_leads=1)
    pulse = np.zeros(len(signal), np.float32)
    for peak in peaks:
        t = np.arange(len(signal) - peak - 50) / 250.0
        pulse[peak + 50 :] += (40.0 * (t / 0.1) * np.exp(1.0 - t / 0.1)).astype(np.float32)
    # The lead comes off at 20 s, but shows noise enough not to be held off.
    signal[5000:, 0] = np.random.default_rng(1).normal(0, 0.01, len(signal) - 5000)
    both = np.column_stack([signal[:, 0], pulse])
    items: list[Item] = [
        msgspec.structs.replace(chunk, leads=("II", "PLETH")) for chunk in chunks(both, 250.0, length=125)
    ]
    testing.check_processor(lambda: create(STREAM, {}), items, chunk_samples=(13,))
    told = changes(run(items))
    assert ("WITHHELD", "on") in told
    assert ("ASYSTOLE", "on") not in told
    alone = [
        msgspec.structs.replace(c, leads=("II",), samples=c.samples[:, :1]) for c in items if isinstance(c, EcgChunk)
    ]
    assert ("ASYSTOLE", "on") in changes(run([*alone]))


@pytest.mark.parametrize(("record", "begin", "end"), [("mitdb/208", 0, 25), ("vfdb/430", 390, 415)])
def test_the_processor_keeps_the_contract_on_recordings(data_dir: Path, record: str, begin: int, end: int) -> None:
    source = registry.source(STREAM, {"kind": "wfdb", "record": str(data_dir / record)})
    items = list(itertools.islice(source.open(), 10 * begin, 10 * end))
    testing.check_processor(lambda: create(STREAM, {}), items, chunk_samples=(36,))


@pytest.mark.parametrize(
    ("rate_hz", "n_leads"), [(100.0, 1), (128.0, 2), (257.0, 3), (360.0, 2), (1000.0, 12), (2000.0, 1)]
)
def test_beats_are_found_where_they_are_at_any_rate_and_number_of_leads(rate_hz: float, n_leads: int) -> None:
    signal, peaks = heart(20.0, rate_hz, n_leads)
    findings = run([*chunks(signal, rate_hz, first=1000)])
    beats = [f.sample - 1000 for f in beats_of(findings)]
    inner = [p for p in peaks if 3 * rate_hz < p < 19 * rate_hz]
    assert matched(beats, inner, 0.02 * rate_hz) == len(inner)
    rates = [f.rate_bpm for f in findings if isinstance(f, HeartRate)]
    assert rates[-1] == pytest.approx(75.0, abs=1.5)
    assert [f.label for f in findings if isinstance(f, Rhythm)] == ["N"]
    assert changes(findings) == []


def test_the_end_of_a_stream_gives_the_beats_that_wait_for_their_look_ahead() -> None:
    signal, peaks = heart(12.3, 250.0)
    findings = run([*chunks(signal, 250.0), EndOfStream(stream=STREAM, offered=len(signal))])
    beats = beats_of(findings)
    assert abs(beats[-1].sample - peaks[-1]) <= 5
    assert max(beat.decision_sample for beat in beats) < len(signal)
    assert len({beat.sample for beat in beats}) == len(beats)


def test_the_count_of_samples_stays_true_over_gaps_of_any_length() -> None:
    signal, peaks = heart(60.0, 250.0)
    items: list[Item] = [*chunks(signal, 250.0, length=250)]
    items[15] = Gap(stream=STREAM, first=15 * 250, count=250)
    items[30:40] = [Gap(stream=STREAM, first=30 * 250, count=10 * 250)]
    findings = run(items)
    beats = [f.sample for f in beats_of(findings)]
    inner = [p for p in peaks if 42 * 250 < p < 59 * 250 or 17 * 250 < p < 29 * 250]
    assert matched(beats, inner, 5) == len(inner)
    assert changes(findings) == [("GAP", "on"), ("GAP", "off")] * 2
    assert all(abs(f.rate_bpm - 75.0) < 5.0 for f in findings if isinstance(f, HeartRate) and f.sample > 3000)


def test_a_message_that_skips_samples_is_a_gap_and_one_that_counts_anew_a_new_signal() -> None:
    signal, _ = heart(20.0, 250.0)
    skipping = [c for c in chunks(signal, 250.0) if not 2000 <= c.first_sample < 2200]
    assert changes(run([*skipping])) == [("GAP", "on"), ("GAP", "off")]
    anew = run([*chunks(signal, 250.0), *chunks(signal, 250.0)])
    assert len(beats_of(anew)) >= 44
    assert changes(anew) == []


def test_rate_and_leads_may_change_in_mid_stream() -> None:
    first, _ = heart(15.0, 250.0)
    second, peaks = heart(15.0, 500.0, n_leads=1)
    findings = run([*chunks(first, 250.0), *chunks(second, 500.0, first=7500)])
    beats = [f.sample - 7500 for f in beats_of(findings) if f.sample > 7500]
    inner = [p for p in peaks if p > 1500]
    assert matched(beats, inner, 10) == len(inner)
    assert changes(findings) == []


def test_asystole_is_alarmed_within_five_seconds_of_the_last_beat() -> None:
    signal, peaks = heart(30.0, 250.0)
    last = next(p for p in peaks if p > 3750)
    signal[last + 125 :] = signal[last + 125] + np.random.default_rng(2).normal(0, 0.01, (len(signal) - last - 125, 2))
    findings = run([*chunks(signal, 250.0)])
    (alarm,) = [f for f in findings if isinstance(f, AlarmEvent) and f.condition == "ASYSTOLE"]
    assert abs(alarm.onset_sample - last) <= 5
    assert 4.0 <= alarm.algorithmic_delay_s <= 5.0
    assert [f.label for f in findings if isinstance(f, Rhythm)] == ["N", "ASYS"]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_leads_off_are_a_technical_alarm_and_no_asystole(value: float) -> None:
    signal, _ = heart(40.0, 250.0)
    signal[2500:6000] = value
    found = changes(run([*chunks(signal, 250.0)]))
    assert found == [("LEAD_OFF", "on"), ("LEAD_OFF", "off")]


def test_one_lead_off_changes_nothing_but_the_leads_analysed() -> None:
    signal, peaks = heart(30.0, 250.0, n_leads=3)
    signal[2500:, 0] = np.nan
    findings = run([*chunks(signal, 250.0)])
    beats = [f.sample for f in beats_of(findings)]
    inner = [p for p in peaks if 1000 < p < 7250]
    assert matched(beats, inner, 5) >= len(inner) - 1
    analysed = [f.analysed for f in findings if isinstance(f, SignalQuality)]
    assert (analysed[0], analysed[-1]) == (("L0", "L1"), ("L2", "L1"))
    assert changes(findings) == []


def test_noise_is_a_technical_alarm() -> None:
    signal, _ = heart(40.0, 250.0)
    signal[2500:7500] = np.random.default_rng(1).normal(0, 0.5, (5000, 2))
    found = changes(run([*chunks(signal, 250.0)]))
    assert ("NOISY", "on") in found
    assert ("NOISY", "off") in found
    assert not {"VF", "VT", "ASYSTOLE"} & {condition for condition, _ in found}


def test_fibrillation_in_a_recording_is_alarmed_and_acknowledged(data_dir: Path) -> None:
    source = registry.source(STREAM, {"kind": "wfdb", "record": str(data_dir / "vfdb" / "419"), "message_ms": 1000})
    processor = create(STREAM, {})
    items = [item for second, item in enumerate(source.open()) if 540 <= second < 600]
    found = testing.run(processor, items)
    alarm = next(f for f in found if isinstance(f, AlarmEvent) and f.condition in ("VF", "VT"))
    assert abs(alarm.onset_sample / 250 - 577) < 5
    assert alarm.algorithmic_delay_s <= processor.algorithmic_delay_s
    seen = AlarmCommand(stream=alarm.stream, action="acknowledge", condition=alarm.condition, by="test", id="1")
    assert processor.alarms is not None
    assert [e.change for e in processor.alarms.command(seen)] == ["acknowledged"]


def test_a_wrong_setting_is_refused_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"unknown field `pause`.*\$\.limits"):
        create(STREAM, {"limits": {"pause": 2.0}})
    with pytest.raises(ConfigError, match=r"Expected `float`.*\$\.rhythm\.asystole_s"):
        create(STREAM, {"rhythm": {"asystole_s": "long"}})


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match="nothing-here"):
        create(STREAM, {"beat_model": "nothing-here"})


def test_what_is_no_ecg_is_refused() -> None:
    processor = create(STREAM, {})
    with pytest.raises(TypeError, match="XrayFrame"):
        list(processor.process(XrayFrame(stream=STREAM, frame=0, pixels=np.zeros((4, 4), np.uint8))))
    signal, _ = heart(1.0, 50.0)
    with pytest.raises(SourceError, match="50 Hz"):
        list(processor.process(next(chunks(signal, 50.0))))
    chunk = next(chunks(heart(1.0, 250.0)[0], 250.0))
    with pytest.raises(ValueError, match="2 leads"):
        list(processor.process(msgspec.structs.replace(chunk, samples=chunk.samples[:, :1])))


@pytest.mark.parametrize(("word", "morphology"), [("vt 180", "monomorphic"), ("torsades 170", "polymorphic")])
def test_the_alarm_of_a_tachycardia_tells_whether_its_beats_are_alike(word: str, morphology: str) -> None:
    settings = {"kind": "simulated-ecg", "seed": 3, "script": f"sinus 70 for 12s; {word} for 8s"}
    found = run(list(registry.source(STREAM, settings).open()))
    (alarm,) = [f for f in found if isinstance(f, AlarmEvent) and (f.condition, f.change) == ("VT", "on")]
    assert alarm.reason["morphology"] == morphology
