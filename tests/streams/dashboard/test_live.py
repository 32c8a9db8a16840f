"""The live connection of a dashboard process, with a program in the place of the page."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from heartwire.engine.messages import AlarmEvent, Beat, CatheterFix, Device, HeartRate, LedgerReport, Overlay, Trace
from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.viewer import WINDOW


def status_of(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url + "api/status", timeout=10) as answer:
        return dict(json.load(answer))


def statuses(run: Any, page: Any, step: Any) -> Iterator[dict[str, Any]]:
    return (json.loads(record.body) for record in run.read_while(page, step, records.STATUS))


def device() -> Device:
    return Device(
        id=1,
        class_="catheter",
        state="tracked",
        visible=True,
        confidence=0.9,
        tip_px=(170.0, 120.0),
        tip_mm=None,
        error_px=2.0,
        centreline_px=[(10.0, 10.0), (170.0, 120.0)],
    )


def strip_of(body: bytes) -> tuple[int, float, int, np.ndarray[Any, np.dtype[np.int16]]]:
    first, _, rate_hz, lead = struct.unpack_from("<ddfB", body)
    return int(first), rate_hz, lead, np.frombuffer(body, "<i2", offset=24)


def read_all(page: Any, step: Any = None) -> None:
    """Read without acknowledging for as long as something comes, which must not be for long."""
    for _ in range(WINDOW + 1):
        if step:
            step()
        page.read(timeout_s=0.5, acknowledge=False)


def test_strips_come_in_order_and_hold_the_samples_of_lead_ii(run: Any) -> None:
    with run.page() as page:
        strips = run.read_while(page, run.feed_ecg, records.STRIP)
        found = [strip_of(record.body) for record in itertools.islice(strips, 8)]
    assert {(rate_hz, lead) for _, rate_hz, lead, _ in found} == {(250.0, 1)}
    firsts = [first for first, *_ in found]
    assert firsts == list(range(firsts[0], firsts[0] + 200, 25))
    samples_uv = np.concatenate([samples for *_, samples in found])
    expected_uv = 1000 * np.sin(2 * np.pi * 2 * np.arange(firsts[0], firsts[0] + 200) / 250)
    np.testing.assert_allclose(samples_uv, expected_uv, atol=1.0)


def test_a_page_that_comes_later_gets_the_strip_before_it(run: Any) -> None:
    with run.page() as page:
        first = strip_of(next(run.read_while(page, run.feed_ecg, records.STRIP)).body)[0]
    with run.page() as later:
        assert strip_of(next(later.records(records.STRIP)).body)[0] == first


def test_all_leads_of_a_bed_come_to_a_page_that_watches_it(run: Any) -> None:
    with run.page() as page:
        assert next(run.read_while(page, run.feed_ecg, records.STRIP))
        page.watched = [0]
        body = next(run.read_while(page, run.feed_ecg, records.LEADS)).body
    assert struct.unpack_from("<BB", body, 20) == (0, 2)
    samples = np.frombuffer(body, "<i2", offset=24).reshape(-1, 2)
    assert samples.shape == (25, 2)
    assert not samples[:, 0].any()
    assert samples[:, 1].any()


def test_beats_are_marked_with_their_class_once_they_are_confirmed_and_again_where_it_is_revised(run: Any) -> None:
    def beats() -> None:
        for stage, label, sample in (("provisional", "Q", 138), ("confirmed", "S", 140), ("revised", "V", 140)):
            beat = Beat(stream=run.bed, sample=sample, decision_sample=160, label=label, confidence=1.0, stage=stage)
            run.publish("work-ecg", beat)

    with run.page() as page:
        marks = itertools.islice(run.read_while(page, beats, records.BEAT), 4)
        found = [struct.unpack_from("<dc", record.body) for record in marks]
    assert set(found) == {(140.0, b"S"), (140.0, b"V")}


def test_an_alarm_shows_with_both_parts_of_its_delay_and_goes_with_its_end(run: Any) -> None:
    def alarm(change: Any) -> None:
        run.publish(
            "work-ecg",
            AlarmEvent(
                stream=run.bed,
                condition="VF",
                mdc=665376,
                kind="physiological",
                priority="high",
                change=change,
                onset_sample=0,
                decision_sample=500,
                algorithmic_delay_s=2.0,
                trace=Trace(intended_ns=time.monotonic_ns()),
            ),
        )

    with run.page() as page:
        shown = next(s for s in statuses(run, page, lambda: alarm("on")) if s["alarms"])["alarms"][0]
        after = next(s for s in statuses(run, page, lambda: alarm("off")) if not s["alarms"])
    assert (shown["stream"], shown["condition"], shown["priority"]) == (run.bed, "VF", "high")
    assert shown["algorithmic_delay_s"] == 2.0
    assert 0 < shown["system_delay_ms"] < 10_000
    assert after["events"][0]["change"] == "off"


def test_a_frame_comes_as_a_picture_with_its_own_overlay(run: Any) -> None:
    def frame() -> None:
        sent = run.feed_xray()
        about = {"stream": run.lab, "frame": sent.frame, "trace": sent.trace}
        run.publish("work-xray", CatheterFix(captured_ns=0, devices=[device()], **about))
        run.publish("work-xray", Overlay(shown=True, age_ms=9.0, **about))

    with run.page() as page:
        page.watched = [1]
        record = next(run.read_while(page, frame, records.FRAME))
    size = struct.unpack_from("<I", record.body)[0]
    about = json.loads(record.body[4 : 4 + size])
    assert about["shown"]
    assert about["devices"][0]["tip_px"] == [170.0, 120.0]
    assert (about["width"], about["height"]) == (320, 240)
    picture = cv2.imdecode(np.frombuffer(record.body[4 + size :], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (240, 320)
    assert picture[120, 170] > 180
    assert picture[20, 20] < 60


def test_the_status_holds_rates_latency_and_a_ledger_that_balances(run: Any) -> None:
    def step() -> None:
        chunk = run.feed_ecg()
        about = {"stream": run.bed, "sample": chunk.first_sample, "decision_sample": chunk.first_sample}
        run.publish("work-ecg", HeartRate(rate_bpm=72.0, trace=chunk.trace, **about))
        run.publish(
            "supervisor",
            LedgerReport(stream=run.bed, offered=100, processed=90, dropped={"stale": 4}, missing=1, in_flight=5),
        )

    with run.page() as page:
        found = next(s for s in statuses(run, page, step) if s["streams"][0]["ledger"] and s["streams"][0]["latency"])
        polled = status_of(run.url)
    bed = found["streams"][0]
    assert (bed["id"], bed["state"], bed["lead"]) == (run.bed, "live", "II")
    assert bed["heart_rate_bpm"] == 72.0
    assert bed["ledger"]["balanced"]
    assert 0 <= bed["latency"]["p50_ms"] <= bed["latency"]["p95_ms"] <= bed["latency"]["max_ms"]
    assert polled["viewers"] == 1
    assert [stream["id"] for stream in polled["streams"]] == [run.bed, run.lab]


def test_a_page_that_does_not_acknowledge_gets_no_more_messages(run: Any) -> None:
    with run.page() as page:
        next(run.read_while(page, run.feed_ecg, records.STRIP))
        with pytest.raises(TimeoutError):
            read_all(page, run.feed_ecg)
        with run.page() as other:
            assert next(run.read_while(other, run.feed_ecg, records.STRIP))


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://["])
def test_another_site_is_refused(run: Any, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        run.page(origin=origin)
    assert refusal.value.response.status_code == 403


def test_the_page_itself_is_let_in(run: Any) -> None:
    with run.page(origin=run.url.rstrip("/")) as page:
        assert page.read()


def test_a_foreign_name_for_this_host_is_refused(run: Any) -> None:
    request = urllib.request.Request(run.url + "api/status", headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=10)
    assert refusal.value.code == 403
    refusal.value.close()


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_a_message_from_the_page_that_is_too_large_ends_the_connection(run: Any, size: int) -> None:
    with run.page() as page:
        page.send(bytes(size))
        with pytest.raises(ConnectionClosed):
            read_all(page)
    with run.page() as page:
        assert next(page.statuses())["turned_away"] == {"an oversized message": 1}


def test_files_carry_the_security_policy_and_load_nothing_from_elsewhere(run: Any) -> None:
    with urllib.request.urlopen(run.url, timeout=10) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = answer.read().decode()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in text
    kept_at = re.search(r'src="(\w+)/main.js"', text)
    assert kept_at
    for name in ("..%2fsite.py", "main.js", f"{kept_at[1]}/nothing.js", f"{kept_at[1]}/..%2f..%2fsite.py"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(run.url + name, timeout=10)
        assert refusal.value.code == 404
        refusal.value.close()


def test_browsers_keep_the_files_but_not_the_page_that_names_them(run: Any) -> None:
    with urllib.request.urlopen(run.url, timeout=10) as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
        text = answer.read().decode()
    named = re.findall(r'(?:href|src)="([\w/.-]+)"', text)
    assert {"main.js", "style.css", "icon.svg"} == {address.partition("/")[2] for address in named}
    for address in named:
        with urllib.request.urlopen(run.url + address, timeout=10) as answer:
            assert "immutable" in answer.headers["Cache-Control"]
            plain = answer.read()
        packed = urllib.request.Request(run.url + address, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(packed, timeout=10) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(answer.read()) == plain
