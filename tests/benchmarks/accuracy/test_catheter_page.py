import io
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

from heartwire.benchmarks.accuracy import catheter_run
from heartwire.benchmarks.accuracy.catheter_bars import bars
from heartwire.benchmarks.accuracy.catheter_biplane import score_planes
from heartwire.benchmarks.accuracy.catheter_cine import FOLLOWED, cine_figures, total
from heartwire.benchmarks.accuracy.catheter_cost import measure
from heartwire.benchmarks.accuracy.catheter_false_devices import EmptyFigures
from heartwire.benchmarks.accuracy.catheter_figures import by_origin, tips_alone
from heartwire.benchmarks.accuracy.catheter_page import catheter_page
from heartwire.benchmarks.accuracy.catheter_recorded import TRACKED
from heartwire.benchmarks.accuracy.catheter_reliability import reliability
from heartwire.benchmarks.accuracy.catheter_result import OURS, CatheterResult
from heartwire.benchmarks.accuracy.catheter_score import FrameScore
from heartwire.benchmarks.accuracy.catheter_simulated import simulated_figures
from heartwire.benchmarks.accuracy.catheter_tables import tables
from heartwire.benchmarks.accuracy.catheter_tracking import score_runs
from heartwire.engine.errors import SourceError


def _result(tip_px: float, told: float = 0.0) -> CatheterResult:
    points = np.full(4, 0.5, np.float32)
    scores = [
        FrameScore(f"{o}{i}", o, tip_px, True, 1, 1, 1, 0, points, points) for o in ("one", "two") for i in (0, 1)
    ]
    tips = cine_figures(FOLLOWED, "a", [(0.0, 0.0), (1.0, 0.0)])
    return CatheterResult(
        environment={"load before (1 min)": "0.1"},
        model="xray-devices 0123",
        recorded=[*by_origin(OURS, scores), tips_alone(TRACKED, "one", [0.5]), tips_alone("CSRT", "one", [1.0])],
        recorded_tips_px={OURS: {score.name: score.tip_error_px for score in scores}},
        cines=[tips, *total([tips])],
        empty=[
            EmptyFigures(kind=k, runs=1, frames=9, detected=told, told=told, shown=0.0, ridge=None)
            for k in ("a", "all")
        ],
        simulated=[simulated_figures(OURS, [])],
        detection_bound=reliability([1.0, 2.0], [0.5, 3.0]),
        followed=[],
        tracking=score_runs([]),
        tracking_bound=reliability([], []),
        biplane=score_planes([]),
        looks_held_out={"without_log_tip_median_px": 1.5},
        cost=[],
        peer_ms={"CSRT": 20.0},
        absent=["cine x.mp4"],
        worst={"recorded tip": ["worst/recorded_tip/01_a.png"]},
        seconds=3.0,
    )


def test_what_is_wanted_is_held_against_the_worst_origin_and_the_worst_kind() -> None:
    met = {bar.name: bar for bar in bars(_result(2.0))}
    missed = {bar.name: bar for bar in bars(_result(7.0, told=0.5))}
    name = "recorded: tip within 5 px, worst origin"
    assert (met[name].reached, met[name].met) == ("100 %", True)
    assert (missed[name].reached, missed[name].met) == ("0 %", False)
    assert met["no device: frames with one told, worst kind"].met
    assert missed["no device: frames with one told, worst kind"].reached == "50 %"
    assert met["cines: frames lost"].met


def test_what_was_not_measured_is_not_met() -> None:
    for bar in bars(_result(2.0)):
        if bar.name.startswith(("simulator", "biplane", "one core")):
            assert (bar.reached, bar.met) == ("-", False)


def test_a_row_in_which_a_peer_is_as_good_is_named() -> None:
    result = _result(2.0)
    one = result.recorded[0]
    result.recorded.append(msgspec.structs.replace(one, method="ridge filter", found=0.5))
    behind = [bar for bar in bars(result) if "behind" in bar.name]
    assert not any(bar.met for bar in behind)
    assert any("one, line" in bar.name for bar in behind)
    assert not any("not found" in bar.name for bar in behind)


def test_tips_that_were_missed_are_not_met() -> None:
    assert not next(bar for bar in bars(_result(math.inf)) if "tip median" in bar.name).met


def test_tables_and_page_hold_the_figures_and_fit() -> None:
    result = _result(2.0)
    console = Console(width=140, record=True, file=io.StringIO())
    for grid in tables(result):
        console.print(grid)
    text = console.export_text()
    assert "without_log_tip_median_px" in text
    assert "cine x.mp4" in text
    assert "…" not in text
    page = catheter_page(result)
    assert page.count("<svg") == 4
    assert 'href="worst/recorded_tip/01_a.png"' in page
    assert "<img" not in page
    assert msgspec.json.decode(msgspec.json.encode(result))["recorded"][0]["found"] == 1.0


def test_without_annotated_frames_one_error_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="give the folder that holds xray/dev with --data"):
        catheter_run.evaluate(tmp_path, Progress(disable=True))


def test_the_time_of_a_frame_is_counted_without_the_first_ones() -> None:
    cost = measure(256, 12, 4)
    assert (cost.size_px, cost.bits, cost.frames) == (256, 12, 4)
    assert 0.0 < cost.median_ms <= cost.p99_ms <= cost.largest_ms
