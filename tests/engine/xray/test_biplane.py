"""Two planes: tips in space, which device is which, and no dependence on which stream comes first."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.messages import CatheterFix, Device, Projection
from heartwire.engine.xray.biplane import Biplane, BiplaneTip, triangulate
from heartwire.engine.xray.detection import Point
from heartwire.engine.xray.projection import project

FRAME_NS = 66_666_667
Place = tuple[float, float, float]


def view(primary_deg: float, secondary_deg: float = 0.0) -> Projection:
    return Projection(
        primary_deg=primary_deg, secondary_deg=secondary_deg, source_to_detector_mm=1000.0, source_to_patient_mm=750.0,
        imager_spacing_mm=(0.4, 0.4), centre_px=(255.5, 255.5),
    )  # fmt: skip


FIRST, SECOND = view(-30.0), view(40.0, 20.0)


def seen(at_mm: Place, projection: Projection) -> Point:
    x, y = project(projection, np.array([at_mm]))[0].tolist()
    return x, y


def device(number: int, tip_px: Point | None, class_: str = "catheter") -> Device:
    return Device(
        id=number, class_=class_, state="tracked", visible=tip_px is not None, confidence=0.9, tip_px=tip_px,
        tip_mm=None, error_px=None if tip_px is None else 1.5, centreline_px=[],
    )  # fmt: skip


def fix(stream: str, frame: int, places: Sequence[Place], ids: Sequence[int] | None = None) -> CatheterFix:
    projection = FIRST if stream == "a/xray" else SECOND
    devices = [device(n, seen(p, projection)) for n, p in zip(ids or range(1, 9), places, strict=False)]
    return CatheterFix(stream=stream, frame=frame, captured_ns=frame * FRAME_NS, devices=devices, projection=projection)


def moved(frame: int, start: Place, depth_mm: float = 8.0) -> Place:
    return start[0] + depth_mm * math.sin(frame / 3), start[1] + depth_mm * math.cos(frame / 2), start[2] + frame / 5


@settings(deadline=None, max_examples=60)
@given(st.tuples(*[st.floats(-80.0, 80.0)] * 3))
def test_a_place_seen_in_two_views_is_found(at_mm: Place) -> None:
    found = triangulate(FIRST, seen(at_mm, FIRST), SECOND, seen(at_mm, SECOND))
    assert found.place_mm == pytest.approx(at_mm, abs=1e-6)
    assert found.residual_mm < 1e-6
    assert 0.0 < found.error_mm < 2.0


def test_19_of_20_places_lie_within_their_bound_and_a_surer_plane_counts_more() -> None:
    random = np.random.default_rng(0)
    beyond, errors = 0, []
    for _ in range(400):
        at_mm: Place = tuple(random.uniform(-40, 40, 3).tolist())
        (u, v), (x, y) = seen(at_mm, FIRST), seen(at_mm, SECOND)
        du, dv, dx, dy = (random.normal(0.0, 1.0, 4) * [0.5, 0.5, 3.0, 3.0]).tolist()
        found = triangulate(FIRST, (u + du, v + dv), SECOND, (x + dx, y + dy), (2.45 * 0.5, 2.45 * 3.0))
        errors.append(math.dist(found.place_mm, at_mm))
        beyond += errors[-1] > found.error_mm
    assert 0.01 <= beyond / 400 <= 0.08
    assert np.median(errors) < 1.2


def test_views_along_one_direction_are_refused() -> None:
    with pytest.raises(ValueError, match="nearly the same direction"):
        triangulate(view(0.0), (250.0, 250.0), view(3.0), (250.0, 250.0))


def test_a_pair_of_frames_gives_the_tip_of_each_device() -> None:
    places = [(10.0, 5.0, 20.0), (-15.0, 0.0, -10.0)]
    biplane = Biplane("a/xray", "b/xray")
    assert biplane.take(fix("b/xray", 4, places, ids=(7, 8))) == []
    tips = biplane.take(fix("a/xray", 4, places))
    assert [(tip.frame, tip.partner_frame) for tip in tips] == [(4, 4), (4, 4)]
    assert {tip.ids: tip.tip_mm for tip in tips} == {
        (1, 7): pytest.approx(places[0], abs=1e-6),
        (2, 8): pytest.approx(places[1], abs=1e-6),
    }


def test_devices_whose_rays_meet_by_chance_are_told_apart_as_they_move() -> None:
    biplane, mixed = Biplane("a/xray", "b/xray"), []
    for frame in range(40):
        places = [moved(frame, (20.0, 0.0, 1.0)), moved(frame, (-20.0, 10.0, 0.0), depth_mm=-6.0)]
        biplane.take(fix("a/xray", frame, places))
        tips = biplane.take(fix("b/xray", frame, places[::-1], ids=(2, 1)))
        mixed.append(any(a != b for a, b in (tip.ids for tip in tips)))
    assert not any(mixed[5:])


def test_a_plane_that_does_not_say_where_it_stands_is_told_by_hand_or_gives_nothing() -> None:
    places = [(10.0, 5.0, 20.0)]
    bare = fix("b/xray", 0, places)
    bare.projection = None
    for known, count in (({}, 0), ({"b/xray": SECOND}, 1)):
        biplane = Biplane("a/xray", "b/xray", known)
        biplane.take(fix("a/xray", 0, places))
        assert len(biplane.take(bare)) == count


def test_a_hidden_tip_gives_no_place() -> None:
    biplane = Biplane("a/xray", "b/xray")
    hidden = fix("a/xray", 0, [])
    hidden.devices = [device(1, None)]
    biplane.take(hidden)
    assert biplane.take(fix("b/xray", 0, [(0.0, 0.0, 0.0)])) == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.booleans(), min_size=40, max_size=40), st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19)))
def test_the_order_in_which_the_streams_come_does_not_matter(
    order: list[bool], dropped_a: set[int], dropped_b: set[int]
) -> None:
    def run(turns: list[bool]) -> list[BiplaneTip]:
        waiting = {
            stream: [fix(stream, k, [moved(k, (5.0, 5.0, 5.0))]) for k in range(20) if k not in dropped]
            for stream, dropped in (("a/xray", dropped_a), ("b/xray", dropped_b))
        }
        biplane, tips = Biplane("a/xray", "b/xray"), []
        for turn in [*turns, *[True] * 20, *[False] * 20]:
            if queue := waiting["a/xray" if turn else "b/xray"]:
                tips += biplane.take(queue.pop(0))
        return tips

    tips = run(order)
    assert tips == run([])
    assert [tip.frame for tip in tips] == [k for k in range(20) if k not in dropped_a | dropped_b]
