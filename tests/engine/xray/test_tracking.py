"""Tracking: identities, coasting, loss, return."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.xray.detection import Detection, DeviceClass, Point
from heartwire.engine.xray.tracking import Tracker

FRAME_S = 1 / 15


def detection(
    tip: Point | None,
    *,
    entry: Point = (0.0, 250.0),
    class_: DeviceClass = "catheter",
    confidence: float = 0.9,
    end: Point | None = None,
) -> Detection:
    """A straight device from its entry to its tip (or, with the tip hidden, to `end`)."""
    last = tip or end or (200.0, 250.0)
    line = [(entry[0] + (last[0] - entry[0]) * k / 20, entry[1] + (last[1] - entry[1]) * k / 20) for k in range(21)]
    return Detection(
        class_=class_,
        confidence=confidence,
        visible=tip is not None,
        tip_px=tip,
        error_px=None if tip is None else 1.5,
        centreline_px=line,
        tip_confidence=confidence,
    )


def test_first_frame_gives_the_device_as_it_was_detected() -> None:
    (device,) = Tracker().update([detection((200.0, 250.0))], 0.0)
    assert (device.id, device.state, device.visible) == (1, "tracked", True)
    assert device.tip_px == (200.0, 250.0)
    assert device.error_px == pytest.approx(1.5)
    assert device.centreline_px[0] == (0.0, 250.0)


def test_identity_holds_through_motion_and_two_devices_are_not_mixed_up() -> None:
    tracker = Tracker()
    for k in range(60):
        beat = 12 * math.sin(2 * math.pi * k / 12)
        upper = detection((200.0 + beat, 150.0 + beat), entry=(0.0, 150.0), confidence=0.8)
        lower = detection((210.0 - beat, 300.0 + beat), entry=(0.0, 300.0), confidence=0.9)
        seen = [lower, upper] if k % 2 else [upper, lower]
        by_id = {d.id: d for d in tracker.update(seen, k * FRAME_S)}
        assert set(by_id) == {1, 2}
        assert by_id[1].tip_px == upper.tip_px
        assert by_id[2].tip_px == lower.tip_px


def test_a_tip_in_its_place_keeps_its_identity_beside_a_line_along_the_device() -> None:
    tracker = Tracker()
    tracker.update([detection((200.0, 250.0), class_="guidewire")], 0.0)
    line = detection(None, class_="guidewire", confidence=0.3)
    by_id = {d.id: d for d in tracker.update([detection((203.0, 250.0)), line], FRAME_S)}
    assert by_id[1].tip_px == (203.0, 250.0)


def test_a_missed_device_coasts_with_growing_error_then_is_lost() -> None:
    tracker = Tracker()
    for k in range(20):
        tracker.update([detection((200.0 + 2 * k, 250.0))], k * FRAME_S)
    states, errors = [], []
    for k in range(20, 40):
        (device,) = tracker.update([], k * FRAME_S)
        states.append(device.state)
        if device.state == "coasting":
            assert device.tip_px is not None
            assert device.error_px is not None
            assert device.tip_px[0] > 238.0
            errors.append(device.error_px)
        else:
            assert device.tip_px is None
            assert device.centreline_px == []
        assert not device.visible
    assert states == ["coasting"] * 7 + ["lost"] * 13
    assert errors == sorted(errors)


def test_what_was_seen_once_coasts_for_one_frame_only() -> None:
    tracker = Tracker()
    tracker.update([detection((200.0, 250.0))], 0.0)
    assert [tracker.update([], k * FRAME_S)[0].state for k in (1, 2)] == ["coasting", "lost"]


def test_a_doubtful_device_is_reported_at_once_in_the_first_frame_and_else_after_three() -> None:
    tracker = Tracker()
    first = detection((60.0, 60.0), entry=(0.0, 60.0), confidence=0.1)
    late = detection((200.0, 250.0), confidence=0.1)
    assert [d.id for d in tracker.update([first], 0.0)] == [1]
    assert [len(tracker.update([first, late], k * FRAME_S)) for k in (1, 2, 3, 4)] == [1, 1, 2, 2]


def test_a_sure_device_is_reported_at_once() -> None:
    tracker = Tracker()
    tracker.update([], 0.0)
    assert len(tracker.update([detection((200.0, 250.0), confidence=0.95)], FRAME_S)) == 1


@pytest.mark.parametrize(("tip", "same"), [((215.0, 255.0), True), ((400.0, 60.0), False)])
def test_a_lost_device_keeps_its_identity_only_if_it_comes_back_near(tip: Point, same: bool) -> None:
    tracker = Tracker()
    for k in range(10):
        tracker.update([detection((200.0, 250.0))], k * FRAME_S)
    for k in range(10, 25):
        tracker.update([], k * FRAME_S)
    devices = tracker.update([detection(tip, entry=(tip[0] - 200, tip[1]))], 25 * FRAME_S)
    assert devices[0].state == "tracked"
    assert (devices[0].id == 1) is same


def test_a_device_long_gone_is_forgotten_and_one_hardly_seen_soon() -> None:
    tracker = Tracker()
    for k in range(3):
        tracker.update([detection((200.0, 250.0)), *([detection((100.0, 80.0))] if k == 2 else [])], k * FRAME_S)
    assert [d.id for d in tracker.update([], 0.2)] == [1, 2]
    assert [d.id for d in tracker.update([], 1.0)] == [1]
    assert tracker.update([], 4.0) == []


def test_a_hidden_tip_is_not_visible_and_its_estimate_ends() -> None:
    tracker = Tracker()
    for k in range(10):
        tracker.update([detection((200.0, 250.0))], k * FRAME_S)
    tips = []
    for k in range(10, 25):
        (device,) = tracker.update([detection(None)], k * FRAME_S)
        assert (device.id, device.state, device.visible) == (1, "tracked", False)
        tips.append(device.tip_px)
    assert tips[0] is not None
    assert tips[-1] is None


def test_one_frame_of_the_other_class_does_not_change_the_class() -> None:
    tracker = Tracker()
    for k in range(5):
        tracker.update([detection((200.0, 250.0))], k * FRAME_S)
    (device,) = tracker.update([detection((201.0, 250.0), class_="guidewire")], 5 * FRAME_S)
    assert (device.id, device.class_) == (1, "catheter")


def test_a_track_left_behind_along_a_device_that_is_seen_is_not_told_of() -> None:
    tracker = Tracker()
    pair = [detection((300.0, 250.0)), detection((100.0, 252.0), confidence=0.5)]
    for k in range(6):
        assert len(tracker.update(pair, k * FRAME_S)) == 2
    assert [d.id for d in tracker.update(pair[:1], 6 * FRAME_S)] == [1]
    assert [d.id for d in tracker.update(pair, 7 * FRAME_S)] == [1, 2]


def test_state_restored_goes_on_as_if_never_stopped() -> None:
    tracker, other = Tracker(), Tracker()
    for k in range(7):
        tracker.update([detection((200.0 + 3 * k, 250.0))], k * FRAME_S)
    other.restore(tracker.snapshot())
    for k in range(7, 12):
        seen = [detection((200.0 + 3 * k, 250.0))] if k != 9 else []
        assert tracker.update(seen, k * FRAME_S) == other.update(seen, k * FRAME_S)
    assert tracker.speed_px_s() == other.speed_px_s() > 20.0


def test_a_tip_that_jumps_is_not_believed_until_it_stays() -> None:
    tracker = Tracker()
    for k in range(20):
        tracker.update([detection((200.0, 250.0), end=(300.0, 250.0))], k * FRAME_S)
    tips = []
    for k in range(20, 26):
        (device,) = tracker.update([detection((270.0, 250.0))], k * FRAME_S)
        assert device.id == 1
        tips.append(device.tip_px if device.visible else None)
    assert tips == [None, None, *[(270.0, 250.0)] * 4]


def test_a_tip_hidden_for_seconds_comes_back_under_its_id_in_the_first_frame() -> None:
    tracker = Tracker()
    for k in range(30):
        tracker.update([detection((200.0 + 10 * math.sin(k / 2), 250.0))], k * FRAME_S)
    for k in range(30, 90):
        (device,) = tracker.update([detection(None)], k * FRAME_S)
        assert (device.id, device.visible) == (1, False)
    (device,) = tracker.update([detection((205.0, 252.0))], 90 * FRAME_S)
    assert (device.id, device.visible, device.tip_px) == (1, True, (205.0, 252.0))


def test_the_bound_is_the_detections_own_and_wider_where_the_place_surprised() -> None:
    tracker = Tracker()
    for k in range(30):
        (still,) = tracker.update([detection((200.0, 250.0))], k * FRAME_S)
    assert still.error_px == pytest.approx(1.5, abs=0.01)
    (moved,) = tracker.update([detection((212.0, 250.0))], 30 * FRAME_S)
    assert moved.tip_px == (212.0, 250.0)
    assert moved.error_px is not None
    assert moved.error_px > 3.0


def test_a_new_track_where_a_device_was_lost_takes_up_its_identity() -> None:
    tracker = Tracker()
    for k in range(20):
        tracker.update([detection((200.0, 250.0))], k * FRAME_S)
    for k in range(20, 35):
        tracker.update([], k * FRAME_S)
    back = [tracker.update([detection((232.0, 262.0), entry=(0.0, 300.0), confidence=0.4)], k * FRAME_S)
            for k in range(35, 39)]  # fmt: skip
    seen = [[device.id for device in devices if device.state == "tracked"] for devices in back]
    assert seen == [[1]] * 4


def test_a_tip_that_fades_counts_as_hidden() -> None:
    tracker = Tracker()
    for k in range(10):
        tracker.update([detection((200.0, 250.0))], k * FRAME_S)
    (device,) = tracker.update([detection((200.0, 250.0), confidence=0.2)], 10 * FRAME_S)
    assert (device.id, device.state, device.visible) == (1, "tracked", False)


def test_a_doubtful_tip_takes_no_confidence_from_its_device() -> None:
    tracker = Tracker()
    faint = msgspec.structs.replace(detection((200.0, 250.0)), tip_confidence=0.1)
    for k in range(10):
        (device,) = tracker.update([faint], k * FRAME_S)
    assert device.confidence == pytest.approx(0.9)


def test_what_was_never_sure_enough_is_not_told() -> None:
    tracker = Tracker(tell_confidence=0.5)
    told = [tracker.update([detection((200.0, 250.0), confidence=c)], k * FRAME_S)
            for k, c in enumerate([0.3, 0.3, 0.3, 0.9, 0.9, 0.9, 0.9])]  # fmt: skip
    assert [len(devices) for devices in told][:3] == [0, 0, 0]
    assert [d.state for d in told[-1]] == ["tracked"]


tips = st.none() | st.tuples(st.floats(0, 511), st.floats(0, 511))
seen_device = st.builds(
    detection,
    tips,
    entry=st.tuples(st.just(0.0), st.floats(0, 511)),
    class_=st.sampled_from(["catheter", "guidewire", "electrode-catheter"]),
    confidence=st.floats(0.05, 1.0),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(seen_device, max_size=3), min_size=2, max_size=25))
def test_whatever_is_detected_no_tip_jumps_and_a_restored_tracker_goes_on_the_same(
    frames: list[list[Detection]],
) -> None:
    tracker, other = Tracker(), Tracker()
    before: dict[int, Point] = {}
    for k, seen in enumerate(frames):
        other.restore(tracker.snapshot())
        devices = tracker.update(seen, k * FRAME_S)
        assert other.update(seen, k * FRAME_S) == devices
        assert len({device.id for device in devices}) == len(devices)
        now = {device.id: device.tip_px for device in devices if device.tip_px is not None}
        assert all(math.dist(before[number], tip) <= 25.0 for number, tip in now.items() if number in before)
        assert all(device.error_px is not None for device in devices if device.tip_px is not None)
        before = now


def test_what_was_told_first_stays_first_until_another_is_far_surer() -> None:
    tracker = Tracker()
    for k in range(40):
        steady = detection((200.0, 150.0), entry=(0.0, 150.0), confidence=0.5 if k < 20 else 0.2)
        wavering = detection((200.0, 350.0), entry=(0.0, 350.0), confidence=0.6 if k % 2 else 0.45)
        first = tracker.update([steady, wavering], k * FRAME_S)[0]
        if k == 0:
            leader = first.id
        assert first.id == leader or k > 20
    assert first.id != leader


def test_a_track_whose_device_is_followed_by_another_ends() -> None:
    tracker = Tracker()
    for k in range(10):
        tracker.update([detection((200.0, 250.0))], k * FRAME_S)
    for k in range(10, 40):
        # It has turned: its line lies elsewhere, and its tip jumped; then it comes to where the old one was.
        x = 300.0 - 4.0 * (k - 10)
        told = tracker.update([detection((x, 254.0), entry=(500.0, 400.0))], k * FRAME_S)
    assert [device.state for device in told] == ["tracked"]


def test_a_tip_that_turns_back_with_the_heart_is_taken_at_once() -> None:
    tracker = Tracker()
    xs = [120.0, 136.0, 148.0, 154.0, 151.0, 155.0, 135.0, 124.0, 119.0]
    devices = [tracker.update([detection((x, 140.0))], k * FRAME_S)[0] for k, x in enumerate(xs)]
    assert [device.visible for device in devices] == [True] * len(xs)


@pytest.mark.parametrize("gap_s", [60.0, 2100.0])
def test_after_a_long_pause_a_device_is_another(gap_s: float) -> None:
    tracker = Tracker()
    for k in range(40):
        tracker.update([detection((200.0 + 8 * math.sin(k / 2), 250.0))], k * FRAME_S)
    (device,) = tracker.update([detection((200.0, 250.0))], 40 * FRAME_S + gap_s)
    assert device.state == "tracked"
    assert device.id == 2


def test_frames_of_another_size_begin_anew_under_new_identities() -> None:
    tracker = Tracker()
    tracker.update([detection((400.0, 450.0))], 0.0)
    assert tracker.update([], FRAME_S, (256, 256)) == []
    (device,) = tracker.update([detection((100.0, 120.0))], 2 * FRAME_S, (256, 256))
    assert device.id == 2


def test_lines_are_compared_in_large_frames_as_in_small_ones() -> None:
    tracker = Tracker()
    for k in range(5):
        (device,) = tracker.update([detection(None, entry=(0.0, 800.0 + 9 * k))], k * FRAME_S, (2048, 2048))
    assert device.id == 1
