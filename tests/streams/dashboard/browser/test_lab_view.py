"""The navigation view of a whole run, looked at in a browser."""

from __future__ import annotations

import math
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from heartwire.streams.simulators.fluoroscopy import Fluoroscopy
from heartwire.streams.simulators.heart import Heart

SIZE_PX = 512
NEAR_PX = 3.0
_ON_SCREEN = """(last) => {
  const lab = document.querySelector(".lab"), frame = Number(lab?.dataset.frame ?? -1);
  if (frame === last || lab?.dataset.overlay !== "shown") return null;
  const middle = (node) => {
    const box = node.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const picture = lab.querySelector(".picture").getBoundingClientRect();
  const tips = [...lab.querySelectorAll('.tip[data-seen="true"]')].map(middle);
  return tips.length ? { frame, left: picture.left, top: picture.top, width: picture.width, tips } : null;
}"""


@pytest.fixture
def lab(ward: Any, page: Page) -> Page:
    """The page with the lab's picture and overlay."""
    page.goto(f"#/lab/{ward.lab}")
    page.wait_for_selector('.lab[data-overlay="shown"]')
    return page


def on_screen(page: Page, frames: int) -> list[dict[str, Any]]:
    """Give where the tips of so many different frames stand on the screen."""
    found: list[dict[str, Any]] = []
    while len(found) < frames:
        last = found[-1]["frame"] if found else -1
        found.append(page.wait_for_function(_ON_SCREEN, arg=last).json_value())
    return found


@pytest.mark.parametrize("zoomed", [False, True])
def test_the_tips_on_the_screen_follow_the_truth(ward: Any, lab: Page, zoomed: bool) -> None:
    if zoomed:
        lab.keyboard.press("+")
    patient = Fluoroscopy(ward.scene, size_px=SIZE_PX, rate_hz=ward.rate_hz, heart=Heart(ward.seed, ward.script))
    off_px = []
    for seen in on_screen(lab, 20):
        scale = seen["width"] / SIZE_PX
        _, truth = patient.frame(seen["frame"])
        true_tips = [
            (seen["left"] + (device.tip_px[0] + 0.5) * scale, seen["top"] + (device.tip_px[1] + 0.5) * scale)
            for device in truth.devices
        ]
        off_px += [min(math.dist(tip, true) for true in true_tips) for tip in seen["tips"]]
    assert max(off_px) <= NEAR_PX


def test_a_held_picture_stays_without_its_overlay_and_says_so(lab: Page) -> None:
    lab.keyboard.press("h")
    expect(lab.locator(".lab").first).to_have_attribute("data-overlay", "withdrawn")
    expect(lab.locator(".lab .veil").first).to_contain_text("picture held")
    expect(lab.locator(".lab .withheld").first).to_have_text("overlay withdrawn: the picture is held")
    expect(lab.locator(".tip")).to_have_count(0)
    held = lab.locator(".lab").first.get_attribute("data-frame")
    expect(lab.locator(".lab .veil").first).to_contain_text("1 s old")
    assert lab.locator(".lab").first.get_attribute("data-frame") == held
    lab.get_by_role("button", name="Go live").click()
    expect(lab.locator(".lab").first).to_have_attribute("data-overlay", "shown")


def test_a_distance_is_measured_in_mm_with_the_mouse_and_with_the_keyboard(ward: Any, lab: Page) -> None:
    spacing_mm = Fluoroscopy(
        ward.scene, size_px=SIZE_PX, rate_hz=ward.rate_hz, heart=Heart(ward.seed, ward.script)
    ).spacing_mm
    picture = lab.locator(".picture").first.bounding_box()
    assert picture is not None
    middle = picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] / 2
    length_px = picture["width"] / 4
    lab.keyboard.press("m")
    lab.mouse.click(*middle)
    lab.mouse.click(middle[0] + length_px, middle[1])
    distance = lab.get_by_role("list", name="measured distances").first.get_by_role("listitem")
    expect(distance).to_have_text(f"{SIZE_PX / 4 * spacing_mm:.1f} mm at the patient")
    lab.keyboard.press("c")
    expect(distance).to_have_count(0)
    lab.locator(".screen").first.focus()
    for key in ("ArrowRight", "Enter", "ArrowRight", "ArrowRight", "Enter"):
        lab.keyboard.press(key)
    expect(distance).to_contain_text("mm at the patient")


def test_window_and_zoom_follow_the_drag_and_come_back(lab: Page) -> None:
    screen, picture = lab.locator(".screen").first, lab.locator(".picture").first
    whole = picture.bounding_box()
    assert whole is not None
    middle = whole["x"] + whole["width"] / 2, whole["y"] + whole["height"] / 2
    lab.keyboard.press("w")
    lab.mouse.move(*middle)
    lab.mouse.down()
    lab.mouse.move(middle[0] + 60, middle[1] - 30)
    lab.mouse.up()
    expect(screen.locator(".corner")).to_contain_text("window 204  level 153")
    assert "url" in picture.evaluate("node => node.style.filter")
    lab.keyboard.press("r")
    assert picture.evaluate("node => node.style.filter") == ""
    lab.mouse.move(whole["x"] + 10, whole["y"] + 10)
    lab.mouse.wheel(0, -400)
    lab.wait_for_function(
        "width => document.querySelector('.picture').getBoundingClientRect().width > 1.5 * width", arg=whole["width"]
    )
    near = picture.bounding_box()
    assert near is not None
    # What was under the pointer stayed there.
    scale = near["width"] / whole["width"]
    assert near["x"] == pytest.approx(whole["x"] + 10 - 10 * scale, abs=1)
    lab.keyboard.press("0")
    lab.wait_for_function(
        "width => Math.abs(document.querySelector('.picture').getBoundingClientRect().width - width) < 1",
        arg=whole["width"],
    )


def test_the_second_plane_stands_beside_the_first_and_can_be_put_away(lab: Page) -> None:
    expect(lab.locator(".lab h2")).to_have_text(["Lab 1", "Lab 1 · lateral"])
    lab.wait_for_function("() => document.querySelectorAll('.lab')[1].dataset.frame !== undefined")
    lab.get_by_label("second plane").select_option("none")
    expect(lab.locator(".lab h2")).to_have_text(["Lab 1"])


def test_a_lab_that_gives_nothing_more_says_so_within_two_seconds(ward: Any, lab: Page) -> None:
    with ward.silenced("feed-lab-1-xray"):
        expect(lab.locator(".lab").first).to_have_attribute("data-overlay", "withdrawn")
        expect(lab.locator(".lab .withheld").first).to_contain_text("overlay withdrawn: the frame is older than 500 ms")
        expect(lab.locator(".lab .veil").first).to_contain_text("no data for 2 s")
        expect(lab.locator(".lab .ages output").first).to_have_text("––")
    expect(lab.locator(".lab").first).to_have_attribute("data-overlay", "shown")
    expect(lab.locator(".lab .veil").first).to_be_hidden()


def test_a_lab_that_is_not_there_is_said_to_be_missing(page: Page) -> None:
    page.goto("#/lab/lab-9/xray")
    expect(page.locator(".notice")).to_have_text("There is no lab Lab 9 in this run.")
