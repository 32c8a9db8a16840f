"""How old a fix is when it comes out, and whether its overlay may still be shown."""

from __future__ import annotations

from heartwire.engine.messages import CatheterFix, Device, Overlay, Trace

DEFAULT_BUDGET_MS = 500.0
_SHOWN_FROM = 0.25


def age_ms(trace: Trace, now_ns: int) -> float:
    """Give the time since the device should have delivered a frame, ms.

    Where the stream does not come at the device's pace it is the time since the frame was received; 0 where neither
    is known.
    """
    since_ns = trace.intended_ns or trace.received_ns
    return max(0, now_ns - since_ns) / 1e6 if since_ns else 0.0


def is_shown(device: Device) -> bool:
    """Whether a device belongs on the screen: neither lost nor so doubtful that it would only hide the vessels."""
    return device.state != "lost" and device.confidence >= _SHOWN_FROM


def judge(fix: CatheterFix, age: float, budget_ms: float, speed_mm_s: float | None) -> Overlay:
    """Decide whether the overlay of a fix is shown: only within its age budget, and only if there is what to show.

    Parameters
    ----------
    fix
        The fix, which belongs to its own frame alone.
    age
        Its age in ms.
    budget_ms
        The age up to which it may be shown.
    speed_mm_s
        Speed of the fastest tip, where the spacing is known: what the age means in mm.
    """
    if age > budget_ms:
        reason = f"age {age:.0f} ms is over the budget of {budget_ms:.0f} ms"
    elif not any(is_shown(device) for device in fix.devices):
        reason = "no device"
    else:
        reason = ""
    return Overlay(
        stream=fix.stream,
        frame=fix.frame,
        shown=not reason,
        age_ms=round(age, 3),
        age_mm=None if speed_mm_s is None else round(age * 1e-3 * speed_mm_s, 3),
        reason=reason,
    )
