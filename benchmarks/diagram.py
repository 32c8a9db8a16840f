"""The definitions, drawn: which stamps a message passes, and what is counted between them."""

from __future__ import annotations

import html

_STAMPS = (
    ("intended", "when the device should have delivered the item"),
    ("sent", "the load hands it to ZeroMQ"),
    ("received", "the pipeline takes it from ZeroMQ"),
    ("dequeued", "its turn among what waits"),
    ("conditioned", "filtered, resampled"),
    ("inferred", "networks have run"),
    ("decided", "the processor has its findings"),
    ("published", "the finding is handed to ZeroMQ"),
    ("observed", "another process has it"),
)
_STAGES = ("pacing", "transport", "queue", "conditioning", "inference", "decision", "publishing", "delivery")
_STEP, _LEFT, _WIDTH = 150, 75, 1350


def definitions() -> str:
    """Give the diagram as SVG."""
    parts = [f'<svg viewBox="0 0 {_WIDTH} 210" role="img" font-size="13" font-family="sans-serif">']
    places = [_LEFT + _STEP * n for n in range(len(_STAMPS))]
    parts.append(f'<path d="M{places[0]} 70H{places[-1]}" stroke="#78716c" fill="none"/>')
    for n, (x, (name, what)) in enumerate(zip(places, _STAMPS, strict=True)):
        parts.append(f'<circle cx="{x}" cy="70" r="4" fill="#0b6e99"><title>{html.escape(what)}</title></circle>')
        parts.append(_text(x, 50, name, "#1c1917"))
        if n:
            parts.append(_text((places[n - 1] + x) // 2, 90, _STAGES[n - 1], "#57534e"))
    bars = (("end to end: intended to observed", 0, 130, "#0b6e99"), ("naive: sent to observed", 1, 165, "#c2410c"))
    for label, first, y, colour in bars:
        parts.append(f'<path d="M{places[first]} {y - 5}v10m0 -5H{places[-1]}m0 -5v10" stroke="{colour}" fill="none"/>')
        parts.append(_text((places[first] + places[-1]) // 2, y + 18, label, colour))
    return "".join([*parts, "</svg>"])


def _text(x: float, y: float, text: str, colour: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle" fill="{colour}">{html.escape(text)}</text>'
