"""A package's own pipeline is found through its entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from heartwire.benchmarks.pipelines import pipeline
from heartwire.engine.errors import ConfigError


def declare(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    found = EntryPoints([EntryPoint("mine", value, "heartwire.pipelines")])
    monkeypatch.setattr(pipeline, "entry_points", lambda group: found.select(group=group))


def test_a_declared_pipeline_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, "heartwire.benchmarks.pipelines.foreign:EndpointPipeline")
    assert pipeline.plugged_in("mine").__name__ == "EndpointPipeline"  # type: ignore[attr-defined]


def test_one_that_is_not_there_or_cannot_be_imported_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, "no.such.package:create")
    with pytest.raises(ConfigError, match="there is no pipeline 'other': known are mine"):
        pipeline.plugged_in("other")
    with pytest.raises(ConfigError, match="'mine' cannot be imported"):
        pipeline.plugged_in("mine")
