"""The engineer's view of a whole run, looked at in a browser."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from heartwire.engine.agreement import Counts
from heartwire.engine.shadow_report import ShadowReport, keep


def test_the_engineer_sees_streams_stages_models_and_events(ward: Any, page: Page) -> None:
    page.goto("#/engine")
    rows = page.locator(".streams tbody tr")
    expect(rows).to_have_count(len(ward.status()["streams"]))
    expect(page.locator(".sum")).to_have_text("4 of 4 live, all accounts balance")
    models = page.locator(".models tbody")
    expect(models).to_contain_text("ecg-qrs")
    expect(models).to_contain_text("CPU")
    beat = page.get_by_role("img", name="beat, inference in ms")
    expect(beat).to_be_visible()
    before = beat.get_attribute("aria-label") or ""
    expect(beat).not_to_have_attribute("aria-label", before)
    expect(page.locator(".events li").first).to_be_visible()


def test_the_log_can_be_narrowed_to_one_kind(page: Page) -> None:
    page.goto("#/engine")
    page.get_by_label("kind of events shown").select_option("rhythm")
    kinds = page.locator(".events li .kind")
    expect(kinds.first).to_have_text("rhythm")
    assert set(kinds.all_text_contents()) == {"rhythm"}


def test_a_candidate_in_the_shadow_is_seen_while_it_runs_and_after(ward: Any, page: Page) -> None:
    page.goto("#/engine")
    told = page.locator(".models li").filter(has_text="ecg-beats 3 beside ecg-beats 2")
    for agree, ago_ms, kind in ((9, 0.0, "comparing"), (10, 60_000.0, "compared")):
        report = ShadowReport(
            at_ms=time.time() * 1000 - ago_ms,
            stream=ward.bed,
            setting="beat_model",
            running="ecg-beats 2",
            candidate="ecg-beats 3",
            items=40,
            dropped=0,
            counts={"beat confirmed": Counts(agree=agree, differ=1)},
            differences=[],
            latency={},
            notes=[],
        )
        keep(ward.plan(), report)
        expect(told.locator(".kind")).to_have_text(kind)
        expect(told).to_contain_text(f"beat confirmed: {agree} agree, 1 differ")
