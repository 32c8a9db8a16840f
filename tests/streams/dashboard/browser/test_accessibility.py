"""Every view before axe-core: nothing serious, in the dark and in the light look."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_GRAVE = {"serious", "critical"}
_VIEWS = {
    "#/": ".bed .value",
    "#/bed/bed-3/ecg": ".alarm-list",
    "#/lab/lab-1/xray": '.lab[data-overlay="shown"]',
    "#/engine": ".chart",
}


@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("view", _VIEWS)
def test_no_view_has_a_serious_finding(page: Page, view: str, look: Any) -> None:
    page.emulate_media(color_scheme=look)
    page.goto(view)
    page.wait_for_selector(_VIEWS[view])
    found = Axe().run(page).response["violations"]
    grave = [
        (finding["id"], node["html"][:160], node["failureSummary"][:300])
        for finding in found
        if finding["impact"] in _GRAVE
        for node in finding["nodes"]
    ]
    assert grave == []
