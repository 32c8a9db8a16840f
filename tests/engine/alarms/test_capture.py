from __future__ import annotations

import pytest

from heartwire.engine.alarms.capture import CaptureWatch
from heartwire.engine.ecg.pacing import PacerPulse
from heartwire.engine.ecg.rhythm_state import RhythmState
from heartwire.engine.ecg.step import Signal, Step
from heartwire.engine.messages import Beat

RATE_HZ = 250.0


def told(
    spikes_s: list[float],
    beats_s: list[float],
    until_s: float,
    *,
    alone: bool = True,
    noise_s: tuple[float, float] = (0.0, 0.0),
) -> list[tuple[str, float]]:
    """Give what changes, begin or end with the second at which it is told, hop by hop; noise from one to another."""
    watch, changes = CaptureWatch(RATE_HZ), []
    for hop in range(int(until_s / 0.16)):
        begin, end = hop * 0.16, (hop + 1) * 0.16
        # Like a copy at every hop.
        again = CaptureWatch(0.0)
        again.restore(watch.snapshot())
        watch = again
        spikes = [PacerPulse(round(at * RATE_HZ), 1.0, alone) for at in spikes_s if begin <= at < end]
        now = round(end * RATE_HZ)
        beats = [
            Beat(stream="s", sample=round(at * RATE_HZ), decision_sample=now, label="N", confidence=1.0)
            for at in beats_s
            if begin <= at < end
        ]
        signal: Signal = "noisy" if noise_s[0] <= begin < noise_s[1] else "good"
        step = Step(now, RATE_HZ, now, signal, RhythmState("", 0), beats, spikes=spikes)
        changes += [("end" if change.onset_sample is None else "begin", end) for change in watch.take(step)]
    return changes


def every(interval_s: float, begin_s: float, end_s: float) -> list[float]:
    return [begin_s + n * interval_s for n in range(int((end_s - begin_s) / interval_s))]


def test_four_pulses_without_a_beat_are_a_failure_to_capture() -> None:
    (change,) = told(every(0.75, 1.0, 8.0), [], 8.0)
    assert change == ("begin", pytest.approx(1.0 + 3 * 0.75 + 0.3, abs=0.16))


def test_it_ends_when_beats_follow_again_or_the_pulses_stop() -> None:
    pulses = every(0.75, 1.0, 14.0)
    assert [what for what, _ in told(pulses, [at + 0.1 for at in pulses if at > 8.0], 14.0)] == ["begin", "end"]
    assert [what for what, _ in told(every(0.75, 1.0, 6.0), [], 14.0)] == ["begin", "end"]


def test_noise_that_hides_the_pulses_does_not_end_it() -> None:
    begin, end = told(every(0.75, 1.0, 6.0), [], 40.0, noise_s=(6.0, 20.0))
    assert (begin[0], end) == ("begin", ("end", pytest.approx(25.0, abs=0.16)))
    (change,) = told(every(0.75, 1.0, 30.0), [], 30.0, noise_s=(6.0, 20.0))
    assert change[0] == "begin"


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.25])
def test_a_pulse_with_a_beat_after_it_captured(after_s: float) -> None:
    pulses = every(0.75, 1.0, 20.0)
    assert told(pulses, [at + after_s for at in pulses], 20.0) == []


def test_pulses_soon_after_own_beats_cannot_capture() -> None:
    pulses = every(0.75, 1.0, 20.0)
    assert told(pulses, [at - 0.2 for at in pulses], 20.0) == []


def test_two_chambers_are_one_rhythm() -> None:
    atria = every(0.8, 1.0, 12.0)
    both = sorted([*atria, *(at + 0.16 for at in atria)])
    assert told(both, [at + 0.3 for at in atria], 12.0) == []
    assert [what for what, _ in told(both, [], 12.0)] == ["begin"]


def test_what_keeps_no_time_or_is_not_alone_is_no_pacemaker() -> None:
    assert told([1.0, 1.5, 2.6, 3.1, 4.4, 4.8, 6.0, 7.1, 7.5], [], 10.0) == []
    assert told(every(0.75, 1.0, 10.0), [], 10.0, alone=False) == []
