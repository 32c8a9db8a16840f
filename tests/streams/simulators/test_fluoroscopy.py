from __future__ import annotations

import dataclasses
import itertools
import math
import time

import cv2
import numpy as np
import pytest

from heartwire.engine.errors import ConfigError
from heartwire.engine.xray.projection import project
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, Fluoroscopy
from heartwire.streams.simulators.heart import Heart
from heartwire.streams.simulators.truth import DeviceTruth


@pytest.fixture(scope="module")
def runs() -> list[Fluoroscopy]:
    return [Fluoroscopy(FIRST_TEST_SEED + seed, size_px=256) for seed in range(24)]


def _across(pixels: np.ndarray, device: DeviceTruth) -> tuple[np.ndarray, np.ndarray]:
    """Give grey levels on the device's middle and beside it, at each well-seen point."""
    points = device.centreline_px[::3]
    along = np.gradient(points, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
    keep = device.opacity[::3] > 0.6
    image = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 0.8)

    def at(offset: float) -> np.ndarray:
        where = (points + offset * normal)[keep].astype(np.float32)
        return np.asarray(cv2.remap(image, where[:, 0], where[:, 1], cv2.INTER_LINEAR)).ravel()

    inner = 0.25 * device.width_px
    away = 1.1 * device.width_px + 2.5
    on = np.minimum(np.minimum(at(-inner), at(inner)), at(0.0))
    return on, 0.5 * (at(-away) + at(away))


def test_the_same_seed_gives_the_same_frames_in_any_order() -> None:
    first, second = Fluoroscopy(11, size_px=256), Fluoroscopy(11, size_px=256)
    frames = [first.frame(k) for k in range(6)]

    for k in (5, 0, 3, 3):
        pixels, truth = second.frame(k)
        assert pixels.tobytes() == frames[k][0].tobytes()
        assert repr(truth) == repr(frames[k][1])


def test_iteration_gives_the_frames_by_number() -> None:
    run = Fluoroscopy(11, size_px=256)

    for k, (pixels, truth) in enumerate(itertools.islice(run, 3)):
        assert truth.frame == k
        assert truth.time_s == pytest.approx(k / 15.0)
        assert pixels.tobytes() == run.frame(k)[0].tobytes()


def test_other_seeds_give_other_frames() -> None:
    assert not np.array_equal(Fluoroscopy(1, size_px=256).frame(0)[0], Fluoroscopy(2, size_px=256).frame(0)[0])


@pytest.mark.parametrize(
    ("size_px", "bits", "dtype"), [(256, 8, np.uint8), (512, 12, np.uint16), (1024, 16, np.uint16)]
)
def test_sizes_and_depths(size_px: int, bits: int, dtype: type) -> None:
    pixels, truth = Fluoroscopy(5, size_px=size_px, bits=bits).frame(0)

    assert pixels.shape == (size_px, size_px)
    assert pixels.dtype == dtype
    assert pixels.max() < 2**bits
    assert pixels.max() > 2 ** (bits - 3)
    assert 0.1 < truth.spacing_mm * size_px / 512 < 0.5


def test_devices_are_darker_than_what_lies_beside_them(runs: list[Fluoroscopy]) -> None:
    checked = 0
    for run in runs:
        pixels, truth = run.frame(20)
        for device in truth.devices:
            if not device.visible or truth.contrast or len(device.centreline_px) < 40:
                continue
            on, beside = _across(pixels, device)
            if len(on) < 5:
                continue
            checked += 1
            assert np.median(beside - on) > 0.0, (run, device.id)
            assert (on < beside).mean() > 0.6, (run, device.id)

    assert checked >= 12


