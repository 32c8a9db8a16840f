"""A page that stays open: what it holds stays the same."""

from __future__ import annotations

import json
import logging
import os
import re
from types import ModuleType
from typing import Any, NamedTuple

import pytest

WARM_S = 45.0
"""By then the strips have gone round, the alarm of bed 3 stands, and every view is loaded."""
OPEN_S = float(os.environ.get("HEARTWIRE_PAGE_OPEN_S", "120"))
_NODES = "Memory.getDOMCounters"
_OF_THE_BROWSER = re.compile(
    "system / DoubleStringCache|Performance.*Timing|TaskAttributionTiming|blink::ScriptTimingInfo|LayoutShift.*"
)
"""V8's cache of numbers as text, and what the browser notes of the last 200 slow frames, whether or not a page asks."""


class PageMemory(NamedTuple):
    """Bytes in use after a collection: what the page holds, and what the browser keeps beside it of its own."""

    held: int
    kept_by_browser: int


def page_memory(browser: Any) -> PageMemory:
    """Give what the page of a `Browser` holds: objects, strings, arrays and elements, of its own and of its scripts."""
    chunks: list[str] = []
    browser.on("HeapProfiler.addHeapSnapshotChunk", lambda told: chunks.append(told["chunk"]))
    browser.call("HeapProfiler.collectGarbage")
    browser.call("HeapProfiler.takeHeapSnapshot")
    return _sizes(json.loads("".join(chunks)))


def _sizes(snapshot: dict[str, Any]) -> PageMemory:
    about, names = snapshot["snapshot"]["meta"], snapshot["strings"]
    fields, kinds = about["node_fields"], about["node_types"][0]
    kind_at, name_at, size_at = (fields.index(name) for name in ("type", "name", "self_size"))
    nodes, step = snapshot["nodes"], len(fields)
    held = kept = 0
    for kind, name, size in zip(nodes[kind_at::step], nodes[name_at::step], nodes[size_at::step], strict=True):
        if kinds[kind] == "code" or _OF_THE_BROWSER.fullmatch(names[name]):
            kept += size
        else:
            held += size
    return PageMemory(held, kept)


@pytest.mark.timeout(WARM_S + OPEN_S + 400)
def test_a_page_that_stays_open_does_not_grow(ward: Any, browser_module: ModuleType) -> None:
    with browser_module.Browser(1280, 800) as browser:

        def wait_until(open_s: float) -> None:
            browser.wait_for(f"performance.now() > {1000 * open_s}", timeout_s=open_s + 60)

        browser.open(ward.url)
        wait_until(WARM_S)
        assert browser.value("heartwireFigures().strip_latency_ms.count") > 0
        before, nodes_before = page_memory(browser), browser.call(_NODES)["nodes"]
        wait_until(WARM_S + OPEN_S)
        after, nodes_after = page_memory(browser), browser.call(_NODES)["nodes"]
        logging.getLogger(__name__).info("after %g s %s, after %g s more %s", WARM_S, before, OPEN_S, after)
        # How much code is compiled depends on what has run often: for minutes it grows, whatever the page holds.
        assert after.held <= 1.05 * before.held
        assert nodes_after <= 1.05 * nodes_before
        assert browser.complaints == []
