"""Tests of the collector of cyclic garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from heartwire.engine import collecting
from heartwire.engine.collecting import IdleCollector


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SimpleNamespace, list[int]]]:
    clock, generations = SimpleNamespace(now_s=0.0), list[int]()
    monkeypatch.setattr(collecting, "time", SimpleNamespace(monotonic=lambda: clock.now_s))
    monkeypatch.setattr(gc, "collect", lambda generation=2: generations.append(generation))
    yield clock, generations
    gc.enable()


def test_garbage_is_collected_when_idle_now_and_then_and_at_no_other_time(
    collected: tuple[SimpleNamespace, list[int]],
) -> None:
    clock, generations = collected
    collector = IdleCollector()
    assert not gc.isenabled()
    collector.idle(long=False)
    assert generations == []
    clock.now_s = 1.5
    collector.busy()
    assert generations == []
    collector.idle(long=False)
    collector.idle(long=False)
    assert generations == [0]
    clock.now_s = 61.0
    collector.idle(long=True)
    assert generations == [0, 2]


def test_a_process_that_is_never_idle_collects_all_the_same(collected: tuple[SimpleNamespace, list[int]]) -> None:
    clock, generations = collected
    collector = IdleCollector()
    for clock.now_s in (5.0, 10.5, 15.0, 21.0):
        collector.busy()
    assert generations == [0, 0]


def test_what_outlived_its_youth_is_collected_without_any_long_idle_moment(
    collected: tuple[SimpleNamespace, list[int]],
) -> None:
    clock, generations = collected
    collector = IdleCollector()
    for clock.now_s in range(2, 1300, 2):
        collector.idle(long=False)
    assert generations.count(2) == 2
