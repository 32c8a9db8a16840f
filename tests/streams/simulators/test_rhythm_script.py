from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.errors import ConfigError
from heartwire.streams.simulators.script import DEMO, EVENTS, RHYTHM_RATES_BPM, SIGNALS, parse_script


def test_units_tell_what_a_number_means() -> None:
    steps = parse_script("sinus 72 for 20s; noise 6dB for 500ms; run 5 150; lead_off V1 for 2min; pause 3s; af")

    assert [step.kind for step in steps] == ["sinus", "noise", "run", "lead_off", "pause", "af"]
    assert steps[0].rate_bpm == 72
    assert steps[0].duration_s == 20
    assert steps[1].snr_db == 6
    assert steps[1].duration_s == 0.5
    assert steps[2].count == 5
    assert steps[2].rate_bpm == 150
    assert steps[3].lead == "V1"
    assert steps[3].duration_s == 120
    assert steps[4].duration_s == 3
    assert steps[5].rate_bpm == RHYTHM_RATES_BPM["af"]


def test_for_may_be_left_out_and_case_does_not_matter() -> None:
    assert parse_script("VF 10s; Sinus 60 FOR 5S") == parse_script("vf for 10s; sinus 60 for 5s")


def test_the_last_rhythm_without_a_duration_lasts_for_ever_and_others_ten_seconds() -> None:
    first, last = parse_script("brady; tachy")

    assert first.duration_s == 10
    assert math.isinf(last.duration_s)


def test_the_demo_script_holds_every_kind_of_disturbance() -> None:
    kinds = {step.kind for step in parse_script(DEMO)}

    assert {"pvc", "couplet", "run", "vt", "vf", "asystole", "brady", "tachy", "af", "noise", "lead_off"} <= kinds


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("", "empty"),
        (" ; ;", "empty"),
        ("sinus 70; flutter", "step 2 ('flutter'): unknown word 'flutter'"),
        ("sinus 70 for 20", "'20' after 'for' needs a unit"),
        ("sinus 70 for", "must follow 'for'"),
        ("sinus 70 20", "20 is one number too many"),
        ("sinus 5000", "between 10 and 400"),
        ("sinus 70x", "cannot read '70x'"),
        ("sinus 70 V1", "only 'lead_off' takes the name of a lead"),
        ("sinus 70 for -3s", "above 0"),
        ("sinus 6dB", "only 'noise' takes decibels"),
        ("vf 200", "'vf' has no rate"),
        ("sinus 70; pvc 3s", "'pvc' takes no duration"),
        ("sinus 70; run 2.5", "1 to 1000 beats"),
        ("sinus 70; lead_off V9", "cannot read 'V9'"),
        ("pvc; pvc", "has no rhythm"),
        ("sinus nan", "cannot read 'nan'"),
    ],
)
def test_a_mistake_is_refused_with_its_place(script: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_script(script)

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


_WORDS = st.sampled_from([*RHYTHM_RATES_BPM, *EVENTS, *SIGNALS, "for", "10s", "70", "6dB", "-1", "II", "ten", "1e9s"])


@given(st.lists(st.lists(_WORDS, max_size=4).map(" ".join), max_size=6).map(";".join) | st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        steps = parse_script(text)
    except ConfigError:
        return
    assert steps
    assert all(step.duration_s >= 0 for step in steps)
