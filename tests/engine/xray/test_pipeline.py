"""The X-ray processor keeps the contract of processors; fixes come at once, in px and mm."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from heartwire.engine.errors import ConfigError
from heartwire.engine.host import StreamHost
from heartwire.engine.messages import AlarmEvent, CatheterFix, Gap, Item, Overlay, Trace, XrayFrame
from heartwire.engine.slots import USABLE, SlotReader, SlotWriter
from heartwire.engine.testing import check_processor
from heartwire.engine.xray.conditioning import Conditioned
from heartwire.engine.xray.detection import Detection
from heartwire.engine.xray.history import History
from heartwire.engine.xray.patches import shape_of
from heartwire.engine.xray.pipeline import XrayPipeline, create


class DarkestPixel:
    """Finds one device that ends at the darkest pixel of the frame; none where the frame is all bright."""

    def __init__(self) -> None:
        self.history = History()
        self.tell_confidence = 0.0

    def condition(self, frame: XrayFrame, at_s: float) -> None:
        self._pixels = frame.pixels.copy()
        frame.check()
        patches = np.empty(shape_of(max(frame.pixels.shape)), np.uint8)
        cells = (-(-frame.pixels.shape[0] // 4), frame.pixels.shape[1])
        grey = Conditioned(frame.pixels.astype(np.float32), np.zeros(cells, np.float32), np.ones(cells, np.float32))
        self.history.fill(grey, at_s, patches)

    def infer(self) -> tuple[int, int] | None:
        place = np.unravel_index(int(self._pixels.argmin()), self._pixels.shape)
        return None if self._pixels[place] > 50 else (int(place[1]), int(place[0]))

    def decide(self, found: tuple[int, int] | None) -> Sequence[Detection]:
        if found is None:
            return []
        tip = (float(found[0]), float(found[1]))
        return [
            Detection(
                class_="catheter", confidence=0.9, visible=True, tip_px=tip, error_px=1.0,
                centreline_px=[(0.0, tip[1]), (tip[0] / 2, tip[1]), tip],
            )
        ]  # fmt: skip


def frame(k: int, *, empty: bool = False, trace: Trace | None = None) -> XrayFrame:
    pixels = np.full((64, 96), 200, np.uint8)
    if not empty:
        pixels[20, 30 + k % 20] = 10
    return XrayFrame(
        stream="lab/xray", frame=k, pixels=pixels, rate_hz=15.0, spacing_mm=(0.2, 0.3), spacing_plane="patient",
        trace=trace or Trace(),
    )  # fmt: skip


def pipeline(age_budget_ms: float = 500.0) -> XrayPipeline:
    return XrayPipeline("lab/xray", DarkestPixel(), age_budget_ms=age_budget_ms)


def test_it_keeps_the_contract_of_processors() -> None:
    items: list[Item] = [frame(k, empty=k % 11 in (6, 7)) for k in range(40)]
    check_processor(pipeline, items)


def test_the_first_frame_gives_a_fix_and_its_overlay_in_px_and_mm() -> None:
    fix, overlay = pipeline().process(frame(0))
    assert isinstance(fix, CatheterFix)
    assert isinstance(overlay, Overlay)
    (device,) = fix.devices
    assert device.tip_px == (30.0, 20.0)
    assert device.tip_mm == pytest.approx((9.0, 4.0))
    assert fix.spacing_plane == "patient"
    assert overlay.shown


def test_an_old_frame_gives_its_fix_but_no_overlay() -> None:
    late = Trace(intended_ns=time.monotonic_ns() - 200_000_000)
    fix, overlay = pipeline(age_budget_ms=100.0).process(frame(0, trace=late))
    assert isinstance(fix, CatheterFix)
    assert isinstance(overlay, Overlay)
    assert not overlay.shown
    assert overlay.age_ms >= 200.0


def test_missing_frames_are_an_alarm_until_the_next_frame() -> None:
    processor = pipeline()
    list(processor.process(frame(0)))
    (alarm,) = processor.process(Gap(stream="lab/xray", first=1, count=4))
    assert isinstance(alarm, AlarmEvent)
    assert (alarm.condition, alarm.change, alarm.onset_sample, alarm.decision_sample) == ("GAP", "on", 1, 4)
    over = next(iter(processor.process(frame(5))))
    assert isinstance(over, AlarmEvent)
    assert (over.condition, over.change) == ("GAP", "off")


def test_stages_are_stamped() -> None:
    taken = frame(0)
    list(pipeline().process(taken))
    assert 0 < taken.trace.conditioned_ns <= taken.trace.inferred_ns


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown field `age_buget_ms`"):
        create("lab/xray", {"age_buget_ms": 3})


def test_a_pulse_rate_that_changes_late_in_a_run_breaks_nothing() -> None:
    run = pipeline()
    for k in range(54_000, 54_030):
        list(run.process(frame(k)))
    for k in range(54_030, 54_060):
        fix, _ = run.process(msgspec.structs.replace(frame(k), rate_hz=30.0))
        assert isinstance(fix, CatheterFix)
        assert fix.devices


@pytest.mark.skipif(not USABLE, reason="needs memfd_create and x86-64")
def test_a_frame_written_over_while_it_is_read_is_dropped_and_nothing_is_made_of_it() -> None:
    writer = SlotWriter(2, 1 << 16)
    reader = SlotReader(writer.segment)

    def shared(number: int) -> XrayFrame:
        slot = reader.find(writer.put(frame(number).pixels))
        assert slot is not None
        pixels = slot.memory.reshape(frame(number).pixels.shape)
        return msgspec.structs.replace(frame(number), pixels=pixels, slot=slot)

    whole, torn = StreamHost("lab/xray", pipeline()), StreamHost("lab/xray", pipeline())
    for number in range(6):
        item = shared(number)
        if number == 3:
            writer.put(item.pixels)
            writer.put(item.pixels)
            assert torn.handle_many([item]) == []
        else:
            found = torn.handle_many([item])
            expected = whole.handle_many([frame(number)])
            assert [type(f) for f in found] == [type(f) for f in expected]
            assert [f.devices for f in found if isinstance(f, CatheterFix)] == [
                f.devices for f in expected if isinstance(f, CatheterFix)
            ]
    assert torn.ledger.report().dropped == {"overwritten": 1}
    assert torn.ledger.report().processed == 5
    writer.close()
