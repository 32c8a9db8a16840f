"""The page in a real browser."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from heartwire.engine.messages import AlarmEvent, CatheterFix, Device, HeartRate, Overlay

_INK = """(() => {{
  let ink = 0;
  for (const canvas of document.querySelectorAll("{canvas}")) {{
    const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let n = 3; n < data.length; n += 4) if (data[n]) ink += 1;
  }}
  return ink;
}})()"""


def live(run: Any) -> None:
    chunk = run.feed_ecg()
    frame = run.feed_xray()
    device = Device(
        id=7,
        class_="guidewire",
        state="tracked",
        visible=True,
        confidence=0.8,
        tip_px=(170.0, 120.0),
        tip_mm=None,
        error_px=None,
        centreline_px=[(10.0, 10.0), (170.0, 120.0)],
        electrodes_px=[(170.0, 120.0), (150.0, 106.0)],
    )
    sample = chunk.end_sample
    about = {"stream": run.lab, "frame": frame.frame, "trace": frame.trace}
    run.publish("work-ecg", HeartRate(stream=run.bed, sample=sample, decision_sample=sample, rate_bpm=72.4))
    run.publish("work-xray", CatheterFix(captured_ns=0, devices=[device], **about))
    run.publish("work-xray", Overlay(shown=True, age_ms=5.0, **about))


def alarm(run: Any) -> None:
    run.publish(
        "work-ecg",
        AlarmEvent(
            stream=run.bed,
            condition="VT",
            mdc=199832,
            kind="physiological",
            priority="high",
            change="on",
            onset_sample=0,
            decision_sample=1,
            algorithmic_delay_s=1.0,
        ),
    )


def until(run: Any, browser: Any, expression: str, step: Any = None) -> None:
    """Do a step until an expression is true on the page."""
    for _ in range(400):
        if step:
            step(run)
        run.serve(timeout_ms=30)
        if browser.value(f"Boolean({expression})"):
            return
    raise AssertionError(expression)


def text(selector: str) -> str:
    return f'document.querySelector("{selector}").textContent'


def test_the_page_shows_what_is_live_and_says_when_it_is_not(run: Any, browser_module: ModuleType) -> None:
    with browser_module.Browser(1280, 800) as browser:
        browser.open(run.url)
        until(run, browser, f'document.querySelector(".bed") && {text(".bed .value")} === "72"', live)
        until(run, browser, f"{_INK.format(canvas='.station canvas')} > 200", live)
        assert browser.value('document.querySelector(".bed .veil").hidden')
        alarm(run)
        until(run, browser, f'{text(".bed .banner")}.includes("!!!VT")', live)
        assert browser.value('document.querySelector("#link").dataset.state') == "live"

        until(run, browser, f'{text(".bed .veil")}.startsWith("no data for")')
        assert browser.value(text(".bed .value")) == "––"

        until(run, browser, 'document.querySelector(".bed .veil").hidden', live)
        assert browser.complaints == []

        run.process.terminate()
        run.process.wait(10)
        browser.wait_for('document.querySelector("#link").dataset.state === "lost"')


def test_the_lab_shows_its_frames_and_says_when_they_stop(run: Any, browser_module: ModuleType) -> None:
    with browser_module.Browser(1280, 800) as browser:
        browser.open(f"{run.url}#/lab/{run.lab}")
        until(run, browser, f'document.querySelector(".lab") && {text(".lab .devices")}.includes("7  guidewire")', live)
        until(run, browser, f'{text(".lab .veil")}.startsWith("no data for")')
        assert browser.complaints == []


def test_a_phone_shows_the_beds_without_scrolling_sideways(run: Any, browser_module: ModuleType) -> None:
    with browser_module.Browser(390, 800) as browser:
        browser.open(run.url)
        until(run, browser, 'document.querySelector(".bed")', live)
        assert browser.value("document.documentElement.scrollWidth <= 390")
        assert browser.complaints == []
