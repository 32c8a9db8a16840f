"""Plots as inline SVG: curves, histograms, bars and matrices of counts."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT, _MARGIN = 720, 260, 46
_COLOURS = (
    "#0b6e99",
    "#c2410c",
    "#4d7c0f",
    "#7e22ce",
    "#b45309",
    "#0f766e",
    "#be185d",
    "#57534e",
    "#1d4ed8",
    "#a16207",
)
_TICKS = 6
_LEGEND = 130

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """What an axis shows and its range; `high` None: up to the largest value; `ticks`: where it is marked, and how."""

    label: str
    low: float = 0.0
    high: float | None = None
    ticks: Sequence[tuple[float, str]] | None = None


class _Frame:
    """An SVG in the making: places values, draws axes."""

    def __init__(self, x: Axis, x_high: float, y: Axis, y_high: float, *, right: int = _WIDTH - _MARGIN) -> None:
        self._x, self._y = (x.low, x_high), (y.low, y_high)
        self._ticks = x.ticks
        self.right, self.base = right, _HEIGHT - _MARGIN
        self.parts = [
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-size="12" font-family="sans-serif">',
            f'<path d="M{_MARGIN} {_MARGIN}V{self.base}H{right}" fill="none" stroke="#78716c"/>',
        ]
        self.text(right, self.base + 34, x.label, "end")
        self.text(_MARGIN, _MARGIN - 14, y.label, "start")

    def at_x(self, value: float) -> float:
        low, high = self._x
        return _MARGIN + (self.right - _MARGIN) * (value - low) / (high - low)

    def at_y(self, value: float) -> float:
        low, high = self._y
        return self.base - (self.base - _MARGIN) * min(max((value - low) / (high - low), 0.0), 1.0)

    def text(self, x: float, y: float, text: str, anchor: str, colour: str = "#1c1917") -> None:
        escaped = html.escape(text)
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{escaped}</text>')

    def box(self, x: float, y: float, width: float, height: float, colour: str, title: str) -> None:
        place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}"'
        self.parts.append(f'<rect {place} fill="{colour}"><title>{html.escape(title)}</title></rect>')

    def x_ticks(self) -> None:
        marks = [(v, f"{v:g}") for v in _ticks(*self._x)] if self._ticks is None else self._ticks
        for value, mark in marks:
            if self._x[0] <= value <= self._x[1]:
                self.text(self.at_x(value), self.base + 16, mark, "middle")

    def y_ticks(self) -> None:
        for value in _ticks(*self._y):
            self.text(_MARGIN - 6, self.at_y(value) + 4, f"{value:g}", "end")

    def svg(self) -> str:
        return "".join([*self.parts, "</svg>"])


def curves(lines: Mapping[str, Points], x: Axis, y: Axis, *, dots: bool = False) -> str:
    """Draw lines by name.

    Parameters
    ----------
    lines
        The points of each; a line of one point shows only with dots.
    x, y
        The axes; what lies outside of the vertical one is drawn at its edge.
    dots
        Whether to mark the points.
    """
    shown = {name: points for name, points in lines.items() if points}
    x_high = _high(x, [value for points in shown.values() for value, _ in points])
    y_high = _high(y, [value for points in shown.values() for _, value in points])
    frame = _Frame(x, x_high, y, y_high, right=_WIDTH - _MARGIN - _LEGEND)
    frame.x_ticks()
    frame.y_ticks()
    for n, (name, points) in enumerate(shown.items()):
        colour = _COLOURS[n % len(_COLOURS)]
        places = [(frame.at_x(a), frame.at_y(b)) for a, b in points]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        frame.parts.append(f'<polyline fill="none" stroke="{colour}" points="{line}"/>')
        if dots:
            frame.parts.extend(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in places)
        frame.text(frame.right + 12, _MARGIN + 16 * n, name, "start", colour)
    return frame.svg()


def histogram(edges: Sequence[float], counts: Mapping[str, Sequence[int]], label: str, share_of: str = "beats") -> str:
    """Draw the shares of values between edges, one colour a name, the part of the axis that holds any."""
    used = [i for each in counts.values() for i, count in enumerate(each) if count]
    first, last = (min(used), max(used) + 1) if used else (0, len(edges) - 1)
    totals = {name: max(sum(each), 1) for name, each in counts.items()}
    highest = max((count / totals[name] for name, each in counts.items() for count in each), default=0.0)
    frame = _Frame(Axis(label, edges[first]), edges[last], Axis(f"% of {share_of}"), 100.0 * highest or 1.0)
    frame.x_ticks()
    frame.y_ticks()
    for n, (name, each) in enumerate(counts.items()):
        colour = _COLOURS[n % len(_COLOURS)]
        for i in range(first, last):
            if each[i]:
                left, top = frame.at_x(edges[i]), frame.at_y(100.0 * each[i] / totals[name])
                width = frame.at_x(edges[i + 1]) - left - 1.0
                frame.box(left, top, width, frame.base - top, colour, f"{name} {edges[i]:g}: {each[i]}")
        frame.text(frame.right - 4, _MARGIN + 16 * n, name, "end", colour)
    return frame.svg()


def bars(values: Mapping[str, float], y: Axis) -> str:
    """Draw a bar for each name."""
    frame = _Frame(Axis(""), float(max(len(values), 1)), y, _high(y, list(values.values())))
    frame.y_ticks()
    for n, (name, value) in enumerate(values.items()):
        left, top = frame.at_x(n + 0.1), frame.at_y(value)
        frame.box(left, top, frame.at_x(n + 0.9) - left, frame.base - top, _COLOURS[0], f"{name}: {value:.5g}")
        x = frame.at_x(n + 0.5) + 4
        turned = f'x="{x:.0f}" y="{frame.base + 6}" transform="rotate(-90 {x:.0f} {frame.base + 6})"'
        frame.parts.append(f'<text {turned} text-anchor="end" font-size="10">{html.escape(name)}</text>')
    return frame.svg()


def matrix(names: Sequence[str], counts: Sequence[Sequence[int]], *, rows: str, columns: str) -> str:
    """Draw a square of counts, each cell as dark as its share of its row."""
    cell, left, top = 84, 90, 50
    width, height = left + cell * len(names) + 10, top + 34 * len(names) + 10
    parts = [f'<svg viewBox="0 0 {max(width, _WIDTH)} {height}" role="img" font-size="12" font-family="sans-serif">']
    parts.append(f'<text x="{left}" y="14">columns: {html.escape(columns)}; rows: {html.escape(rows)}</text>')
    for j, name in enumerate(names):
        x = left + cell * (j + 0.5)
        parts.append(f'<text x="{x:.0f}" y="{top - 8}" text-anchor="middle">{html.escape(name)}</text>')
    for i, (name, row) in enumerate(zip(names, counts, strict=True)):
        y = top + 34 * i
        parts.append(f'<text x="{left - 8}" y="{y + 21}" text-anchor="end">{html.escape(name)}</text>')
        for j, count in enumerate(row):
            share = count / max(sum(row), 1)
            place = f'x="{left + cell * j}" y="{y}" width="{cell - 2}" height="32"'
            parts.append(f'<rect {place} fill="{_COLOURS[0]}" fill-opacity="{0.04 + 0.86 * share:.3f}"/>')
            x, colour = left + cell * (j + 0.5), "#fff" if share > 0.5 else "#1c1917"
            parts.append(f'<text x="{x:.0f}" y="{y + 21}" text-anchor="middle" fill="{colour}">{count}</text>')
    return "".join([*parts, "</svg>"])


def _ticks(low: float, high: float) -> list[float]:
    """Give round values from low to high, no more than `_TICKS`."""
    power = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    step = next(s for s in (power * m for m in (1, 2, 5, 10, 20)) if (high - low) / s <= _TICKS - 1)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 9) for n in range(first, last + 1)]


def _high(axis: Axis, values: Sequence[float]) -> float:
    high = max(values, default=1.0) if axis.high is None else axis.high
    return high if high > axis.low else axis.low + 1.0
