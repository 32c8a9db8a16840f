"""The page: tables and text are escaped."""

from __future__ import annotations

from heartwire.benchmarks.page import facts, page, table


def test_cells_are_escaped_names_stand_left_and_totals_stand_out() -> None:
    made = table(["name", "n"], [["a<b", "1"], ["all", "2"]], total="all")
    assert '<td class="name">a&lt;b</td><td>1</td>' in made
    assert "<tr class=total>" in made


def test_a_page_has_its_title_and_facts() -> None:
    made = page("A & B", facts({"cores": "2"}))
    assert "<h1>A &amp; B</h1>" in made
    assert "cores" in made
    assert facts({}) == ""
