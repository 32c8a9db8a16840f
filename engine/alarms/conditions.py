"""Which alarm conditions there are: code, MDC code, kind, priority, and what each covers.

MDC codes are ISO/IEEE 11073-10101 terms as partition * 65536 + code. Ventricular fibrillation has no public event code
there, so its rhythm term (10:10016) stands for it; limits of the heart rate use the general events "low" and "high"
(3:62, 3:40). Conditions of the engine itself have none.
"""

from __future__ import annotations

import msgspec

from heartwire.engine.messages import AlarmKind, Priority


class Condition(msgspec.Struct, frozen=True):
    """One thing that can be wrong.

    `covers` names conditions that say less about the same event: while this one is on they are not raised, and those
    that were on end. `latching` keeps the condition in sight after its end until somebody acknowledges it.
    """

    code: str
    mdc: int | None
    kind: AlarmKind
    priority: Priority
    text: str
    covers: tuple[str, ...] = ()
    latching: bool = False


_SLOW = ("PAUSE", "EXTREME_BRADY", "BRADY")
_FAST = ("V_RUN", "EXTREME_TACHY", "TACHY")

_ALL = (
    Condition(
        "ASYSTOLE", 199684, "physiological", "high", "no QRS complex for a few seconds", (*_SLOW, *_FAST, "VT"), True
    ),
    Condition(
        "VF",
        665376,
        "physiological",
        "high",
        "ventricular fibrillation or flutter",
        ("VT", "ASYSTOLE", *_SLOW, *_FAST),
        True,
    ),
    Condition("VT", 199832, "physiological", "high", "ventricular tachycardia", _FAST, True),
    Condition("EXTREME_BRADY", 199694, "physiological", "high", "very low heart rate", ("BRADY",)),
    Condition("EXTREME_TACHY", 199730, "physiological", "high", "very high heart rate", ("TACHY",)),
    Condition("V_RUN", 199820, "physiological", "medium", "run of ventricular beats"),
    Condition("PAUSE", 199716, "physiological", "medium", "a long time without a beat"),
    Condition("BRADY", 196670, "physiological", "medium", "heart rate below its limit"),
    Condition("TACHY", 196648, "physiological", "medium", "heart rate above its limit"),
    Condition("LEAD_OFF", 196680, "technical", "medium", "no lead carries a signal"),
    Condition("NOISY", 196660, "technical", "low", "every lead is too noisy to be read"),
    Condition("GAP", None, "technical", "low", "samples are missing and cannot be had again"),
    Condition("STALE", None, "technical", "medium", "the stream gives nothing any more"),
    Condition("MODEL", None, "technical", "medium", "a model is not available"),
    Condition("PROCESSOR", None, "technical", "medium", "the processor of the stream failed"),
    Condition("CLOCK", None, "technical", "low", "the clock of the device jumped"),
    Condition("OVERLOAD", None, "technical", "medium", "items arrive faster than they are processed"),
)

CONDITIONS: dict[str, Condition] = {condition.code: condition for condition in _ALL}
"""Every condition by its code."""
