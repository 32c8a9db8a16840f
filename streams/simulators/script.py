"""The rhythm script: what a simulated heart does, as one line of text.

Steps are separated by ``;`` and happen one after another. The unit tells what a number means: a bare number is a rate
in beats per minute (or a count for `run`), ``20s``, ``500ms`` and ``2min`` are durations, ``6dB`` is a signal-to-noise
ratio. The word ``for`` may stand before a duration.

::

    sinus 70 for 20s; pvc; sinus 70 for 10s; vt 180 for 15s; vf for 10s; asystole for 6s; sinus 75

======================== ============================================== =======================
rhythm                   what it is                                     rate if none is given
======================== ============================================== =======================
``sinus 70 for 20s``     sinus rhythm                                   70
``brady 35``             sinus bradycardia                              35
``tachy 150``            sinus tachycardia                              150
``svt 180``              supraventricular tachycardia, no P wave seen   180
``af 95``                atrial fibrillation                            95
``bigeminy 70``          every second beat a PVC                        70
``trigeminy 70``         every third beat a PVC                         70
``idioventricular 38``   ventricular escape rhythm                      38
``block2 38``            second-degree block: every second P conducted   38
``block3 36``            third-degree block: P waves at 80, none conducted 36
``vt 180``               ventricular tachycardia                        180
``torsades 220``         polymorphic VT whose axis turns (torsade de pointes)    220
``vfl 220``              ventricular flutter                            220
``vf``                   ventricular fibrillation
``asystole``             no electrical activity
======================== ============================================== =======================

======================== ======================================================================
event                    what it is
======================== ======================================================================
``pvc``, ``pac``         one premature ventricular (atrial) beat
``couplet``              two PVCs
``run 5 150``            five PVCs at 150 a minute (default 5 at 160)
``pause 3s``             the RR interval that follows lasts 3 s
======================== ======================================================================

======================== ======================================================================
signal, not heart        begins at its place in the script and takes no time of its own
======================== ======================================================================
``noise 6dB for 10s``    electrode motion and muscle noise at that ratio (default 6 dB, 10 s)
``lead_off V1 for 4s``   the lead (all of them if none is named) is off (default 4 s)
======================== ======================================================================

A rhythm without a duration lasts 10 s; the last step, if it is a rhythm without a duration, lasts for ever. A script
that comes to its end starts again from its first step.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from heartwire.engine.errors import ConfigError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""Names of the leads that can be simulated."""

DEFAULT_RHYTHM_S = 10.0

RHYTHM_RATES_BPM = {
    "sinus": 70.0,
    "brady": 35.0,
    "tachy": 150.0,
    "svt": 180.0,
    "af": 95.0,
    "bigeminy": 70.0,
    "trigeminy": 70.0,
    "idioventricular": 38.0,
    "block2": 38.0,
    "block3": 36.0,
    "vt": 180.0,
    "torsades": 220.0,
    "vfl": 220.0,
    "vf": math.nan,
    "asystole": math.nan,
}
"""Each rhythm with the rate it has if none is given; NaN where it has none."""

EVENTS = ("pvc", "pac", "couplet", "run", "pause")
SIGNALS = ("noise", "lead_off")

CALM = "sinus 68"
"""Sinus rhythm without end."""

DEMO = (
    "sinus 72 for 8s; pvc; sinus 72 for 4s; vt 185 for 10s; sinus 76 for 10s; couplet; sinus 74 for 6s; run 5 160; "
    "sinus 74 for 8s; vf for 10s; asystole for 6s; brady 36 for 12s; sinus 70 for 8s; noise 0dB for 5s; "
    "sinus 70 for 8s; lead_off II for 4s; sinus 70 for 8s; af 100 for 15s; tachy 152 for 12s; pause 3s; "
    "bigeminy 76 for 10s"
)
"""Every condition once, in about two and a half minutes."""

