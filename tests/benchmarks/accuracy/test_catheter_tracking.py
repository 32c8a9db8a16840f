"""What counts as hidden in time, re-acquired in time, a switched identity, a bound that held."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from heartwire.benchmarks.accuracy.catheter_biplane import score_planes
from heartwire.benchmarks.accuracy.catheter_tracking import Step, owners, score_runs
from heartwire.engine.messages import CatheterFix, Device, Projection
from heartwire.engine.xray.detection import Point
from heartwire.engine.xray.projection import project
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, Fluoroscopy
from heartwire.streams.simulators.truth import FrameTruth

TIP = (200.0, 150.0)


ANY = Fluoroscopy(FIRST_TEST_SEED, size_px=256).frame(0)[1].devices[0]


def truth(frame: int, *, hidden: bool = False, tip: Point = TIP) -> FrameTruth:
    why: Literal["", "contrast"] = "contrast" if hidden else ""
    device = replace(ANY, id=1, tip_px=tip, tip_mm=(5.0, 5.0, 5.0), visible=not hidden, hidden_by=why)
    return FrameTruth(
        frame=frame,
        time_s=frame / 15,
        cardiac_phase=0.0,
        breath=0.0,
        spacing_mm=0.3,
        contrast=hidden,
        devices=(device,),
    )


def reported(tip: Point | None = TIP, *, number: int = 4, error_px: float = 2.0, visible: bool = True) -> Device:
    return Device(
        id=number, class_="catheter", state="tracked", visible=visible and tip is not None, confidence=0.9, tip_px=tip,
        tip_mm=None, error_px=None if tip is None else error_px, centreline_px=[],
    )  # fmt: skip


def run(hidden: range, silent: range, *, new_id_from: int = 99) -> list[Step]:
    return [
        (truth(k, hidden=k in hidden), [reported(None if k in silent else TIP, number=4 if k < new_id_from else 5)])
        for k in range(20)
    ]


@pytest.mark.parametrize(("silent", "in_time"), [(range(5, 12), 1.0), (range(6, 12), 1.0), (range(7, 12), 0.0)])
def test_a_tip_in_contrast_must_be_not_visible_in_the_second_frame(silent: range, in_time: float) -> None:
    score = score_runs([run(range(5, 12), silent)])
    assert (score.hidden, score.hidden_in_time) == (1, in_time)


@pytest.mark.parametrize(("silent", "in_time"), [(range(5, 12), 1.0), (range(5, 14), 1.0), (range(5, 15), 0.0)])
def test_a_tip_that_is_back_must_be_reported_in_one_of_three_frames(silent: range, in_time: float) -> None:
    score = score_runs([run(range(5, 12), silent)])
    assert (score.back, score.back_in_time) == (1, in_time)


def test_an_identity_that_changes_is_a_switch_and_not_the_same_when_back() -> None:
    score = score_runs([run(range(5, 12), range(5, 12), new_id_from=12)])
    assert (score.id_switches, score.back_same_id) == (1, 0.0)
    assert score.switches_a_minute == pytest.approx(60.0 / (19 / 15))


def test_errors_beyond_the_bound_count_apart_for_tips_seen_and_foretold() -> None:
    steps: list[Step] = [(truth(k), [reported((203.0, 150.0), error_px=2.0 if k < 3 else 4.0)]) for k in range(10)]
    steps += [(truth(k), [reported((210.0, 150.0), error_px=20.0, visible=False)]) for k in range(10, 12)]
    score = score_runs([steps])
    assert score.beyond_bound == pytest.approx(0.3)
    assert score.beyond_bound_foretold == 0.0
    assert score.bounds_foretold == [(20.0, 10.0)] * 2
    assert score.tip_median_px == pytest.approx(3.0)


def test_jitter_is_what_the_error_changes_by_where_the_tip_rests() -> None:
    still = score_runs([[(truth(k), [reported((200.0 + (-1) ** k, 150.0))]) for k in range(9)]])
    assert still.jitter_px == pytest.approx(math.sqrt(2.0 * 2.0 / 2 / 2))
    assert score_runs([[(truth(k), [reported((203.0, 150.0))]) for k in range(9)]]).jitter_px == 0.0


def test_a_reported_device_belongs_to_the_true_one_it_was_mostly_at() -> None:
    steps: list[Step] = [(truth(k), [reported(), reported((20.0, 20.0), number=9)]) for k in range(5)]
    assert owners(steps) == {4: 1}
    assert score_runs([steps]).false_devices_a_frame == 1.0


def test_tips_in_space_are_scored_against_the_true_ones() -> None:
    views = [
        Projection(
            primary_deg=angle, secondary_deg=0.0, source_to_detector_mm=1000.0, source_to_patient_mm=750.0,
            imager_spacing_mm=(0.4, 0.4), centre_px=(255.5, 255.5),
        )
        for angle in (-30.0, 60.0)
    ]  # fmt: skip
    planes = []
    for view in views:
        x, y = project(view, np.array([(5.0, 5.0, 5.0)]))[0].tolist()
        planes.append(
            [
                (
                    truth(k, tip=(x, y)),
                    CatheterFix(stream="", frame=k, captured_ns=k * 10**8, devices=[reported((x, y))], projection=view),
                )
                for k in range(6)
            ]
        )
    score = score_planes([(planes[0], planes[1])])
    assert (score.pairs, score.tips, score.found, score.mixed, score.beyond_bound) == (6, 6, 1.0, 0.0, 0.0)
    assert score.p95_mm == pytest.approx(0.0, abs=1e-6)
