"""The benchmark of the screens: a short run gives every figure of its table."""

from __future__ import annotations

import math
import shutil

import pytest

from heartwire.benchmarks import screens


@pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="no Chromium here: install the package chromium",
)
def test_a_short_run_gives_every_figure_beside_its_bar() -> None:
    phases: list[str] = []
    found = screens.measure(beds=2, crowd=2, seconds=2.0, progress=phases.append)
    assert [phase.split(":")[0] for phase in phases[1:]] == ["nobody", "crowd"] * 2 + ["page"]
    assert found.pixel_n > 0
    assert 0 < found.pixel_p50_ms <= found.pixel_p99_ms
    assert found.frames_per_second > 0
    assert found.load_s > 0
    assert found.first_load_s > 0
    assert set(found.engine_p99_ms) == {"nobody", "page", "crowd"}
    assert math.isnan(found.engine_p99_ratio.value), "a few beats have no p99, and it must not be made up"
    assert set(found.stalled_percent) <= {"nobody", "page", "crowd"}
    assert screens.table(found).row_count == len(screens._BARS)