def test_the_line_ends_at_the_tip(runs: list[Fluoroscopy]) -> None:
    drops = []
    for run in runs:
        pixels, truth = run.frame(20)
        device = truth.devices[-1]
        far = np.linalg.norm(np.array(device.tip_px) - 128.0)
        if not device.visible or truth.contrast or device.darkening < 0.2 or far > 80.0:
            continue
        along = device.centreline_px[-1] - device.centreline_px[-6]
        along /= np.linalg.norm(along)
        image = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 1.0)
        inside, outside = (
            float(cv2.getRectSubPix(image, (3, 3), tuple(float(c) for c in device.tip_px + d * along)).mean())
            for d in (-4.0, 5.0)
        )
        drops.append(outside - inside)

    assert len(drops) >= 4
    assert np.mean(np.array(drops) > 0.0) >= 0.8


def test_tips_move_with_the_heart_and_by_no_more_than_real_ones(runs: list[Fluoroscopy]) -> None:
    steps = []
    for run in runs[:12]:
        tips = np.array([next(d.tip_px for d in run.frame(k)[1].devices) for k in range(15)])
        steps.append(2.0 * np.linalg.norm(np.diff(tips, axis=0), axis=1).max())

    assert 3.0 < np.median(steps) < 16.0
    assert max(steps) < 30.0


def test_the_given_heart_moves_it() -> None:
    script = "sinus 60 for 5s; asystole for 5s"
    run = Fluoroscopy(31, size_px=256, heart=Heart(9, script))
    beats = Heart(9, script).beats(1.0, 4.0)

    assert math.isnan(run.frame(15 * 7)[1].cardiac_phase)
    frame = math.ceil(beats[0].time_s * 15.0)
    assert run.frame(frame)[1].cardiac_phase == pytest.approx((frame / 15.0 - beats[0].time_s) / beats[1].rr_s)


def test_another_view_shows_the_same_devices_from_another_side() -> None:
    front, side = (Fluoroscopy(FIRST_TEST_SEED + 3, size_px=256, view=view) for view in ((0.0, 0.0), (35.0, -15.0)))
    for number in (0, 9):
        (seen, truth), (other_seen, other) = front.frame(number), side.frame(number)
        assert [d.tip_mm for d in truth.devices] == [d.tip_mm for d in other.devices]
        for run, of_run in ((front, truth), (side, other)):
            places = project(run.projection, np.array([d.tip_mm for d in of_run.devices]))
            assert places == pytest.approx(np.array([d.tip_px for d in of_run.devices]), abs=1e-3)
        assert (seen != other_seen).any()


def test_tips_outside_the_field_and_inside_contrast_are_not_visible(runs: list[Fluoroscopy]) -> None:
    hidden = {""}
    for run in runs:
        for k in (0, 30, 60, 90):
            for device in run.frame(k)[1].devices:
                hidden.add(device.hidden_by)
                assert device.visible == (device.hidden_by == "")
                x, y = device.tip_px
                if not (0 <= x < 256 and 0 <= y < 256):
                    assert device.hidden_by == "field"
                elif device.visible:
                    np.testing.assert_allclose(device.centreline_px[-1], device.tip_px, atol=1e-3)

    assert {"", "field", "contrast"} <= hidden


def test_the_first_frames_may_be_noisier_and_settle(runs: list[Fluoroscopy]) -> None:
    ratios = []
    for run in runs[:12]:

        def noise(k: int, run: Fluoroscopy = run) -> float:
            image = run.frame(k)[0][96:160, 96:160].astype(np.float32)
            return float(np.abs(image - cv2.GaussianBlur(image, (0, 0), 2.0)).mean())

        ratios.append(noise(0) / max(noise(12), 0.1))

    assert max(ratios) > 1.5
    assert min(ratios) > 0.7


@pytest.mark.parametrize(
    ("seed", "devices", "tip_px", "mean_grey"),
    [(0, 3, (188.07, 311.80), 133.66), (1, 2, (174.75, 97.72), 56.65), (2, 2, (76.13, 46.34), 35.80)],
)
def test_the_runs_that_a_network_was_trained_on_stay_as_they_are(
    seed: int, devices: int, tip_px: tuple[float, float], mean_grey: float
) -> None:
    pixels, truth = Fluoroscopy(seed, size_px=256).frame(9)

    assert len(truth.devices) == devices
    assert truth.devices[-1].tip_px == pytest.approx(tip_px, abs=0.01)
    assert pixels.mean() == pytest.approx(mean_grey, abs=0.1)


