from pathlib import Path

import cv2
import numpy as np
import pytest

from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.device_map import DeviceMap
from heartwire.engine.xray.localiser import Localiser


@pytest.fixture(scope="module")
def localiser() -> Localiser:
    return Localiser()


def _scene(size: int = 512, tip: tuple[int, int] = (300, 260)) -> np.ndarray:
    """A catheter of 8 px that enters from above and bends to `tip`, on a soft background with noise."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:512, :512]
    image = 130.0 + 30.0 * np.sin(x / 190.0) + 20.0 * np.cos(y / 150.0)
    t = np.linspace(0.0, 1.0, 200)[:, None]
    ends = np.array([(180.0, -5.0), (150.0, 150.0), (200.0, 300.0), tip])
    curve = (1 - t) ** 3 * ends[0] + 3 * (1 - t) ** 2 * t * ends[1] + 3 * (1 - t) * t**2 * ends[2] + t**3 * ends[3]
    body = np.zeros((512, 512), np.float32)
    cv2.polylines(body, [np.rint(curve * 8).astype(np.int32)], False, 1.0, 8, cv2.LINE_AA, 3)
    image *= 1.0 - 0.35 * cv2.GaussianBlur(body, (0, 0), 1.0)
    image += cv2.GaussianBlur(rng.normal(0.0, 6.0, image.shape), (0, 0), 0.7)
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA).clip(0, 255)


def _frame(pixels: np.ndarray) -> XrayFrame:
    return XrayFrame(stream="lab/xray", frame=0, pixels=pixels)


@pytest.mark.parametrize("size", [512, 768])
def test_a_plain_catheter_is_found_from_its_entry_to_its_tip(localiser: Localiser, size: int) -> None:
    best = localiser.locate(_frame(_scene(size).astype(np.uint8)))[0]
    scale = size / 512
    assert best.class_ == "catheter"
    assert best.visible
    assert best.tip_px is not None
    assert best.error_px is not None
    np.testing.assert_allclose(best.tip_px, np.array((300, 260)) * scale, atol=6 * scale)
    assert best.centreline_px[-1] == best.tip_px
    assert best.centreline_px[0][1] < 40 * scale
    assert 0.0 < best.confidence <= 1.0


def test_sixteen_bits_give_what_eight_give(localiser: Localiser) -> None:
    eight = _scene().astype(np.uint8)
    first = localiser.locate(_frame(eight))[0]
    deep = localiser.locate(_frame(eight.astype(np.uint16) * 64))[0]
    assert first.tip_px is not None
    assert deep.tip_px == pytest.approx(first.tip_px, abs=0.5)


def test_a_frame_is_judged_by_itself(localiser: Localiser) -> None:
    first = localiser.locate(_frame(_scene().astype(np.uint8)))
    localiser.locate(_frame(_scene(tip=(120, 400)).astype(np.uint8)))
    localiser.locate(_frame(np.zeros((300, 400), np.uint8)))
    assert localiser.locate(_frame(_scene().astype(np.uint8))) == first


def test_a_sure_body_with_a_faint_tip_is_told_without_it(localiser: Localiser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localiser, "_refined", list)  # the network's own places, as if each showed a tip
    device, electrode = np.zeros((2, 256, 256), np.float32), np.zeros((256, 256), np.float32)
    tip, offset = np.zeros((2, 128, 128), np.float32), np.zeros((2, 128, 128), np.float32)
    device[0, 0:150, 100:103] = 0.95
    told = []
    for heat in (0.0, 0.1, 0.9):
        tip[0, 74, 50] = heat
        (found,) = localiser.decide(DeviceMap(device, electrode, tip, offset))
        told.append((found.visible, found.confidence > 0.5))
    assert told == [(False, True), (False, True), (True, True)]


def test_detections_come_in_falling_confidence_within_the_frame(localiser: Localiser) -> None:
    rng = np.random.default_rng(1)
    for pixels in (_scene(), rng.normal(120.0, 30.0, (256, 400)), np.full((512, 512), 7.0)):
        detections = localiser.locate(_frame(pixels.clip(0, 255).astype(np.uint8)))
        confidences = [d.confidence for d in detections]
        assert confidences == sorted(confidences, reverse=True)
        for detection in detections:
            points = np.array(detection.centreline_px)
            assert (points > -3).all()
            assert (points < np.array(pixels.shape[::-1]) + 3).all()


def test_recorded_frames_are_localised_as_the_readme_says(localiser: Localiser, data_dir: Path) -> None:
    from heartwire.benchmarks.accuracy.catheter_figures import by_origin
    from heartwire.benchmarks.accuracy.catheter_recorded import score_recorded
    from heartwire.benchmarks.accuracy.catheter_score import as_reported
    from heartwire.benchmarks.accuracy.catheter_truth import read_recorded

    folder = data_dir / "xray" / "dev"
    if not folder.is_dir():
        pytest.skip(f"recordings absent: no folder {folder}")
    frames = list(read_recorded(folder))
    scores = list(score_recorded(frames, lambda frame: as_reported(localiser.locate(frame))))
    pooled = by_origin("heartwire", scores)[-1]
    assert pooled.tip_px.within["10"] >= 0.75
    assert pooled.found is not None
    assert pooled.found >= 0.70
