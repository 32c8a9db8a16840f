"""Which alarm conditions there are: code, MDC code, kind, priority, and what each covers.

MDC codes are ISO/IEEE 11073-10101 terms as partition * 65536 + code. Ventricular fibrillation has no public event code
there, so its rhythm term (10:10016) stands for it; limits of the heart rate use the general events "low" and "high"
(3:62, 3:40). No public code was found for a shift of the ST segment, and conditions of the engine itself have none.
"""

from __future__ import annotations

import msgspec

from heartwire.engine.messages import AlarmKind, Priority


class Condition(msgspec.Struct, frozen=True):
    """One thing that can be wrong.

    `covers` names conditions that say less about the same event: while this one is on they are not raised, and those
    that were on end. `latching` keeps the condition in sight after its end until somebody acknowledges it. One that
    `escalates` is raised by one priority when nobody acknowledged it for a while: there is no graver condition to
    follow it, and it does not last for hours in a stable patient. `delay_s` is the longest time from onset to decision
    that is declared for the default limits; None: it depends on the patient.
    """

    code: str
    mdc: int | None
    kind: AlarmKind
    priority: Priority
    text: str
    covers: tuple[str, ...] = ()
    latching: bool = False
    escalates: bool = False
    delay_s: float | None = None


_ECTOPIC = ("R_ON_T", "PVC_RATE", "COUPLET", "BIGEMINY", "TRIGEMINY")
_SLOW = ("PAUSE", "EXTREME_BRADY", "BRADY", "MISSED_BEAT")
_FAST = ("V_RUN", "EXTREME_TACHY", "TACHY", "SVT", "IDIOVENTRICULAR", *_ECTOPIC)


def _physiological(
    code: str,
    mdc: int | None,
    priority: Priority,
    text: str,
    covers: tuple[str, ...] = (),
    *,
    latching: bool = False,
    escalates: bool = False,
    delay_s: float | None = None,
) -> Condition:
    return Condition(code, mdc, "physiological", priority, text, covers, latching, escalates, delay_s)


def _technical(
    code: str,
    mdc: int | None,
    priority: Priority,
    text: str,
    covers: tuple[str, ...] = (),
    *,
    escalates: bool = False,
    delay_s: float | None = None,
) -> Condition:
    return Condition(code, mdc, "technical", priority, text, covers, False, escalates, delay_s)


_ALL = (
    _physiological(
        "ASYSTOLE",
        199684,
        "high",
        "no QRS complex for a few seconds",
        (*_SLOW, *_FAST, "VT", "AF"),
        latching=True,
        delay_s=4.5,
    ),
    _physiological(
        "VF",
        665376,
        "high",
        "ventricular fibrillation or flutter",
        ("VT", "ASYSTOLE", "AF", *_SLOW, *_FAST),
        latching=True,
        delay_s=6.0,
    ),
    _physiological("VT", 199832, "high", "ventricular tachycardia", _FAST, latching=True, delay_s=6.0),
    _physiological("EXTREME_BRADY", 199694, "high", "very low heart rate", ("BRADY",), delay_s=10.0),
    _physiological("EXTREME_TACHY", 199730, "high", "very high heart rate", ("TACHY",), delay_s=10.0),
    _physiological("NOT_CAPTURING", 199710, "medium", "pacer pulses without a beat", escalates=True, delay_s=7.0),
    _physiological("V_RUN", 199820, "medium", "run of ventricular beats", ("COUPLET", "BIGEMINY", "TRIGEMINY")),
    _physiological("IDIOVENTRICULAR", 199828, "medium", "slow rhythm of ventricular beats", ("V_RUN",)),
    _physiological("PAUSE", 199716, "medium", "a long time without a beat", ("MISSED_BEAT",), delay_s=3.5),
    _physiological("SVT", 199800, "medium", "fast regular supraventricular rhythm"),
    _physiological("R_ON_T", 199814, "medium", "ventricular beat on the T wave before it"),
    _physiological("BRADY", 196670, "medium", "heart rate below its limit", delay_s=10.0),
    _physiological("TACHY", 196648, "medium", "heart rate above its limit", delay_s=10.0),
    _physiological("AF", 199736, "medium", "atrial fibrillation"),
    _physiological("ST", None, "medium", "shift of the ST segment beyond its limit"),
    _physiological("AV_BLOCK", 199866, "low", "P waves outnumber the QRS complexes (advisory)"),
    _physiological("PVC_RATE", 199860, "low", "many ventricular beats a minute"),
    _physiological("COUPLET", 199818, "low", "two ventricular beats in a row"),
    _physiological("BIGEMINY", 199690, "low", "every second beat is ventricular"),
    _physiological("TRIGEMINY", 199844, "low", "every third beat is ventricular"),
    _physiological("MISSED_BEAT", 199686, "low", "one beat is missing from a regular rhythm"),
    _physiological("ADVISORY", None, "low", "a classifier of somebody's own says so (advisory)"),
    _technical("SOURCE_LOST", None, "medium", "the source of the stream broke", ("STALE",), escalates=True),
    _technical("WORKER_LOST", None, "medium", "the process that analyses the stream died", escalates=True),
    _technical("LEAD_OFF", 196680, "medium", "no lead carries a signal", escalates=True, delay_s=3.5),
    _technical("STALE", None, "medium", "the stream gives nothing any more", escalates=True, delay_s=3.5),
    _technical("MODEL", None, "medium", "a model is not available", escalates=True),
    _technical("PROCESSOR", None, "medium", "the processor of the stream failed", escalates=True),
    _technical("OVERLOAD", None, "medium", "items arrive faster than they are processed", escalates=True, delay_s=1.0),
    _technical("JOURNAL_LOST", None, "medium", "alarms cannot be written to the journal"),
    _technical("SINK_LOST", None, "medium", "the process that writes results died"),
    _technical("DASHBOARD_LOST", None, "low", "the dashboard does not take findings"),
    _technical("NOISY", 196660, "low", "every lead is too noisy to be read", escalates=True, delay_s=5.1),
    _technical("WITHHELD", None, "low", "an alarm of high priority is withheld: pulse and signal speak against it"),
    _technical("GAP", None, "low", "samples are missing and cannot be had again", delay_s=0.0),
    _technical("CLOCK", None, "low", "the clock of the device jumped", delay_s=0.0),
)

CONDITIONS: dict[str, Condition] = {condition.code: condition for condition in _ALL}
"""Every condition by its code."""

RANK: dict[str, int] = {condition.code: place for place, condition in enumerate(_ALL)}
"""Which of two conditions of one priority is shown first: the one of lower rank (IEEE 11073-10207, Rank)."""

SIGNAL_GENERATION_DELAY_S = 0.25
"""Longest time declared from the arrival of the decision sample to the alarm's emission, where the host keeps up.

Each alarm carries its own in its trace, from `received_ns` to `published_ns`.
"""
