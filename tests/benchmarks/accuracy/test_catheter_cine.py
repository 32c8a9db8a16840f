import msgspec

from heartwire.benchmarks.accuracy.catheter_cine import cine_figures, first_told, followed, since_found, total
from heartwire.benchmarks.accuracy.catheter_follow import Followed, follow_figures, our_tips
from heartwire.engine.messages import CatheterFix, Device
from heartwire.engine.xray.detection import Point

_TIP = (100.0, 100.0)


def _device(id_: int, tip: Point | None, state: str = "tracked") -> Device:
    fields = {"id": id_, "class": "catheter", "state": state, "visible": tip is not None, "confidence": 0.9}
    nothing = {"tip_px": tip, "tip_mm": None, "error_px": None, "centreline_px": [], "electrodes_px": []}
    return msgspec.convert(fields | nothing, Device)


def _fixes(*frames: list[Device]) -> list[CatheterFix]:
    return [CatheterFix(stream="a", frame=i, captured_ns=0, devices=devices) for i, devices in enumerate(frames)]


def test_the_device_nearest_to_the_true_tip_is_followed_by_its_id() -> None:
    told = _fixes(
        [_device(1, (300.0, 300.0)), _device(2, (103.0, 100.0))],
        [_device(1, (301.0, 300.0)), _device(2, (110.0, 100.0))],
        [_device(1, (302.0, 300.0)), _device(3, (112.0, 100.0))],
    )
    assert followed(told, _TIP) == [(103.0, 100.0), (110.0, 100.0), None]
    assert first_told(told) == [(300.0, 300.0), (301.0, 300.0), (302.0, 300.0)]


def test_it_is_lost_while_it_coasts_or_shows_no_tip() -> None:
    told = _fixes([_device(2, _TIP)], [_device(2, _TIP, "coasting")], [_device(2, None)], [_device(2, _TIP)])
    assert followed(told, _TIP) == [_TIP, None, None, _TIP]


def test_it_is_followed_from_the_first_frame_that_has_it() -> None:
    told = _fixes([_device(1, (300.0, 300.0))], [_device(2, (101.0, 100.0))])
    assert followed(told, _TIP) == [None, (101.0, 100.0)]


def test_jumps_are_counted_between_frames_in_turn_alone() -> None:
    figures = cine_figures("ours", "a", [(0.0, 0.0), (26.0, 0.0), None, (90.0, 0.0), (91.0, 0.0)])
    assert (figures.frames, figures.jumps, figures.largest_step_px, figures.lost) == (5, 1, 26.0, 1)


def test_a_tip_elsewhere_is_lost_until_it_has_been_near_the_true_one() -> None:
    tips = [(400.0, 0.0), None, (110.0, 100.0), (150.0, 100.0)]
    assert since_found(tips, _TIP) == [None, None, (110.0, 100.0), (150.0, 100.0)]


def test_the_total_adds_up_each_method() -> None:
    rows = [
        cine_figures("ours", "a", [_TIP, None]),
        cine_figures("ours", "b", [_TIP]),
        cine_figures("peer", "a", [None]),
    ]
    ours, peer = total(rows)
    assert (ours.cine, ours.frames, ours.lost) == ("all", 3, 1)
    assert (peer.frames, peer.lost_share) == (1, 1.0)


def test_our_tip_in_a_run_is_that_of_one_id() -> None:
    true: list[Point | None] = [_TIP, _TIP, _TIP, None]
    told = _fixes([_device(1, _TIP)], [_device(2, _TIP)], [_device(2, (104.0, 100.0))], [_device(2, (0.0, 0.0))])
    assert our_tips(true, told) == [None, _TIP, (104.0, 100.0), (0.0, 0.0)]


def test_misses_are_infinitely_far_and_tips_told_while_hidden_are_counted() -> None:
    tip = Followed([_TIP, _TIP, None, None, _TIP], {"ours": [_TIP, (103.0, 104.0), _TIP, None, None]})
    (figures,) = follow_figures([tip])
    assert figures.tip_px.n == 2  # the first frame was given
    assert figures.tip_px.within == {"2": 0.0, "5": 0.5, "10": 0.5}
    assert figures.tip_px.largest is None
    assert figures.told_hidden == 0.5
