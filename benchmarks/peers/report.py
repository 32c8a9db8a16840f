"""A comparison as a table on the terminal, and several as JSON and one HTML page with plots."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.table import Table

from heartwire.benchmarks import page
from heartwire.benchmarks.peers.compare import PeerResult, Ratio, Result
from heartwire.benchmarks.peers.ecg_speed import Speeds
from heartwire.benchmarks.plots import Axis, curves
from heartwire.engine.trace import END_TO_END, Latencies

HEADS = ("peer", "n", "p50 ms", "p99 ms", "max ms", "CPU µs a message", "heartwire / peer, p50", "p99", "missing")
_SPEED_HEADS = ("detector", "leads", "times real time, median", "lowest", "highest")


class Comparisons(msgspec.Struct, kw_only=True):
    """All that was compared in one call."""

    cases: dict[str, Result] = {}
    ecg: Speeds | None = None


def title(result: Result) -> str:
    """Say what was done."""
    load = result.load
    size = (
        f"{load.leads} leads at {load.rate_hz:g} Hz, {load.samples} samples a message"
        if load.kind == "ecg"
        else f"{load.frame_px} x {load.frame_px} uint8 at {load.frame_hz:g} Hz"
    )
    return f"{result.case}: {load.streams} x {size}; {result.repeats} runs of {load.seconds:g} s, in turn"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _ratio(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"{ratio.median:.2f} ({ratio.lowest:.2f} to {ratio.highest:.2f})"


def _row(name: str, peer: PeerResult) -> list[str]:
    if peer.failed:
        return [name, "failed", *[""] * (len(HEADS) - 2)]
    times = [_ms(peer.percentiles_ms["p50"]), _ms(peer.percentiles_ms["p99"]), _ms(peer.max_ms)]
    cpu = "-" if peer.cpu_us is None else f"{peer.cpu_us:.0f}"
    ratios = [_ratio(peer.ratios.get(p)) for p in ("p50", "p99")]
    return [f"{name} ({peer.version})", str(peer.n), *times, cpu, *ratios, str(peer.missing)]


def rows(result: Result) -> list[list[str]]:
    """Give the cells of a comparison."""
    return [_row(name, peer) for name, peer in result.peers.items()]


def remarks(result: Result) -> list[str]:
    """Say what is not there, and what failed."""
    lines = [f"{name} is not installed and counts neither way: {how}" for name, how in result.absent.items()]
    return lines + [f"{name} failed: {peer.failed}" for name, peer in result.peers.items() if peer.failed]


def _speed_rows(speeds: Speeds) -> list[list[str]]:
    return [
        [name, s.leads, f"{s.median:.0f}", f"{min(s.times_real_time):.0f}", f"{max(s.times_real_time):.0f}"]
        for name, s in speeds.detectors.items()
    ]


def tables(found: Comparisons) -> list[Table]:
    """Give a table for each case."""
    shown = []
    for result in found.cases.values():
        one = Table(*HEADS, title=title(result), caption="\n".join(remarks(result)) or None)
        for cells in rows(result):
            one.add_row(*cells)
        shown.append(one)
    if found.ecg:
        one = Table(*_SPEED_HEADS, title=found.ecg.title, caption=found.ecg.absent or None)
        for cells in _speed_rows(found.ecg):
            one.add_row(*cells)
        shown.append(one)
    return shown


def _spread(result: Result) -> dict[str, list[tuple[float, float]]]:
    lines = {}
    for name, peer in result.peers.items():
        if peer.histogram:
            latencies = Latencies()
            latencies.merge({END_TO_END: peer.histogram})
            histogram = latencies.histogram(END_TO_END)
            lines[name] = [(float(p), histogram.get_value_at_percentile(p) / 1e3) for p in range(100)]
    return lines


def _section(result: Result) -> str:
    table = page.table(HEADS, rows(result))
    said = "".join(f"<p>{html.escape(line)}</p>" for line in remarks(result))
    plot = curves(_spread(result), Axis("percentile"), Axis("ms"))
    return f"<h2>{html.escape(title(result))}</h2>{table}{said}{plot}"


def write(found: Comparisons, folder: Path) -> None:
    """Write `result.json` and `report.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    body = (
        "<p>Latency from the time a message was due to its arrival at an independent subscriber (three steps: to the "
        "end of the last). Ratios are heartwire's to the peer's, run by run: median (smallest to largest); below 1, "
        "heartwire is faster. -: not enough samples, or not known.</p>"
    )
    body += "".join(_section(result) for result in found.cases.values())
    if found.ecg:
        body += f"<h2>{html.escape(found.ecg.title)}</h2>{page.table(_SPEED_HEADS, _speed_rows(found.ecg))}"
    environments: Sequence[dict[str, str]] = [result.environment for result in found.cases.values()]
    if environments:
        body += f"<h2>Environment</h2>{page.facts(environments[0])}"
    (folder / "report.html").write_text(page.page("heartwire beside its peers", body), encoding="utf-8")