_NUMBER = re.compile(r"([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)([a-z]*)", re.IGNORECASE)
_SECONDS = {"s": 1.0, "ms": 0.001, "min": 60.0}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a script.

    Attributes
    ----------
    kind
        A key of `RHYTHM_RATES_BPM`, one of `EVENTS` or one of `SIGNALS`.
    duration_s
        How long it lasts; infinite for a last rhythm without a duration; for `pause` the RR interval.
    rate_bpm
        Rate of the rhythm or run; NaN where there is none.
    count
        Beats of a `run` or `couplet`, else 1.
    snr_db
        Signal-to-noise ratio of `noise`; NaN otherwise.
    lead
        Lead of `lead_off`; empty for all leads.
    """

    kind: str
    duration_s: float = 0.0
    rate_bpm: float = math.nan
    count: int = 1
    snr_db: float = math.nan
    lead: str = ""


@dataclass(slots=True)
class _Words:
    """The arguments of a step, sorted by their units."""

    numbers: list[float]
    duration_s: float | None = None
    snr_db: float | None = None
    lead: str = ""


def parse_script(text: str) -> tuple[Step, ...]:
    """Read a rhythm script.

    Parameters
    ----------
    text
        The script, as described at the head of this module.

    Raises
    ------
    ConfigError
        If the script is empty or a step is wrong; says which step and what was expected.
    """
    parts = [part.split() for part in text.replace("\n", ";").split(";") if part.strip()]
    if not parts:
        msg = "rhythm script is empty: expected steps such as 'sinus 70 for 20s; pvc; vf for 10s'"
        raise ConfigError(msg)
    steps = [_parse_step(number, words) for number, words in enumerate(parts, 1)]
    if not any(step.kind in RHYTHM_RATES_BPM for step in steps):
        msg = f"rhythm script {text.strip()!r} has no rhythm: expected one of {', '.join(RHYTHM_RATES_BPM)}"
        raise ConfigError(msg)
    for i, step in enumerate(steps):
        if step.kind in RHYTHM_RATES_BPM and step.duration_s == 0.0:
            duration_s = math.inf if i == len(steps) - 1 else DEFAULT_RHYTHM_S
            steps[i] = Step(step.kind, duration_s, step.rate_bpm)
    return tuple(steps)


def _parse_step(number: int, words: list[str]) -> Step:
    kind = words[0].lower()
    where = f"rhythm script, step {number} ({' '.join(words)!r})"
    if kind not in RHYTHM_RATES_BPM and kind not in EVENTS and kind not in SIGNALS:
        known = ", ".join((*RHYTHM_RATES_BPM, *EVENTS, *SIGNALS))
        msg = f"{where}: unknown word {words[0]!r}; known are {known}"
        raise ConfigError(msg)
    given = _sort_words(where, words[1:])
    if given.snr_db is not None and kind != "noise":
        msg = f"{where}: only 'noise' takes decibels"
        raise ConfigError(msg)
    if given.lead and kind != "lead_off":
        msg = f"{where}: only 'lead_off' takes the name of a lead"
        raise ConfigError(msg)
    if kind in RHYTHM_RATES_BPM:
        return _rhythm(where, kind, given)
    if kind in SIGNALS:
        _refuse_numbers(where, given.numbers)
        duration_s = given.duration_s or (10.0 if kind == "noise" else 4.0)
        snr_db = (6.0 if given.snr_db is None else given.snr_db) if kind == "noise" else math.nan
        return Step(kind, duration_s, snr_db=snr_db, lead=given.lead)
    return _event(where, kind, given)


def _sort_words(where: str, words: list[str]) -> _Words:
    given = _Words([])
    for i, word in enumerate(words):
        if word.lower() == "for":
            if i + 1 == len(words):
                msg = f"{where}: a duration such as '10s' must follow 'for'"
                raise ConfigError(msg)
            continue
        lead = next((name for name in LEADS if name.lower() == word.lower()), "")
        if lead:
            given.lead = lead
            continue
        match = _NUMBER.fullmatch(word)
        unit = match.group(2).lower() if match else ""
        if match is None or (unit not in _SECONDS and unit not in ("", "db", "bpm")):
            msg = f"{where}: cannot read {word!r}; expected a rate (70), duration (20s), ratio (6dB) or lead"
            raise ConfigError(msg)
        value = float(match.group(1))
        if unit == "db":
            given.snr_db = value
        elif unit in _SECONDS:
            if not 0.0 < value * _SECONDS[unit] <= 86_400.0:
                msg = f"{where}: duration {word!r} must be above 0 and at most a day"
                raise ConfigError(msg)
            given.duration_s = value * _SECONDS[unit]
        elif i > 0 and words[i - 1].lower() == "for":
            msg = f"{where}: {word!r} after 'for' needs a unit: s, ms or min"
            raise ConfigError(msg)
        else:
            given.numbers.append(value)
    return given


def _rhythm(where: str, kind: str, given: _Words) -> Step:
    rate_bpm = RHYTHM_RATES_BPM[kind]
    if given.numbers:
        if math.isnan(rate_bpm):
            msg = f"{where}: {kind!r} has no rate"
            raise ConfigError(msg)
        rate_bpm = given.numbers[0]
        _refuse_numbers(where, given.numbers[1:])
        _check_rate(where, rate_bpm)
    return Step(kind, given.duration_s or 0.0, rate_bpm)


def _event(where: str, kind: str, given: _Words) -> Step:
    if kind == "pause":
        _refuse_numbers(where, given.numbers)
        return Step(kind, given.duration_s or 3.0)
    if given.duration_s is not None:
        msg = f"{where}: {kind!r} takes no duration"
        raise ConfigError(msg)
    if kind != "run":
        _refuse_numbers(where, given.numbers)
        return Step(kind, rate_bpm=150.0, count=2 if kind == "couplet" else 1)
    _refuse_numbers(where, given.numbers[2:])
    count = given.numbers[0] if given.numbers else 5.0
    rate_bpm = given.numbers[1] if len(given.numbers) > 1 else 160.0
    if count != int(count) or not 1 <= count <= 1000:
        msg = f"{where}: a run has 1 to 1000 beats, not {count:g}"
        raise ConfigError(msg)
    _check_rate(where, rate_bpm)
    return Step(kind, rate_bpm=rate_bpm, count=int(count))


def _check_rate(where: str, rate_bpm: float) -> None:
    if not 10.0 <= rate_bpm <= 400.0:
        msg = f"{where}: the rate must lie between 10 and 400 a minute, not {rate_bpm:g}"
        raise ConfigError(msg)


def _refuse_numbers(where: str, numbers: list[float]) -> None:
    if numbers:
        msg = f"{where}: {numbers[0]:g} is one number too many (a duration needs its unit: {numbers[0]:g}s)"
        raise ConfigError(msg)