@pytest.fixture(scope="module")
def held_out() -> list[Fluoroscopy]:
    return [Fluoroscopy(FIRST_TEST_SEED + seed, size_px=256, held_out=True) for seed in range(12)]


def test_held_out_runs_show_devices_never_trained_on(held_out: list[Fluoroscopy]) -> None:
    scale = 256 / 512
    widest = {"catheter": 12.0 * scale, "electrode-catheter": 8.0 * scale}
    devices = [device for run in held_out for device in run._devices]
    assert {device.class_ for device in devices} == {"catheter", "electrode-catheter", "guidewire"}
    for device in devices:
        assert device.width_px > widest.get(device.class_, 0.0)
        rings = device.points_mm[device.electrodes[1:]]
        assert (np.linalg.norm(np.diff(rings, axis=0), axis=1) > 3.0).all()


def test_held_out_runs_are_the_same_in_any_order(held_out: list[Fluoroscopy]) -> None:
    frames = [held_out[4].frame(k) for k in (0, 7)]
    again = Fluoroscopy(FIRST_TEST_SEED + 4, size_px=256, held_out=True)
    for k, (pixels, truth) in zip((7, 0), frames[::-1], strict=True):
        other, other_truth = again.frame(k)
        assert other.tobytes() == pixels.tobytes()
        assert repr(other_truth) == repr(truth)


def test_runs_without_devices_show_the_same_patient_with_contrast_in_vessels_or_without(
    runs: list[Fluoroscopy],
) -> None:
    with_contrast = next(run for run in runs if run._contrast is not None)
    filled = round(15.0 * (max(with_contrast._contrast._first_s, 0.0) + 1.0))  # type: ignore[union-attr]
    plain = next(run for run in runs if run._contrast is None)
    for run, number in ((with_contrast, filled), (plain, 40)):
        empty = Fluoroscopy(run.seed, size_px=256, devices=False)
        truth, (pixels, nothing) = run.frame(number)[1], empty.frame(number)
        assert truth.devices
        assert not nothing.devices
        assert nothing.contrast == truth.contrast == (run is with_contrast)
        added = run._attenuation - empty._attenuation
        assert added.min() > -1e-4
        assert 0.0 < (added > 1e-4).mean() < 0.5
        assert pixels.std() > 0.0


def test_a_balloon_darkens_the_wire_between_its_bands(held_out: list[Fluoroscopy]) -> None:
    darker = []
    for run in held_out:
        balloon = run._devices[-1].balloon
        if balloon is None:
            continue
        full = round((balloon.begin_s + balloon.fill_s + 0.5 * balloon.hold_s) * run.rate_hz)
        run.frame(full)
        filled = run._attenuation.copy()
        emptied = dataclasses.replace(balloon, begin_s=1e6)
        run._devices[-1].balloon = emptied
        run.frame(full)
        darker.append(float((filled - run._attenuation).max()))
        run._devices[-1].balloon = balloon
        assert darker[-1] == pytest.approx(balloon.peak, rel=0.2) or darker[-1] == 0.0

    assert sum(each > 0.0 for each in darker) >= 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1, "size_px": 200}, "multiple of 64"),
        ({"seed": 1, "size_px": 2048}, "multiple of 64"),
        ({"seed": 1, "rate_hz": 0.0}, "rate_hz"),
        ({"seed": 1, "rate_hz": math.nan}, "rate_hz"),
        ({"seed": 1, "bits": 7}, "bits"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Fluoroscopy(**options)  # type: ignore[arg-type]


def test_thirty_frames_of_512_px_take_less_than_a_second_of_one_core() -> None:
    run = Fluoroscopy(FIRST_TEST_SEED)
    run.frame(0)
    began = time.process_time()
    for k in range(30):
        run.frame(k)

    assert time.process_time() - began < 1.0
