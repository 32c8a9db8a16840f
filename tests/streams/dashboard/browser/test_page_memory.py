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
_SHOWN = """(() => {
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_ALL);
  let n = 1;
  while (walker.nextNode()) n += 1;
  return n;
})()"""
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


def nodes(browser: Any) -> tuple[int, int]:
    """Give the nodes that the browser holds for the page, and how many are in it: those of alarms come and go."""
    return browser.call("Memory.getDOMCounters")["nodes"], browser.value(_SHOWN)


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
        before, nodes_before = page_memory(browser), nodes(browser)
        wait_until(WARM_S + OPEN_S)
        after, nodes_after = page_memory(browser), nodes(browser)
        told = WARM_S, before, nodes_before, OPEN_S, after, nodes_after
        logging.getLogger(__name__).info("after %g s %s, nodes %s, after %g s more %s, nodes %s", *told)
        # How much code is compiled depends on what has run often: for minutes it grows, whatever the page holds.
        assert after.held <= 1.05 * before.held
        kept, shown = nodes_after
        assert kept - shown <= nodes_before[0] - nodes_before[1] + 0.05 * nodes_before[0]
        assert browser.complaints == []
