"""Kinds of sources, sinks and processors are found by name, and wrong keys are refused with what is known."""

from __future__ import annotations

import pytest

from heartwire.engine import registry
from heartwire.engine.errors import ConfigError
from heartwire.engine.sink import Sink
from heartwire.engine.source import Source


def test_every_declared_kind_can_be_loaded_and_keeps_its_contract() -> None:
    for kind in registry.known("sources"):
        assert issubclass(registry._load("sources", kind), Source)
    for kind in registry.known("sinks"):
        cls = registry._load("sinks", kind)
        assert issubclass(cls, Sink)
        assert cls.wants
    for kind in registry.known("processors"):
        assert callable(registry._load("processors", kind))


def test_a_source_is_made_from_its_table() -> None:
    made = registry.source("bed-1/ecg", {"kind": "wfdb", "record": "data/100", "message_ms": 20})
    assert made.stream == "bed-1/ecg"
    assert (made.record, made.message_ms) == ("data/100", 20.0)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"kind": "lsl2"}, "no source 'lsl2': known are .*dicom.*wfdb"),
        ({"record": "x"}, "`kind` is missing"),
        ({"kind": "wfdb"}, "missing required field `record`"),
        ({"kind": "wfdb", "record": "x", "mesage_ms": 3}, "unknown field `mesage_ms`"),
        ({"kind": "wfdb", "record": "x", "message_ms": "soon"}, r"Expected `float`, got `str` - at `\$.message_ms`"),
    ],
)
def test_a_wrong_table_is_refused_with_what_was_expected(table: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        registry.source("s", table)


def test_unknown_sinks_and_processors_are_refused_with_what_is_known() -> None:
    with pytest.raises(ConfigError, match=r"no sink 'hl8': known are .*fixes"):
        registry.sink({"kind": "hl8"})
    with pytest.raises(ConfigError, match=r"no processor 'eeg': known are ecg, onnx-ecg, onnx-frames, peers, xray"):
        registry.processor("eeg", "s", {})
