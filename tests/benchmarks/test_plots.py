"""Plots are well-formed and show what they are given."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from heartwire.benchmarks.plots import Axis, bars, curves, histogram, matrix

PLOTS = {
    "curves": curves({"a<b": [(0.0, 1.0), (2.0, 3.0)], "none": []}, Axis("x"), Axis("y", 1.0, 4.0), dots=True),
    "empty curves": curves({}, Axis("x"), Axis("y")),
    "histogram": histogram([0.0, 1.0, 2.0, 3.0], {"one": [0, 3, 1], "two": [0, 0, 0]}, "ms"),
    "empty histogram": histogram([0.0, 1.0], {"one": [0]}, "ms"),
    "bars": bars({"100": 99.9, "101": 80.0}, Axis("F1 %", 90.0, 100.0)),
    "matrix": matrix(["N", "none"], [[3, 1], [0, 0]], rows="reference", columns="engine"),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_well_formed(name: str) -> None:
    assert ET.fromstring(PLOTS[name]).tag == "svg"


def test_names_stand_beside_their_curves_and_empty_ones_are_left_out() -> None:
    texts = [e.text for e in ET.fromstring(PLOTS["curves"]).iter("text")]
    assert "a<b" in texts
    assert "none" not in texts
    assert PLOTS["curves"].count("<circle") == 2


def test_a_histogram_shows_the_part_that_holds_anything_in_per_cent() -> None:
    boxes = [e.findtext("title") for e in ET.fromstring(PLOTS["histogram"]).iter("rect")]
    assert boxes == ["one 1: 3", "one 2: 1"]


def test_a_bar_below_the_axis_is_empty_not_upside_down() -> None:
    heights = [float(e.attrib["height"]) for e in ET.fromstring(PLOTS["bars"]).iter("rect")]
    assert heights[1] == 0.0
    assert heights[0] > 0.0
