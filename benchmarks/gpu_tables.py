"""The comparison of GPU and CPU as tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table

from heartwire.benchmarks.gpu import GpuResult, Times


def _p99(times: Times) -> str:
    return "-" if times.p99_ms is None else f"{times.p99_ms:.3f}"


def tables(result: GpuResult) -> Iterable[RenderableType]:
    """Show outputs and times of every model, many streams, and frame to fix."""
    table = Table(
        "model",
        "largest difference",
        "CPU p50 ms",
        "p99",
        "GPU p50 ms",
        "p99",
        "runs on",
        title="Every model, one stream, copies included",
    )
    for m in result.models:
        table.add_row(
            m.model, f"{m.largest_difference:.1e}", f"{m.cpu.p50_ms:.3f}", _p99(m.cpu), f"{m.gpu.p50_ms:.3f}",
            _p99(m.gpu), m.runs_on,
        )  # fmt: skip
    yield table
    table = Table(
        "model",
        "streams",
        "CPU ms",
        "GPU ms",
        "CPU stream-s/s",
        "GPU stream-s/s",
        title="Streams side by side, state on the device",
    )
    for b in result.batches:
        table.add_row(
            b.model, str(b.streams), f"{b.cpu_ms:.2f}", f"{b.gpu_ms:.2f}", f"{b.per_second(b.cpu_ms):,.0f}",
            f"{b.per_second(b.gpu_ms):,.0f}",
        )  # fmt: skip
    yield table
    table = Table(
        "device",
        "p50 ms",
        "p99 ms",
        "max ms",
        "conditioning",
        "network",
        "decision",
        "tips found %",
        "tip px",
        title="512 x 512 frame to fix, and tips in simulated runs",
    )
    for f in result.frames:
        table.add_row(
            f.device, f"{f.whole.p50_ms:.2f}", _p99(f.whole), f"{f.whole.max_ms:.2f}", f"{f.conditioning_ms:.2f}",
            f"{f.network_ms:.2f}", f"{f.decision_ms:.2f}", f"{100 * f.score.found:.1f}", f"{f.score.tip_median_px:.2f}",
        )  # fmt: skip
    yield table
    told = {**result.environment, "gpu after": result.gpu_after}
    yield ", ".join(f"{name}: {value}" for name, value in told.items())
